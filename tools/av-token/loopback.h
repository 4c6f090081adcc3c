/*
 * loopback: the loopback port to which a service sends the browser back (RFC 8252, 7.3).
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

/* Listens on uri's port of 127.0.0.1, or on a free one where uri is NULL or names none. uri
 * must be plain http to loopback. */
int loopback_open(struct loopback *r, const char *uri, struct err *e);
void loopback_close(struct loopback *r);

/* Waits for a GET of the path with a query that wanted() says yes to, tells the browser that it
 * may be closed, and returns the query; the caller ends it with secret_free. Everything else
 * is answered with 404 or 400 and forgotten, and no connection can hold up another. NULL and
 * CODE_TIMEOUT after so many seconds. */
char *loopback_wait(struct loopback *r, int seconds,
    bool (*wanted)(const char *query, void *arg), void *arg, struct err *e);

#endif
