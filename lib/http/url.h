/*
 * url: what may be asked for, and how URLs are compared, resolved and encoded.
 */
#ifndef AV_HTTP_URL_H
#define AV_HTTP_URL_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

/* Whether a request may go there: https, or http to 127.0.0.0/8, ::1 or localhost; without
 * user or password in it. 0, or -1 and url_refused. */
int url_check(const char *url, struct err *e);

/* Same scheme, host and port. False where either is no URL. */
bool url_same_origin(const char *a, const char *b);

/* ref resolved against base (RFC 3986); NULL where that gives no URL. The caller frees it. */
char *url_resolve(const char *base, const char *ref);

/* Appends s with all but RFC 3986's unreserved characters percent-encoded: fit for a path
 * segment, a query and application/x-www-form-urlencoded. */
void url_encode(struct buf *out, const char *s);

#endif
