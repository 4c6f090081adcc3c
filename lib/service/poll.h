/*
 * poll: asks the service about avatars and renderings until each is settled.
 *
 * Each has an interval of its own, which grows. However many there are, only
 * max_asking calls are under way; what is due beyond that is queued. While it
 * waits, a poll costs no more than its struct.
 */
#ifndef AV_SERVICE_POLL_H
#define AV_SERVICE_POLL_H

#include <sys/queue.h>

#include "service/call.h"

struct poller {
	struct engine *engine;
	size_t max_asking;
	int64_t timeout_ms, interval_ms;
	size_t asking;
	TAILQ_HEAD(, poll) due;
};

/* Part of the caller's struct, zeroed before first use. */
struct poll {
	struct account *account;
	const struct operation *op; /* asks for the state */
	/* The URL of the answer that settles the poll when it is there; NULL:
	 * "status" settles it, unless it is "processing". */
	const char *until;
	/* Makes the variables of a call, which poll releases. */
	struct json_object *(*vars)(void *arg);
	/* Called when settled: result->taken has the state ("ready", "failed")
	 * or the member; or result->failure is timeout, avatar_gone, no_result,
	 * interrupted, or the failure of a call, such as rate_limited if the
	 * account may not be used before the deadline. */
	void (*fn)(void *arg, const struct call_result *result);
	void *arg;
	/* In the loop's time: from then on `until` that is still missing will
	 * not come, and the poll fails with no_result. 0: it may come. */
	int64_t give_up;
	/* poll's own */
	struct poller *poller;
	TAILQ_ENTRY(poll) entry;
	struct timer timer;
	struct call *call;
	int64_t deadline, interval;
	unsigned missing;   /* answers 404 or 410 in a row */
	int64_t missing_at; /* when the first of them came */
	bool queued, stop;
};

/* interval_ms: the first interval; 0: the provider's. */
void poller_init(struct poller *poller, struct engine *engine,
    size_t max_asking, int64_t timeout_ms, int64_t interval_ms);

/* Asks at once, or after the first interval. p->deadline may be set already, by
 * an earlier poll for the same record. */
void poll_start(struct poller *poller, struct poll *p, bool at_once);

/* Ends it soon, with `interrupted`. */
void poll_stop(struct poll *p, bool hard);

#endif
