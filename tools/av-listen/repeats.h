/*
 * repeats: remembers the bodies of events for a while, to drop repeats.
 *
 * A service sends an event again when it saw no response. The memory is
 * bounded: what came last 32,768 to 65,536 events ago, or half an hour to an
 * hour ago, is forgotten, since the same may happen to an avatar again.
 */
#ifndef AV_LISTEN_REPEATS_H
#define AV_LISTEN_REPEATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hashset.h"

/* Zeroed is empty. */
struct repeats {
	struct hashset now, before;
	int64_t since; /* of `now` */
};

void repeats_release(struct repeats *r);

/* True if the body came before. ms: a clock that does not go back. */
bool repeats_has(struct repeats *r, const void *body, size_t len, int64_t ms);
void repeats_add(struct repeats *r, const void *body, size_t len, int64_t ms);

#endif
