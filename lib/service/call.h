/*
 * call: carries out one operation of a provider: sends its request, judges the
 * response, and tries again where that is safe.
 *
 *	attempt --> SENDING --> ok, refused, account, redirected, unknown: the end
 *	   ^           |
 *	   +-----------+  wait, not sent, auth (once); a response that was lost,
 *	                  where the operation is repeatable
 *
 * service/attempt.h says how a request gets its credentials, pace and slot.
 * A call does not know what was paid for before: service/paid.h is for
 * operations that must not be done twice.
 */
#ifndef AV_SERVICE_CALL_H
#define AV_SERVICE_CALL_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "provider/provider.h"
#include "provider/request.h"
#include "service/attempt.h"

struct call_spec {
	struct account *account;
	const struct operation *op;
	struct json_object *vars;          /* see provider/request.h; retained */
	const struct request_photo *photo; /* lives until the call is done; or NULL */
	const char *tag; /* for the operation's lookup.tag, or NULL; lives as long */
	/* When waiting ends, in the loop's time; set by the first request if it is 0, to
	 * timeout_ms from then. Lives until the call is done. */
	int64_t *deadline;
	int64_t timeout_ms;
	/* Asked each time right before the first byte leaves, with the call's arg: 0, or -1 and
	 * why nothing may be sent. May be NULL. */
	int (*before_send)(void *arg, struct err *e);
};

/* failure->created is "unknown" where the service may have done it all the same: the code is
 * outcome_unknown then, or redirected. */
struct call_result {
	struct json_object
	    *taken; /* what the answer told: strings by name, and "status" in
	                                  our words; NULL where it failed */
	struct json_object *body; /* the whole answer, of what is repeatable and done or
	                             refused; NULL where it is no JSON */
	bool reused; /* made before, by an earlier request (service/paid.h) */
	struct json_object
	    *plan; /* of a dry run, where nothing was sent (service/paid.h) */
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
