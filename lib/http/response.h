/*
 * response: what the status and headers of a response mean for any client.
 *
 * The rules here hold for calls, downloads and token requests alike.
 */
#ifndef AV_HTTP_RESPONSE_H
#define AV_HTTP_RESPONSE_H

#include <stdbool.h>
#include <stdint.h>

#include "http/http.h"

/* 3xx (RFC 9110, section 15.4). */
bool http_is_redirect(int status);

/* The same request may succeed later: 408, 421, 423, 425, 429, 5xx. */
bool http_is_temporary(int status);

/* How long the value of a Retry-After header asks us to wait, in ms; -1 if it
 * is NULL or neither a number of seconds nor a date (RFC 9110, section 10.2.3).
 * A date is by the server's clock, so it counts from the response's own Date;
 * from now (unix seconds) if there is none. */
int64_t http_retry_after_ms(
    const struct http_response *r, const char *value, int64_t now);

#endif
