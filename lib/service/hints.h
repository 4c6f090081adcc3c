/*
 * hints: events that tell which poll is worth a request now.
 *
 * A hint proves nothing: the request that it causes does. While hints come,
 * polls ask rarely by themselves. A hint costs a look into a table of hashes;
 * a poll in it costs about 40 bytes. Two ids with the same hash cost a request.
 */
#ifndef AV_SERVICE_HINTS_H
#define AV_SERVICE_HINTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/hashset.h"

/* An id of a provider; never 0. */
uint64_t hints_hash(const char *provider, const char *id);

/* Part of a poll, zeroed before first use. */
struct hint {
	uint64_t hash; /* set by the owner; 0: it gets no hints */
	SLIST_ENTRY(hint) entry;
	bool listed;
};

SLIST_HEAD(hint_list, hint);

/* Zeroed is empty. */
struct hints {
	struct hint_list *lists;
	size_t size, count; /* lists, a power of two or 0; hints in them */
	/* Hashes that nothing waited for, the latest 16,384 or more. */
	struct hashset unknown, before;
};

void hints_release(struct hints *h);

/* Adds one that is not listed yet. True: its hint came before it. */
bool hints_add(struct hints *h, struct hint *hint);
void hints_remove(struct hints *h, struct hint *hint);

/* Calls fn for each that has the hash. False: there is none. fn may remove the
 * hint that it gets. */
bool hints_find(struct hints *h, uint64_t hash,
    void (*fn)(void *arg, struct hint *hint), void *arg);

/* A hint came that nothing waits for: one that is added later gets it. */
void hints_remember(struct hints *h, uint64_t hash);

/* Calls fn for all. */
void hints_all(
    struct hints *h, void (*fn)(void *arg, struct hint *hint), void *arg);

#endif
