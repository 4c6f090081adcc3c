/*
 * slots: limits how many requests may be in flight at once (-j).
 *
 * A slot is taken right before the first byte leaves and given back with the
 * response, so that no request that counts as sent waits in a queue.
 */
#ifndef AV_SERVICE_SLOTS_H
#define AV_SERVICE_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

/* A waiter; part of the caller's struct, zeroed before first use. */
struct slot_wait {
	void (*fn)(void *arg);
	void *arg;
	TAILQ_ENTRY(slot_wait) entry;
};

struct slots {
	size_t max, taken;
	TAILQ_HEAD(, slot_wait) waiting;
};

void slots_init(struct slots *slots, size_t max);

bool slots_available(const struct slots *slots);

/* Takes a slot; false if none is free. */
bool slots_take(struct slots *slots);

/* Gives a slot back, and calls waiters while one is free. */
void slots_return(struct slots *slots);

/* Calls fn when a slot is free; fn has to take it, if it still is. */
void slots_wait(
    struct slots *slots, struct slot_wait *w, void (*fn)(void *arg), void *arg);

/* w waits; its fn will not be called. */
void slots_cancel(struct slots *slots, struct slot_wait *w);

#endif
