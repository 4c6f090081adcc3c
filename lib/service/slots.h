/*
 * slots: how many requests of a run may be in flight.
 *
 * The number is fixed; or it finds itself, between `first` and `most`, for
 * requests that are free and repeatable. It grows by one after each round,
 * which is about as many responses as there are slots, if all slots were in
 * use. Half as many more must bring a quarter more responses a second;
 * otherwise the number goes back, and tries again later. A response that tells
 * of too much work, or none at all, halves it: once for all that were in flight
 * then.
 *
 *	slots_init(&s, first, most)
 *	if (slots_take(&s, now))
 *		... the request ... then slots_return(&s, well, now)
 */
#ifndef AV_SERVICE_SLOTS_H
#define AV_SERVICE_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct slots {
	size_t now; /* how many there are */
	size_t first, most;
	size_t taken;
	int64_t idle_at; /* since when none is taken */
	/* The round: responses until it ends; when it began, in ms, later by
	 * times when nothing was in flight; whether all slots were in use in
	 * it; whether it only waits for what was in flight when the number was
	 * halved. */
	size_t left;
	int64_t since;
	bool full, halved;
	/* Another number, and the responses a second that came with it; 0: not
	 * known. Rounds in which the number stays. */
	size_t before;
	double rate;
	unsigned rest;
};

/* first == most: the number is fixed. */
void slots_init(struct slots *s, size_t first, size_t most);

bool slots_free(const struct slots *s);

/* Takes a slot; false if none is free. */
bool slots_take(struct slots *s, int64_t now_ms);

/* Gives a slot back. well: the service answered, and had not too much to do. */
void slots_return(struct slots *s, bool well, int64_t now_ms);

#endif
