/*
 * places: how many requests may be in flight at once (-j), and who is next.
 *
 * A place is taken right before the first byte leaves and given back with the answer, so that
 * nothing that counts as sent ever stands in a line.
 */
#ifndef AV_SERVICE_SLOTS_H
#define AV_SERVICE_SLOTS_H

#include <stdbool.h>
#include <stddef.h>

/* One who waits; zeroed before first use, part of the caller's struct. */
struct place_wait {
	void (*fn)(void *arg);
	void *arg;
	struct place_wait *next;
	bool waiting;
};

struct places {
	size_t max, taken;
	struct place_wait *first, **last;
};

void places_init(struct places *places, size_t max);

bool places_free(const struct places *places);

/* Takes one; false where none is free. */
bool places_take(struct places *places);

/* Gives one back, and calls those who wait while any is free. */
void places_give(struct places *places);

/* Calls fn when one is free, for it to take: there it may be gone again, so look once more. */
void places_wait(
    struct places *places, struct place_wait *w, void (*fn)(void *arg), void *arg);

/* fn will not come. */
void places_leave(struct places *places, struct place_wait *w);

#endif
