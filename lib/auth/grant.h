/*
 * grant: how a service issues OAuth tokens, as its description says.
 *
 * Holds the `oauth` object of a description: its URLs, its scopes and its
 * grants, the ways to get a token. Says what a grant needs and where requests
 * go. Sends nothing: that is auth/oauth.h.
 */
#ifndef AV_AUTH_GRANT_H
#define AV_AUTH_GRANT_H

#include <stdbool.h>
#include <stddef.h>

#include "auth/creds.h"
#include "base/err.h"
#include "json/json.h"

/* How the client authenticates (RFC 6749, section 2.3.1). */
enum oauth_client_auth {
	OAUTH_CLIENT_POST,  /* client_id and client_secret in the form */
	OAUTH_CLIENT_BASIC, /* both in HTTP Basic */
	OAUTH_CLIENT_NONE,  /* client_id in the form, no secret */
};

/* A way to get a token. Its name selects the flow: "authorization_code" asks a
 * person in a browser, "device_code" on another device; "refresh_token" renews;
 * "implicit" is refused; any other name is one request to the token URL. */
struct oauth_grant {
	const char *name; /* "password-realm", for --grant */
	const char *type; /* grant_type of the request */
	enum oauth_client_auth client_auth;

	/* Further parameters of the token request: an object of strings, or
	 * NULL. In a value {client_id} {client_secret} {username} {password}
	 * {audience} {scope} are replaced. If one of them is absent, the
	 * parameter is left out; a grant that names {username} or {password}
	 * cannot be used without them. The flow adds what it needs itself: the
	 * client, code, code_verifier, redirect_uri, refresh_token,
	 * device_code. */
	struct json_object *params;
};

/* Strings and objects are borrowed from the description. */
struct oauth {
	const char *token_url;
	const char *authorize_url;  /* NULL: no browser flow */
	const char *device_url;     /* NULL: no device flow */
	const char *revoke_url;     /* NULL: tokens cannot be revoked */
	const char *redirect_uri;   /* NULL: loopback, a free port */
	const char *audience;       /* or NULL */
	char *scope;                /* separated by spaces; NULL: none; owned */
	struct oauth_grant *grants; /* in order of preference; owned */
	size_t grant_count;

	/* Further parameters of authorization and device requests, as in a
	 * grant; or NULL. */
	struct json_object *authorize_params;
};

/* Reads a description's `oauth` object. Ended by oauth_free. */
struct oauth *oauth_new(struct json_object *description);
void oauth_free(struct oauth *o);

bool oauth_is(const struct oauth_grant *g, const char *name);

/* True if the grant needs a person at a browser or a device. */
bool oauth_interactive(const struct oauth_grant *g);

/* A credential that the grant needs and that is absent; CRED_COUNT if none
 * is. */
enum cred oauth_missing(const struct oauth_grant *g, const struct creds *c);

/* Where requests go: the description's URLs. NAME_TOKEN_URL replaces the token
 * URL; the other URLs of the same origin then move to the new origin. */
struct oauth_urls {
	char *token, *authorize, *device, *revoke; /* NULL: none */
};

/* CODE_UNSAFE_SECRET if a URL is neither https nor http to loopback, or has a
 * user name or password in it. */
int oauth_urls_init(struct oauth_urls *urls, const struct oauth *oauth,
    const struct creds *creds, struct err *e);
void oauth_urls_release(struct oauth_urls *u);

/* The scopes to ask for, separated by spaces: the description's, and those of
 * NAME_SCOPE. NULL: none. The caller frees it. */
char *oauth_scope(const struct oauth *oauth, const struct creds *creds);

/* A token request. The members of a flow are NULL in all other flows. */
struct oauth_request {
	const struct oauth *oauth;
	const struct oauth_urls *urls;
	const struct oauth_grant *grant;
	const struct creds *creds;
	const char *scope; /* oauth_scope */
	const char *refresh_token;
	const char *code, *code_verifier, *redirect_uri;
	const char *device_code;
};

#endif
