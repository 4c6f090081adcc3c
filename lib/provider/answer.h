/*
 * answer: the meaning of a response, read as the provider's description says.
 */
#ifndef AV_PROVIDER_ANSWER_H
#define AV_PROVIDER_ANSWER_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "http/types.h"
#include "provider/provider.h"

/* What became of a request, in the words of the description's `outcomes`. */
enum outcome {
	OUTCOME_OK,
	OUTCOME_WAIT,    /* not done; the same request may be sent later */
	OUTCOME_AUTH,    /* the credentials are not valid */
	OUTCOME_REFUSED, /* not done and never will be */
	OUTCOME_ACCOUNT, /* the account cannot pay or may not do this */
	OUTCOME_UNKNOWN, /* it may have taken effect */
	/* The first request with the same idempotency key is still at work. */
	OUTCOME_IN_FLIGHT,
	OUTCOME_REDIRECTED,
};

/* A parsed response. */
struct answer {
	int status;               /* of HTTP */
	struct json_object *body; /* NULL if it is not JSON */
	/* The body had to be mended (json/mend.h); odd.message says why. */
	bool is_odd;
	struct err odd;
	const struct http_response *response;
	/* Variables for the `where` of places; NULL: none. Borrowed. */
	struct json_object *vars;
};

/* Parses the response to op; the response must outlive the answer. */
void answer_init(struct answer *a, const struct http_response *response,
    const struct operation *op);
void answer_release(struct answer *a);

/* The outcome by HTTP alone (RFC 9110, RFC 8470), for a repeatable request. */
enum outcome answer_by_status(int status);

/* The outcome by the operation's rule for a key in flight, its outcomes, then
 * the provider's, then the status. Without a rule a paid request is unknown,
 * except for 402, 413, 422 and 429, which HTTP says enough about, and for a 2xx
 * response that has all required members. */
enum outcome answer_outcome(const struct answer *a, const struct provider *p,
    const struct operation *op);

/* True if a rule of the operation or of the provider fits the response. */
bool answer_has_rule(const struct answer *a, const struct provider *p,
    const struct operation *op);

/* The members that the operation takes from a response and that are present,
 * as strings; with provider_status, also "status" in our words, and likewise
 * "final_status" with a second stage. Times are RFC 3339, and "progress" is a
 * number of per cent. A new object, owned by the caller. *known (known may be
 * NULL) is false if no state of the description matches provider_status. For an
 * entry of a list, a has only the body: the entry. A paid response's data: URLs
 * are left out, since what is taken from it goes into the record. */
struct json_object *answer_taken(
    const struct answer *a, const struct operation *op, bool *known);

/* The URL that was taken by this name. NULL: there is none yet, as the service
 * says with null or with a blank text. Borrowed. */
const char *answer_url(struct json_object *taken, const char *name);

/* How long the service asks to wait, in milliseconds; -1 if it does not say.
 * now (unix seconds) is used for a date if the response has no Date. */
int64_t answer_wait_ms(
    const struct answer *a, const struct provider *p, int64_t now);

/* What the service says about an error: its "code", "type", "param", "message"
 * or "request_id". NULL if absent. The caller frees it. */
char *answer_error(
    const struct answer *a, const struct provider *p, const char *what);

#endif
