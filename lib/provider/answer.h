/*
 * answer: what a service's answer means, read by its provider's description alone.
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
	OUTCOME_WAIT,    /* not now: the same request may be sent later */
	OUTCOME_AUTH,    /* the credentials are not accepted */
	OUTCOME_REFUSED, /* for good */
	OUTCOME_ACCOUNT, /* the account cannot pay or may not do this */
	OUTCOME_UNKNOWN, /* it may or may not have taken effect */
	OUTCOME_REDIRECTED,
};

/* An answer, taken apart. */
struct answer {
	int status;               /* HTTP */
	struct json_object *body; /* parsed, or NULL where it is no JSON */
	const struct http_response *response;
};

/* Parses the body where it is JSON. The response must outlive the answer. */
void answer_init(struct answer *a, const struct http_response *response);
void answer_release(struct answer *a);

/* What HTTP says by itself (RFC 9110, 8470) of a request that may be sent again. */
enum outcome answer_by_status(int status);

/* Judges by the operation's rules, then the provider's, then by what HTTP itself says: for an
 * operation that is not repeatable anything unlisted is unknown, but for a 2xx that holds all that
 * the answer must. */
enum outcome answer_outcome(
    const struct answer *a, const struct provider *p, const struct operation *op);

/* Takes a member of the operation's answer ("id", "provider_status", "url", ...) as text; NULL
 * where it is absent or null. The caller frees it. */
char *answer_take(const struct answer *a, const struct operation *op, const char *member);

/* The same from any `take` description and a body, e.g. one entry of a list. */
char *answer_take_from(struct json_object *take, struct json_object *body,
    const struct http_response *response);

/* All members that the operation takes and that are there, as strings in an object, the
 * caller's; "status" in our words where provider_status is mapped. *known is false for a word
 * that the description does not map. */
struct json_object *answer_taken(
    const struct answer *a, const struct operation *op, bool *known);

/* The same of an entry of a list, by the list's operation. */
struct json_object *answer_taken_of(
    struct json_object *entry, const struct operation *op);

/* Whether all that the operation's answer must hold is there. */
bool answer_complete(const struct answer *a, const struct operation *op);

/* How long the service asks to wait, in milliseconds; -1 where it does not say. now: unix
 * seconds, for a date where the answer itself has none. */
int64_t answer_wait_ms(const struct answer *a, const struct provider *p, int64_t now);

/* What the service says of an error; NULL where it does not. The caller frees them. */
char *answer_error_code(const struct answer *a, const struct provider *p);
char *answer_error_message(const struct answer *a, const struct provider *p);
char *answer_request_id(const struct answer *a, const struct provider *p);

#endif
