/*
 * post: one form sent to an OAuth endpoint, blocking, and its answer.
 *
 * For secrets: https or loopback only (url_check), TLS always verified, no redirect
 * followed, no proxy for plain http, a fresh connection (so that libcurl never sends a second
 * time by itself), an answer of at most 64 KiB, 15 s to connect and 60 s in all.
 */
#ifndef AV_AUTH_POST_H
#define AV_AUTH_POST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct post {
	const char *url;
	const char *what;     /* the URL's name in messages, "token URL" */
	const char *user;     /* for HTTP Basic, already encoded; or NULL */
	const char *password; /* the same */
	const struct buf *form;

	/* the answer */
	long status;
	struct buf body;     /* secret_buf */
	int64_t retry_after; /* seconds, 0: not said */
	bool sent;           /* on failure: a byte of the request may have arrived */
};

/* Whether secrets may go there: https, or http to loopback, without user or password in the
 * URL. -1 and CODE_UNSAFE_SECRET; what names the URL. */
int post_url_ok(const char *url, const char *what, struct err *e);

/* Sends it. 0 with any HTTP status but a redirect; -1 and CODE_NETWORK, CODE_REDIRECTED,
 * CODE_BAD_ANSWER, CODE_UNSAFE_SECRET. */
int post_send(struct post *p, struct err *e);

/* Wipes the answer. */
void post_release(struct post *p);

/* Appends name=value to a form, encoded; nothing where value is NULL. */
void post_param(struct buf *form, const char *name, const char *value);

#endif
