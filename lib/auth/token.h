/*
 * token: the credential to send with a request, got, kept and renewed.
 *
 * Blocking; any number of threads and processes may ask at once. A key is a key. An OAuth
 * token comes from the file that all processes of the user share (auth/token_file.h); one of them
 * renews it, once, and the others wait for that one, at most two minutes.
 *
 *  - A token is used while more than min_valid seconds of its life are left, but at most half
 *    of the life is given away so. One whose life the service does not tell is used until the
 *    service refuses it. What has just been obtained is handed out whatever its life: no loop.
 *  - A refresh token is marked as sent before it is sent, and its successor is on disk before
 *    the new access token is handed out. It is sent once a call. Where no answer came, the
 *    service may have replaced it, and sending it again may look like theft (RFC 9700, 4.14):
 *    so where the grant itself can be repeated without a person, that is done instead; only
 *    where a person would have to sign in anyway is it tried once more by the next call.
 *  - A lost network never costs a token; a refresh token that the service calls invalid is
 *    forgotten, unless another process has replaced it.
 */
#ifndef AV_AUTH_TOKEN_H
#define AV_AUTH_TOKEN_H

#include <stdint.h>

#include "auth/auth.h"
#include "auth/oauth.h"
#include "base/buf.h"
#include "base/err.h"

struct token {
	char *access_token; /* or the key; NULL for AUTH_NONE */
	char *token_type;   /* "Bearer", "api_key" */
	int64_t expires_at; /* unix seconds; 0: not known */
	char *scope;        /* or NULL */
};

struct token_want {
	const struct auth *auth;
	const struct creds *creds;
	const char *grant; /* by name; NULL: the first that the credentials allow */
	const char
	    *rejected; /* the access token that the service answered 401 to, or NULL */
	int64_t min_valid; /* seconds; TOKEN_MIN_VALID where there is no better reason */

	/* Signs a person in by a grant that needs one (oauth_interactive) and
	 * fills the answer. NULL: nobody can be asked. */
	int (*sign_in)(
	    const struct oauth_request *q, struct oauth_answer *a, struct err *e);
};

enum { TOKEN_MIN_VALID = 60 };

/* The credential. -1 and CODE_NO_CREDENTIALS, CODE_UNAUTHORIZED (rejected, and nothing can be
 * renewed), CODE_TOKEN_REFUSED, CODE_NETWORK, CODE_TOKEN_BUSY and what auth/oauth.h and auth/token_file.h
 * name. *t is to be released in any case. */
int token_get(const struct token_want *w, struct token *t, struct err *e);

/* Revokes (RFC 7009, where the provider can) and forgets the tokens of all grants, or of
 * w->grant. They are forgotten even where -1 tells that revoking failed. */
int token_logout(const struct token_want *w, struct err *e);

/* Appends the header's line without its end: "Authorization: Bearer ..."; nothing for
 * AUTH_NONE. */
void token_header(const struct auth *auth, const struct token *t, struct buf *out);

/* Wipes it. */
void token_release(struct token *t);

#endif
