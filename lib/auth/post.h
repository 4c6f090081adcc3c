/*
 * post: one form sent to an OAuth endpoint, blocking, and its response.
 *
 * Sent by http/http.h on a loop of its own, so it works on any thread and the
 * rules on TLS, proxies and URLs are those of every request. It goes out at
 * most once; 15 s to connect, 60 s in all; a response of at most 64 KiB. Form
 * and response are secret: their memory is wiped.
 */
#ifndef AV_AUTH_POST_H
#define AV_AUTH_POST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct post {
	const char *url;
	const char *what;         /* the URL in messages, "token URL" */
	struct buf form;          /* filled by post_param */
	struct buf authorization; /* the header's value; empty: none */

	/* The response. */
	int status; /* 0: none came */
	struct buf body;
	int64_t retry_after_ms; /* -1: not said */
	bool sent; /* on failure: the service may have acted on the request */
};

/* Both strings are borrowed. */
void post_init(struct post *p, const char *url, const char *what);
void post_release(struct post *p);

/* Appends name=value to a form, encoded; nothing if value is NULL. */
void post_param(struct buf *form, const char *name, const char *value);

/* Authenticates by HTTP Basic (RFC 7617). */
void post_basic(struct post *p, const char *user, const char *password);

/* Sends it. 0 with any status but a redirect; else -1 and CODE_NETWORK,
 * CODE_REDIRECTED, CODE_BAD_ANSWER, CODE_NO_CREDENTIALS (too long). */
int post_send(struct post *p, struct err *e);

#endif
