/*
 * url: checks, compares, resolves and encodes URLs, and tells which object a
 * signed URL is of.
 */
#ifndef AV_HTTP_URL_H
#define AV_HTTP_URL_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

/* Accepts https, and http to 127.0.0.0/8, ::1 or localhost, without user or
 * password: 0. Others: -1 and url_refused. */
int url_check(const char *url, struct err *e);

/* True if it has a scheme and a host, and no blank or control character. */
bool url_is_whole(const char *url);

/* False if the host is written as a private or special address
 * (http/address.h), or if that is no URL. */
bool url_may_be_public(const char *url);

/* The one spelling of a URL for all that RFC 3986, 6.2.2 and 6.2.3, calls
 * equivalent: scheme and host in lower case, an address in its usual form, no
 * default port, no dot segments, no escapes that are not needed; and without
 * slashes at the end. What is no URL is copied. The caller frees it. */
char *url_canonical(const char *url);

/* "https://host", with a port that is not the usual one; NULL if that is no
 * URL. The caller frees it. */
char *url_origin(const char *url);

/* True for the same scheme, host and port; false if either is no URL. */
bool url_same_origin(const char *a, const char *b);

/* The URL of the object that a URL is of: without the parameters by which a
 * storage service signs URLs (Amazon, Google, Azure, Alibaba, Tencent, Huawei),
 * which are secret and differ at each signing. Any other URL stays as it is.
 * exact: with the SHA-256 of the URL instead, so that each signed URL stays
 * different. The caller frees it. */
char *url_subject(const char *url, bool exact);

/* Resolves ref against base (RFC 3986); NULL if that gives no URL. Blanks at
 * the ends of ref do not count; blanks and other bytes that no URL has are
 * percent-encoded. The caller frees the result. */
char *url_resolve(const char *base, const char *ref);

/* Appends s with all but RFC 3986's unreserved characters percent-encoded, as a
 * path segment, a query and application/x-www-form-urlencoded need it. */
void url_encode(struct buf *out, const char *s);

#endif
