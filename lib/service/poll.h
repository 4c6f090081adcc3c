/*
 * poll: asks the service about avatars and renderings until each is settled.
 *
 * Each has an interval of its own, which grows. However many there are, no more
 * calls are under way than the engine can have slots; what is due beyond that
 * is queued. While it waits, a poll costs no more than its struct.
 *
 * With hints, a poll that waits for one asks only every ten of the provider's
 * longest intervals, and at once when its hint comes. If no hint came at all
 * for four of them, polls ask as usual until the next one.
 *
 * Where a list can answer for many polls at once, it is read (service/sweep.h).
 */
#ifndef AV_SERVICE_POLL_H
#define AV_SERVICE_POLL_H

#include <stdint.h>
#include <sys/queue.h>

#include "service/call.h"
#include "service/hints.h"
#include "service/sweep.h"

struct poller {
	struct engine *engine;
	int64_t timeout_ms, interval_ms;
	/* For the owner to set: timeout_ms is a default, and what usually takes
	 * longer is waited for longer. */
	bool patient;
	bool final; /* likewise: waits for the second stage too */
	char *told; /* what a person has to do, as it was told last */
	size_t asking;
	TAILQ_HEAD(, poll) due;
	struct hints hints; /* polls that wait, by what they wait for */
	/* When the last hint came, or the wait for it began; far in the past:
	 * none will come. */
	int64_t hinted_at;
	struct sweeps sweeps;
};

/* What the owner of polls does for each, which tells its own by arg. */
struct poll_calls {
	/* Makes the variables of a call, which poll releases. */
	struct json_object *(*vars)(void *arg);
	/* Called when settled: result->taken has the state ("ready", "failed")
	 * or the member; or result->failure is timeout, avatar_gone, no_result,
	 * interrupted, or the failure of a call, such as rate_limited if the
	 * account may not be used before the deadline. */
	void (*settled)(void *arg, const struct call_result *result);
};

/* Part of the caller's struct, zeroed before first use. There may be 100,000,
 * so small members stand together. */
struct poll {
	struct account *account;
	const struct operation *op; /* asks for the state */
	/* The URL of the answer that settles the poll when it is there; NULL:
	 * "status" settles it, unless it is "processing". */
	const char *until;
	const struct poll_calls *calls;
	void *arg;
	/* In the loop's time: from then on `until` that is still missing will
	 * not come, and the poll fails with no_result. 0: it may come. */
	int64_t give_up;
	/* Its hash, if the owner sets it, is of what the poll waits for: then
	 * hints and lists can answer for it. */
	struct hint hint;
	/* poll's own */
	struct poller *poller;
	TAILQ_ENTRY(poll) entry;
	struct timer timer;
	struct call *call;
	struct sweep *sweep; /* the list that can answer, or NULL */
	const char *todo;    /* what a person has to do, or NULL */
	int64_t deadline, interval;
	int64_t next_at;    /* the next request, unless a hint comes */
	int64_t asked_at;   /* the last one */
	int64_t missing_at; /* when the first answer 404 or 410 in a row came */
	unsigned missing;   /* such answers in a row */
	unsigned hints;     /* that came, and were not true yet */
	unsigned serial;    /* of the reading that it waits for, or was in */
	bool queued, stop;
	bool hinted;     /* its hint came while a request was under way */
	bool deferred;   /* it waits for the list instead of asking */
	bool tells;      /* the last answer had a progress: */
	uint8_t percent; /* this one */
};

/* interval_ms: the first interval; 0: the provider's. */
void poller_init(struct poller *poller, struct engine *engine,
    int64_t timeout_ms, int64_t interval_ms);

void poller_release(struct poller *poller);

/* How long to wait for what this operation, which may be NULL, asks about. */
int64_t poller_timeout(const struct poller *poller, const struct operation *op);

/* Hints may come from now on. */
void poller_expect_hints(struct poller *poller);

/* An event about what has this hash (service/hints.h) came. hints_over: no
 * event will come, and some may be lost. */
void poller_hint(struct poller *poller, uint64_t hash);
void poller_hints_over(struct poller *poller);

/* Asks at once, or after the first interval; with hints that are expected and
 * not at_once, when its hint comes. p->deadline may be set already, by
 * an earlier poll for the same record. */
void poll_start(struct poller *poller, struct poll *p, bool at_once);

/* Ends it soon, with `interrupted`. */
void poll_stop(struct poll *p, bool hard);

#endif
