/*
 * loopback: the port to which a service redirects the browser.
 *
 * RFC 8252, section 7.3.
 */
#ifndef AV_TOKEN_LOOPBACK_H
#define AV_TOKEN_LOOPBACK_H

#include <stdbool.h>

#include "base/err.h"

struct loopback {
	char *uri; /* "http://127.0.0.1:40123/callback" */
	char *path;
	int fd;
};

/* Listens on the port of uri at 127.0.0.1; on a free one if uri is NULL or has
 * no port. uri must be plain http to loopback. */
int loopback_open(struct loopback *l, const char *uri, struct err *e);
void loopback_close(struct loopback *l);

/* True if the query of a redirect belongs to the sign-in. */
typedef bool loopback_fn(const char *query, void *arg);

/* Waits for a GET of the path with a query for which fn is true. Returns the
 * query, which the caller ends with secret_free. Every other request gets 404
 * or 400, and no connection can block another. NULL and CODE_TIMEOUT after this
 * many seconds. */
char *loopback_wait(
    struct loopback *l, int seconds, loopback_fn *fn, void *arg, struct err *e);

#endif
