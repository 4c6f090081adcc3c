/*
 * paid: carries out one operation that must take effect at most once: claims it
 * in the ledger, calls the service, looks an unknown outcome up, and settles.
 *
 *	         turn        ledger       call.h             ledger
 *	start -> QUEUEING -> CLAIMING --> CALLING ---------> SETTLING -> done
 *	                      |   |       |    ^                ^
 *	          made before |   | busy  |    | resend, after  |
 *	             done <---+   +-> ... |    | proved absent  |
 *	                                  v    |                |
 *	                                  LOOKING --------------+
 *	                                       found, or still unknown
 *
 * An operation with an idempotency key (service/idempotency.h) needs no lookup
 * while the key lives: the call sends an unknown request again with its key.
 * An unknown request of an earlier process goes to CALLING with its key, too.
 * It is looked up when the key's life is over, or if the answers stay unclear.
 *
 * Between CLAIMING and CALLING the option values are checked that a list of the
 * service can tell (service/choices.h), and the owner prepares what the request
 * needs (service/order.h): what is made already needs neither.
 *
 * An account that makes one at a time (lookup.exclusive) first settles what
 * earlier runs left open: its list could not tell two lost requests apart.
 *
 * The result is service/call.h's: `reused` if it was made before, and
 * outcome_unknown if neither the response nor the service's list tells. After a
 * redirect the outcome is looked up too, but the request is never resent: the
 * base URL has to be corrected first.
 */
#ifndef AV_SERVICE_PAID_H
#define AV_SERVICE_PAID_H

#include "ledger/ledger.h"
#include "service/call.h"
#include "service/choices.h"
#include "service/dry_run.h"
#include "service/lookup.h"

/* What all paid operations of a program share. */
struct paid_context {
	struct engine *engine;
	struct ledger *ledger;
	struct err no_ledger; /* if ledger is NULL: the error of each request */
	struct lookups *lookups;
	struct choices *choices;
	bool again;        /* make another one of what is made */
	bool unique_names; /* names end with digits of the ledger's key */
	/* An open request of an earlier run stays unknown: ask for no other. */
	bool similar_unknown;
	int64_t creates_left;    /* --max-creates; -1: no limit */
	struct dry_run *dry_run; /* send nothing, set result->plan; or NULL */
};

/* What a paid operation cost. */
struct paid_charge {
	double amount; /* see provider.h, struct operation */
	const char *unit;
	/* "yes": made by this request. "no": not made, or reused. "unknown". */
	const char *charged;
	bool reused;
	char key[2 * LEDGER_KEY_HASH + 1]; /* of the ledger's entry, in hex */
	/* Of a step before it or after it, or NULL. */
	const struct paid_charge *next;
};

struct paid_spec {
	/* Without tag and before_send. */
	struct call_spec call;
	/* It is a step of another paid operation, which has the account's turn
	 * and the marked name. Only a step may be repeatable: it is in the
	 * ledger so that its result is used again. */
	bool step;
	/* In a dry run: it follows a request that is not made yet, so the
	 * ledger can tell nothing of it, and there may be no subject. */
	bool ahead;
	const char *expires_at; /* when the subject ends, or NULL; copied */
	const char *subject;    /* see ledger/types.h; copied */
	const char *name; /* if it was given explicitly; copied; or NULL */
	/* The photo's path, if the subject is its SHA-256; copied; or NULL. For
	 * lookups, which compare pictures with it. */
	const char *file;
	const char
	    *source; /* the photo's path as first given; copied; or NULL */
	struct json_object *options; /* of the key; retained; or NULL */
	bool counted;                /* against --max-creates */
	/* Called with true when it begins to wait for the service's list, so
	 * that the caller need keep nothing ready, and with false when it is
	 * resent. Gets arg; may be NULL. */
	void (*park)(void *arg, bool parked);
	/* Called before each CALLING, so that the owner can put what the
	 * request needs into call.vars; it then calls paid_go_on. Gets arg; may
	 * be NULL. */
	void (*prepare)(void *arg);
};

struct paid;

struct paid *paid_start(struct paid_context *context,
    const struct paid_spec *spec, call_fn *fn, void *arg);

/* Ends `prepare`, from within it or later: sends the request or, if failure is
 * not NULL, gives up with it. */
void paid_go_on(struct paid *p, const struct failure *failure);

/* As call_stop. A claim of what was not sent is given up. While it prepares, it
 * ends when the owner calls paid_go_on. */
void paid_stop(struct paid *p, bool hard);

#endif
