/*
 * call: carries out one operation of a provider: sends its request, reads the
 * response, and tries again where that is safe.
 *
 *	attempt --> SENDING --> ok, refused, account, redirected, unknown: end
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
#include "service/idempotency.h"

struct call_spec {
	struct account *account;
	const struct operation *op;
	struct json_object *vars; /* see provider/request.h; retained */
	/* The next four stay until the call is done. */
	/* In place of the operation's path and query, of the same origin as the
	 * base URL; NULL: those. */
	const char *url;
	const struct request_photo *photo; /* or NULL */
	const char *tag; /* for the operation's lookup.tag, or NULL */
	/* When waiting ends, in the loop's time. If it is 0, the first request
	 * sets it to timeout_ms from then; an earlier wait for the account
	 * does too. */
	int64_t *deadline;
	int64_t timeout_ms;
	/* Asked right before the first byte of each attempt leaves, with the
	 * call's arg: 0, or -1 and why nothing may be sent; CODE_NETWORK: not
	 * yet. May be NULL. */
	int (*before_send)(void *arg, struct err *e);
	/* As http_request.may_send; gets the call's arg. May be NULL. */
	bool (*may_send)(void *arg);
	/* With an idempotency key (service/idempotency.h), which vars have: an
	 * attempt with an unknown outcome is followed by another one, while the
	 * key lives. NULL: none. */
	const struct idempotency *idempotency;
	bool sent_before; /* with this key, and its outcome is unknown */
};

/* If the service may have acted all the same, failure->created is "unknown" and
 * the code is outcome_unknown or redirected. */
struct call_result {
	/* What the response told: strings by name, and "status" in our words.
	 * NULL if the call failed. */
	struct json_object *taken;
	/* The whole response of an operation that succeeded, or that is
	 * repeatable and was refused. NULL if it is not JSON, or if the
	 * operation was paid for (service/paid.h). */
	struct json_object *body;
	size_t bytes; /* of the last response's body */
	/* Of a list: the URL that was asked, and the target of the response's
	 * Link with rel=next, or NULL. */
	const char *url, *next;
	bool reused; /* made before (service/paid.h) */
	/* What it cost (service/paid.h). NULL: no paid operation, or one that
	 * did not come as far as an entry in the ledger. */
	const struct paid_charge *charge;
	/* The service answered several times with the key, and no answer told
	 * the outcome. */
	bool unclear;
	struct json_object *plan; /* of a dry run (service/paid.h) */
	/* What the service's own check of the photo found though it would take
	 * it (provider/findings.h), by this operation or by a step; or NULL. */
	struct json_object *findings;
	const struct failure *failure; /* NULL if it succeeded */
};

struct call;

/* Called once, on the loop, never from within call_start. The result ends with
 * it. */
typedef void call_fn(void *arg, const struct call_result *result);

struct call *call_start(struct engine *engine, const struct call_spec *spec,
    call_fn *fn, void *arg);

/* Ends it soon, with `interrupted`. A request in flight is waited for, unless
 * hard. */
void call_stop(struct call *c, bool hard);

#endif
