/*
 * oauth: how a service gives tokens, as a provider file says it, and one request to it.
 *
 * RFC 6749 (grants, client authentication, errors), RFC 8628 (device), RFC 7636 (PKCE), RFC
 * 7009 (revocation). Blocking; safe on any thread, for nothing here is kept between calls. The
 * descriptions are the provider's: borrowed, never changed.
 */
#ifndef AV_AUTH_OAUTH_H
#define AV_AUTH_OAUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/creds.h"
#include "base/clock.h"
#include "base/err.h"

/* A parameter of a request. In the value stand for themselves: {client_id} {client_secret}
 * {username} {password} {audience} {scope}. A parameter whose value names something that is
 * absent is left out, but a grant that names {username} or {password} is only used where they
 * are there. What a flow itself needs (code, code_verifier, redirect_uri, refresh_token,
 * device_code, the client) is added to its requests and need not be named. */
struct oauth_param {
	const char *name;
	const char *value;
};

/* How the client proves itself; adds client_id and client_secret by itself. */
enum oauth_client_auth {
	OAUTH_CLIENT_DEFAULT, /* for a grant: as the provider says; for a provider: _POST */
	OAUTH_CLIENT_POST,    /* client_secret_post */
	OAUTH_CLIENT_BASIC,   /* client_secret_basic */
	OAUTH_CLIENT_NONE     /* none: client_id alone */
};

/* A way to get a token. The name tells the flow: "authorization_code" asks a person in a
 * browser, "device_code" on another device, "refresh_token" renews; "implicit" is refused;
 * any other name is one request to the token URL. */
struct oauth_grant {
	const char *name;                   /* "password-realm", for --grant */
	const char *type;                   /* grant_type; NULL: the RFC's for the name */
	enum oauth_client_auth client_auth; /* of this grant alone */
	struct oauth_param *params;         /* of the token request */
	size_t param_count;
	struct oauth_param
	    *authorize; /* of the authorize or device request; none: scope and
					* audience */
	size_t authorize_count;
};

struct oauth {
	const char *token_url;
	const char *authorize_url; /* NULL: no browser flow */
	const char *device_url;    /* NULL: no device flow */
	const char *revoke_url;    /* NULL: nothing to revoke with */
	const char *redirect_uri;  /* as registered; NULL: loopback on a free port */
	const char *audience;      /* NULL: none */
	char *scope;               /* separated by blanks; NULL: none */
	enum oauth_client_auth client_auth;
	struct oauth_grant *grants; /* in order of preference */
	size_t grant_count;
	struct oauth_param
	    *authorize_params; /* of authorize and device requests, beside scope */
	size_t authorize_param_count;
};

/* Where requests go: the file's URLs, or NAME_TOKEN_URL, with which the file's other URLs of
 * the same origin move. */
struct oauth_urls {
	char *token, *authorize, *device, *revoke;
};

/* CODE_UNSAFE_SECRET where one of them is neither https nor loopback. */
int oauth_urls_init(
    struct oauth_urls *u, const struct oauth *o, const struct creds *c, struct err *e);
void oauth_urls_release(struct oauth_urls *u);

bool oauth_is(const struct oauth_grant *g, const char *name);

/* The grant needs a person at a browser or a device. */
bool oauth_interactive(const struct oauth_grant *g);

/* The name of a credential that the grant needs and that is absent; NULL: all are there. */
const char *oauth_missing(
    const struct oauth *o, const struct oauth_grant *g, const struct creds *c);

/* A token request, and what it needs beside the credentials. */
struct oauth_ask {
	const struct oauth *oauth;
	const struct oauth_urls *urls;
	const struct oauth_grant *grant;
	const struct creds *creds;
	const char *refresh_token, *code, *code_verifier, *redirect_uri, *device_code;
};

/* What came back. All strings are secrets. */
struct oauth_answer {
	char *access_token, *token_type, *scope, *refresh_token;
	int64_t lifetime;         /* seconds; -1: not said */
	struct clock_stamp asked; /* before the request was sent */
	char error[64];           /* RFC 6749 `error`, "" where there was none */
	bool unclear;             /* on failure: the request may have taken effect */
};

/* Asks once; a lost network, 429 and 5xx are tried again up to three times where the grant
 * can bear it (not a refresh token, a code or a device code, which are used up). The answer is
 * to be released in any case. -1 and
 * CODE_TOKEN_REFUSED with the service's error and what to do, CODE_NETWORK, CODE_RATE_LIMITED,
 * CODE_UNAVAILABLE, CODE_BAD_ANSWER, CODE_REDIRECTED. */
int oauth_ask(const struct oauth_ask *ask, struct oauth_answer *answer, struct err *e);
void oauth_answer_release(struct oauth_answer *a);

/* The authorize URL for a browser. The caller frees it. */
char *oauth_authorize_url(
    const struct oauth_ask *ask, const char *state, const char *challenge);

/* Tells the service to forget a token; hint is "refresh_token" or "access_token". */
int oauth_revoke(
    const struct oauth_ask *ask, const char *token, const char *hint, struct err *e);

#endif
