/*
 * paid: one operation that must not be carried out twice: claimed in the ledger, called, looked up
 * where its outcome is in doubt, settled.
 *
 *	          turn        ledger       service/call.h                    ledger
 *	start -> QUEUEING -> CLAIMING -> CALLING ----------------> SETTLING -> done
 *	                        |  |        |  ^                      ^
 *	             made before|  |busy    |  | surely absent        |
 *	                   done<+  +->...   v  |                      |
 *	                                  LOOKING --------------------+  found, or untold
 *
 * The result is service/call.h's: `reused` where it was made before, and outcome_unknown where neither
 * the answer nor the service's list tells. A redirect is in doubt too, but it is never sent again:
 * the address has to be put right first.
 */
#ifndef AV_SERVICE_PAID_H
#define AV_SERVICE_PAID_H

#include "ledger/ledger.h"
#include "service/call.h"
#include "service/dry_run.h"
#include "service/lookup.h"

/* What all of a program share. */
struct paid_context {
	struct engine *engine;
	struct ledger *ledger;
	struct lookups *lookups;
	bool again;           /* make another one of what is made */
	int64_t creates_left; /* --max-creates; -1: no limit */
	struct dry_run
	    *dry_run; /* send nothing, tell in result->plan what would be; or NULL */
};

struct paid_spec {
	struct call_spec
	    call; /* without tag and before_send; the operation is not repeatable */
	const char *subject; /* photo's SHA-256, URL, or id; copied */
	const char *name;    /* given explicitly, or NULL; copied */
	struct json_object
	    *options; /* those that tell it from others; retained; or NULL */
	bool counted; /* against --max-creates */
	/* Told when it begins to wait for the service's list, for which nothing has to be kept
	 * ready, and when it is sent after all; gets arg; may be NULL. */
	void (*park)(void *arg, bool parked);
};

struct paid;

struct paid *paid_start(
    struct paid_context *context, const struct paid_spec *spec, call_fn *fn, void *arg);

/* As call_stop. What is not sent yet is given back to the ledger. */
void paid_stop(struct paid *p, bool hard);

#endif
