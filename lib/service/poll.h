/*
 * poll: asks about things, each at its own growing interval, until they are settled.
 *
 * However many are watched, only as many questions are under way as requests may be in flight;
 * what is due beyond that stands in line. A watch costs its struct and no more while it waits.
 */
#ifndef AV_SERVICE_POLL_H
#define AV_SERVICE_POLL_H

#include "service/call.h"

struct poller {
	struct engine *engine;
	size_t max_asking;
	int64_t timeout_ms, interval_ms;
	size_t asking;
	struct poll *first, **last; /* due, in line */
};

/* One thing that is watched; part of the caller's struct, zeroed before first use. */
struct poll {
	struct account *account;
	const struct operation *op; /* asks about it */
	/* Its answer's member that must be there to be settled; NULL: "status" must be there and
	 * not be "processing". */
	const char *until; /* name of the member */
	struct json_object *(*vars)(
	    void *arg); /* made for each question; the caller's gift */
	/* Settled: result->taken has the state ("ready", "failed") or the member; or
	 * result->failure: timeout, avatar_gone, interrupted, or what a call failed with. */
	void (*fn)(void *arg, const struct call_result *result);
	void *arg;
	/* watch's own */
	struct poller *poller;
	struct poll *next;
	struct timer timer;
	struct call *call;
	int64_t deadline, interval;
	unsigned missing; /* times in a row that the service did not know it */
	bool queued, stop;
};

/* interval_ms: the first interval in place of the provider's; 0: the provider's. */
void poller_init(struct poller *poller, struct engine *engine, size_t max_asking,
    int64_t timeout_ms, int64_t interval_ms);

/* Begins, with a first question at once (or after the first interval). p->deadline may be set
 * already, by an earlier watch for the same record. */
void poll_start(struct poller *poller, struct poll *p, bool at_once);

/* Ends it soon, with `interrupted`. */
void poll_stop(struct poll *p, bool hard);

#endif
