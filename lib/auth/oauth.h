/*
 * oauth: requests to a service's OAuth endpoints, and what they answer.
 *
 * RFC 6749 (grants, client authentication, errors), RFC 8628 (device), RFC 7636
 * (PKCE), RFC 7009 (revocation). Blocking; safe on any thread, since nothing is
 * kept between calls.
 */
#ifndef AV_AUTH_OAUTH_H
#define AV_AUTH_OAUTH_H

#include <stdbool.h>
#include <stdint.h>

#include "auth/grant.h"
#include "auth/token_file.h"
#include "base/err.h"

/* The answer to a token request. */
struct oauth_answer {
	struct stored_token token; /* obtained: before the request was sent */
	char error[64];            /* RFC 6749's `error`, or "" */
	bool unclear;              /* failed, but it may have taken effect */
};

/* Asks for a token. A lost network, 429 and other temporary failures are
 * retried up to three times, unless the request uses up what it sends: a
 * refresh token, a code or a device code. The answer is to be released in any
 * case. -1 and CODE_TOKEN_REFUSED with the service's reason and what to do,
 * CODE_NETWORK, CODE_RATE_LIMITED, CODE_UNAVAILABLE, CODE_BAD_ANSWER,
 * CODE_REDIRECTED. */
int oauth_get_token(
    const struct oauth_request *q, struct oauth_answer *answer, struct err *e);
void oauth_answer_release(struct oauth_answer *a);

/* The URL at which a person authorizes us in a browser. The caller frees it. */
char *oauth_authorize_url(
    const struct oauth_request *q, const char *state, const char *challenge);

/* What a device shows to a person who authorizes it elsewhere (RFC 8628,
 * section 3.2). The caller releases it. */
struct oauth_device {
	char *device_code; /* for the token request */
	char *user_code, *uri;
	char *uri_complete;         /* with the code in it; or NULL */
	int64_t interval, lifetime; /* seconds; lifetime -1: not said */
};

int oauth_device_start(
    const struct oauth_request *q, struct oauth_device *d, struct err *e);
void oauth_device_release(struct oauth_device *d);

/* Revokes a token; type_hint is "refresh_token" or "access_token". */
int oauth_revoke(const struct oauth_request *request, const char *token,
    const char *type_hint, struct err *e);

#endif
