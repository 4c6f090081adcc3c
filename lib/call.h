/*
 * call: one operation of a provider, carried out once: claimed in the ledger, authorized, at
 * the account's pace, sent, judged, tried again where that is safe, settled.
 *
 *	           claim       credentials    pace        wire        judge
 *	  start -> CLAIMING -> AUTHORIZING -> WAITING  -> SENDING --> ok, refused, account,
 *	              |          ^      ^                    |        redirected     unknown
 *	              v          |      |                    v             |            |
 *	         made before     |   PAUSING <- wait, not sent, auth       v            v
 *	              |          |                                     SETTLING <--- LOOKING
 *	              |          +-------- absent from the list ---------- | ----------+
 *	              +----------------------------------------------------+-> done
 *
 * A repeatable operation skips the ledger, and is also tried again when its answer was lost.
 */
#ifndef AV_CALL_H
#define AV_CALL_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "account.h"
#include "failure.h"
#include "http.h"
#include "ledger.h"
#include "provider.h"
#include "request.h"

/* What all calls of a program share. */
struct engine {
	struct loop *loop;
	struct http *http;
	struct accounts *accounts;
	struct lookups *lookups;     /* for outcomes in doubt; NULL: they stay unknown */
	struct ledger *ledger;       /* for operations that are not repeatable */
	bool again;                  /* --again */
	int64_t creates_left;        /* --max-creates; -1: no limit */
	bool (*stopping)(void *arg); /* nothing new may be begun */
	void *arg;
};

/* What is asked for, to the ledger. */
struct call_claim {
	const char *subject;         /* the photo's SHA-256, a URL, or an id */
	const char *name;            /* given explicitly, or NULL */
	struct json_object *options; /* those declared by the operation, or NULL */
	bool counted;                /* against --max-creates */
};

struct call_spec {
	struct account *account;
	const struct operation *op;
	struct json_object *vars;          /* see request.h; retained */
	const struct request_photo *photo; /* lives until the call is done; or NULL */
	const struct call_claim *claim;    /* for what is not repeatable; copied */
	/* When waiting ends, in the loop's time; set by the first request if it is 0, to
	 * timeout_ms from then. Lives until the call is done. */
	int64_t *deadline;
	int64_t timeout_ms;
	/* Told when the call begins to wait for the service's list, for which nothing has to be
	 * kept ready, and when it is sent after all; may be NULL. Gets the call's arg. */
	void (*park)(void *arg, bool parked);
};

struct call_result {
	struct json_object
	    *taken; /* what the answer told: strings by name, and "status" in
	                                  our words; NULL where it failed */
	struct json_object *body; /* the whole answer, of what is repeatable; or NULL */
	bool reused;              /* made before, by an earlier request */
	const struct failure *failure; /* NULL where it succeeded */
};

struct call;

/* Called once, on the loop, never from within call_start. The result ends with it. */
typedef void call_fn(void *arg, const struct call_result *result);

struct call *call_start(
    struct engine *engine, const struct call_spec *spec, call_fn *fn, void *arg);

/* Ends it soon, with `interrupted`; what is on the wire is waited for, unless hard. */
void call_stop(struct call *c, bool hard);

#endif
