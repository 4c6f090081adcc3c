/*
 * origin: where a URL leads, and whether a secret may go there.
 *
 * An origin is scheme, host and port (RFC 6454). Plain http is for loopback alone: localhost,
 * 127.0.0.0/8 and [::1]. Everything is pure; URLs are read by libcurl's own parser, so that
 * what is judged is what is later connected to.
 */
#ifndef AV_ORIGIN_H
#define AV_ORIGIN_H

#include <stdbool.h>

#include "err.h"

/* "https://api.example.org:443", in lower case; NULL where it is no http or https URL. The
 * caller frees it. */
char *origin_of(const char *url);

/* Same scheme, host and port; false where either is no URL. */
bool origin_same(const char *a, const char *b);

/* The URL's host is this machine, by name or by number. */
bool origin_is_loopback(const char *url);

/* 0 where secrets may be sent to the URL: https, or http to loopback, without a user name or
 * password in it. what names it in the message, e.g. "token_url" (CODE_UNSAFE_SECRET). */
int origin_check(const char *url, const char *what, struct err *e);

/* The URL with the scheme, host and port of another. NULL where either is no URL. The caller
 * frees it. */
char *origin_move(const char *url, const char *to);

#endif
