/*
 * attempt: sends a request for a call or a download, and again when its owner
 * says so.
 *
 *	          credentials     pace      slot, wire    the owner reads it
 *	start -> AUTHORIZING -> PACING --> SENDING -----> done, or one of
 *	          ^    ^           |                      attempt_again,
 *	          |    +- QUEUED <-+  no slot is free     attempt_back_off,
 *	          |                                       attempt_renew
 *	          +-- PAUSING <---------------------------+
 *
 * Each attempt gets credentials, waits for the account's pace, takes a slot
 * right before the first byte leaves and gives it back once the response is
 * read: no request that counts as sent waits for a slot. An anonymous attempt,
 * which goes to another origin than the API's, has neither credentials nor
 * pace.
 *
 * It ends without a response when the owner's check fails, the run stops, the
 * deadline comes before the next attempt, or there are no credentials: the
 * owner's `end` is called, and `failure` says why.
 *
 * The struct belongs to the owner, who zeroes it, fills in the first group of
 * members, and calls attempt_release at the end, also from within a callback.
 */
#ifndef AV_SERVICE_ATTEMPT_H
#define AV_SERVICE_ATTEMPT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "http/http.h"
#include "os/loop.h"
#include "service/account.h"
#include "service/failure.h"
#include "service/keeper.h"
#include "service/slots.h"

/* What all attempts of a program share. */
struct engine {
	struct loop *loop;
	struct http *http;
	struct accounts *accounts;
	struct slots slots; /* of -j: how many requests may be in flight */
	TAILQ_HEAD(, attempt) waiting; /* for a slot */
	struct keeper keeper;          /* of downloads */
	bool (*stopping)(void *arg);   /* nothing new may be begun */
	/* Shown each response of a call before it is acted on; NULL: nobody. */
	void (*look)(
	    void *arg, const struct operation *op, const struct answer *answer);
	void *arg;
};

struct attempt_calls {
	/* Asked before each attempt begins, and before it is sent: 0, or -1
	 * with attempt->failure set. May set attempt->anonymous. */
	int (*check)(void *arg);
	/* Fills in the request with the credentials' header (NULL: none); it is
	 * sent when this returns 0. What it points to lives until then. */
	int (*build)(void *arg, const struct http_header *credentials,
	    struct http_request *request, struct err *e);
	/* Reads the response: ends, or asks for another attempt. */
	void (*responded)(void *arg, const struct http_response *r);
	/* Ends the owner: no attempt follows, attempt->failure says why. */
	void (*end)(void *arg);
};

enum attempt_state {
	ATTEMPT_STARTING,
	ATTEMPT_IN_ACCOUNT, /* AUTHORIZING or PACING */
	ATTEMPT_QUEUED,
	ATTEMPT_SENDING,
	ATTEMPT_PAUSING,
};

struct attempt {
	/* The owner's. */
	const struct attempt_calls *calls;
	void *arg;
	struct engine *engine;
	struct account *account;
	const char *created; /* failure->created while nothing was sent */
	/* In the loop's time. If it is 0, the first request sets it to
	 * timeout_ms from then, or an earlier wait for the account. */
	int64_t *deadline;
	int64_t timeout_ms;
	bool anonymous;
	/* For the owner to read and change. */
	struct failure failure; /* why the last attempt failed */
	unsigned failed;        /* attempts in a row, which back_off counts */
	/* For the owner to read. */
	char *sent_header; /* the credentials that were sent; secret */
	bool stop;
	/* Its own. */
	enum attempt_state state;
	bool renewed;  /* the credentials were renewed for this owner */
	bool rejected; /* sent_header was refused, and is not renewed yet */
	struct deferred deferred;
	struct timer timer;
	struct account_wait wait;
	TAILQ_ENTRY(attempt) entry; /* of engine->waiting */
	struct http_transfer *wire;
};

/* Begins soon; nothing is called from within. */
void attempt_start(struct attempt *a);
void attempt_release(struct attempt *a);

/* Begins another attempt in ms. The owner has set `failure`, which it is ended
 * with if the deadline comes first; so for the next two. */
void attempt_again(struct attempt *a, int64_t ms);

/* Begins another attempt after the ms that Retry-After asked for; if it did
 * not (0), after a jittered wait that grows with each failure in a row. */
void attempt_back_off(struct attempt *a, int64_t asked_ms);

/* The credentials were refused: begins another attempt with new ones. False if
 * that was done before; an owner gets new credentials once. */
bool attempt_renew(struct attempt *a);

/* Begins attempts that waited because the engine's keeper was full. */
void attempt_go_on(struct engine *engine);

/* Ends the owner with `interrupted`. */
void attempt_interrupt(struct attempt *a);

/* Ends it soon, with `interrupted`; a request on the wire is waited for, unless
 * hard. */
void attempt_stop(struct attempt *a, bool hard);

#endif
