/*
 * slots: how many requests may be in flight at once (-j), and who is next.
 *
 * A place is taken right before the first byte leaves and given back with the answer, so that
 * nothing that counts as sent ever stands in a line.
 */
#ifndef AV_SERVICE_SLOTS_H
#define AV_SERVICE_SLOTS_H

#include <stdbool.h>
#include <stddef.h>

/* One who waits; zeroed before first use, part of the caller's struct. */
struct slot_wait {
	void (*fn)(void *arg);
	void *arg;
	struct slot_wait *next;
	bool waiting;
};

struct slots {
	size_t max, taken;
	struct slot_wait *first, **last;
};

void slots_init(struct slots *slots, size_t max);

bool slots_available(const struct slots *slots);

/* Takes one; false where none is free. */
bool slots_take(struct slots *slots);

/* Gives one back, and calls those who wait while any is free. */
void slots_return(struct slots *slots);

/* Calls fn when one is free, for it to take: there it may be gone again, so look once more. */
void slots_wait(
    struct slots *slots, struct slot_wait *w, void (*fn)(void *arg), void *arg);

/* fn will not come. */
void slots_cancel(struct slots *slots, struct slot_wait *w);

#endif
