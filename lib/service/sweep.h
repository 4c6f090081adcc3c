/*
 * sweep: asks one list for the states of many avatars, in place of one request
 * for each.
 *
 * A list can tell if its entries have the same states as the answer of the
 * operation that asks about one. It is read while many wait and it takes at
 * most half of the requests that single ones would take, as often as keeps that
 * so, and not to its end if all that wait were seen. What it does not show is
 * asked about singly.
 */
#ifndef AV_SERVICE_SWEEP_H
#define AV_SERVICE_SWEEP_H

#include <sys/queue.h>

#include "service/listing.h"

/* One account and one operation that asks about one avatar or rendering. */
struct sweep;

/* Called for each entry of a list that has an id, with what its answer takes;
 * borrowed. Returns how many that wait were seen for the first time. */
typedef size_t sweep_fn(
    void *arg, struct sweep *s, const char *id, struct json_object *taken);

struct sweeps {
	struct engine *engine;
	int64_t timeout_ms;
	sweep_fn *fn;
	void *arg;
	SLIST_HEAD(, sweep) all;
	bool ends; /* in sweeps_release */
};

/* Ends listings that are under way; runs the loop until they have ended. */
void sweeps_release(struct sweeps *all);

/* The sweep that can answer for this operation; NULL: no list can. */
struct sweep *sweeps_of(
    struct sweeps *all, struct account *a, const struct operation *op);

/* So many more, or fewer, wait for an answer. */
void sweep_wait(struct sweep *s, int n);

/* The name of its provider. */
const char *sweep_provider(const struct sweep *s);

/* How often the list was read, and whether it is being read. */
unsigned sweep_serial(const struct sweep *s);
bool sweep_reads(const struct sweep *s);

/* One that waits is due. True: the list is being read or will be, so it should
 * not ask by itself before *at, in the loop's time. */
bool sweep_serves(struct sweep *s, int64_t *at);

#endif
