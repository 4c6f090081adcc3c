/*
 * token: the credential to send with a request: obtained, stored, renewed.
 *
 * Blocking; any number of threads and processes may ask at once. An API key is
 * used as it is. An OAuth token comes from a file that all processes of the
 * user share (auth/token_file.h); one of them renews it, once, and the others
 * wait for it, at most two minutes.
 *
 *  - A token is used while more than min_valid seconds of its lifetime are
 *    left; if min_valid is more than half of the lifetime, half of it counts.
 *    If the service gives no lifetime, the token is used until the service
 *    refuses it. A new token is returned whatever its lifetime, so that nothing
 *    loops.
 *  - A refresh token is marked as sent before it is sent, and its successor is
 *    on disk before the new access token is returned. It is sent once a call.
 *    If no answer came, the service may have replaced it, and sending it again
 *    may look like theft (RFC 9700, section 4.14). So a grant that needs no
 *    person is then repeated instead; if it needs a person, the next call tries
 *    the refresh token once more.
 *  - A lost network never costs a token. A refresh token that the service calls
 *    invalid is forgotten, unless another process has replaced it.
 */
#ifndef AV_AUTH_TOKEN_H
#define AV_AUTH_TOKEN_H

#include <stdint.h>

#include "auth/oauth.h"
#include "base/buf.h"
#include "base/err.h"
#include "json/json.h"

/* How a service wants to see a credential, as its description says. */
enum auth_kind { AUTH_NONE, AUTH_KEY, AUTH_OAUTH };

struct auth {
	enum auth_kind kind;
	const char *header;  /* "Authorization", "x-api-key" */
	const char *scheme;  /* "Bearer"; NULL: none */
	struct oauth *oauth; /* of AUTH_OAUTH */
	/* Of AUTH_KEY: CRED_API_KEY, CRED_ACCESS_TOKEN, or CRED_PASSWORD for
	 * the user's name and password in base64 (RFC 7617). */
	enum cred cred;
	struct json_object *description;
};

/* Reads a description's `auth` object; NULL means AUTH_NONE. Strings are
 * borrowed from it. If it has several ways to send a credential, this takes the
 * first. */
void auth_init(struct auth *a, struct json_object *description);

/* Takes the first way whose credential is set; if none is, changes nothing. */
void auth_choose(struct auth *a, const struct creds *c);
void auth_release(struct auth *a);

struct token {
	char *access_token; /* or the key; NULL for AUTH_NONE */
	char *token_type;   /* "Bearer", "api_key" */
	int64_t expires_at; /* unix seconds; 0: not known */
	char *scope;        /* or NULL */
};

/* Signs a person in by a grant that needs one (oauth_interactive). */
typedef int token_sign_in(
    const struct oauth_request *q, struct oauth_answer *answer, struct err *e);

struct token_want {
	const struct auth *auth;
	const struct creds *creds;
	const char *grant;      /* by name; NULL: the first that can be used */
	const char *rejected;   /* the access token that got a 401, or NULL */
	int64_t min_valid;      /* seconds; TOKEN_MIN_VALID if unsure */
	bool afresh;            /* get it by the grant, whatever is stored */
	token_sign_in *sign_in; /* NULL: nobody can be asked */
};

enum { TOKEN_MIN_VALID = 60 };

/* Gets the credential. -1 and CODE_NO_CREDENTIALS, CODE_UNAUTHORIZED (rejected,
 * and it cannot be renewed), CODE_TOKEN_REFUSED, CODE_NETWORK, CODE_TOKEN_BUSY
 * and the codes of auth/oauth.h and auth/token_file.h. *t is to be released in
 * any case. */
int token_get(const struct token_want *w, struct token *t, struct err *e);

/* Looks whether token_get would have what it needs, and sends nothing: 1 if it
 * would use a stored token, and the seconds for which that may be used (-1: not
 * known); 0 if it would ask the service for one; -1 as token_get. For OAuth. */
int token_look(const struct token_want *w, int64_t *left, struct err *e);

/* Revokes (RFC 7009, if the service can) and forgets the tokens of all grants,
 * or of w->grant. They are forgotten even if revoking fails, which gives -1. */
int token_logout(const struct token_want *w, struct err *e);

/* Appends the header's line without its end: "Authorization: Bearer ...";
 * nothing for AUTH_NONE. */
void token_header(const struct auth *a, const struct token *t, struct buf *out);

/* Wipes it. */
void token_release(struct token *t);

#endif
