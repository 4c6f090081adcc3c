/*
 * range: decides if a broken download can go on where it broke.
 *
 * Two responses are parts of one file only if the server says so with a strong
 * validator (RFC 9110, 8.8 and 13.1.5): an ETag that is not weak or, without
 * any ETag, a Last-Modified long before the response's Date. Without a
 * validator the download begins again, because a length does not tell two
 * versions apart; so it does if the body was decoded (http/decode.h), since
 * ranges count encoded bytes. It also begins again, and then asks for no range
 * any more, if the response to a range contradicts itself or the responses
 * before.
 */
#ifndef AV_HTTP_RANGE_H
#define AV_HTTP_RANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "http/types.h"

/* What the first response of a download told. Zeroed: nothing. */
struct range {
	char *validator; /* for If-Range; NULL: none */
	char *type;      /* its Content-Type without parameters, or NULL */
	uint64_t total;  /* bytes of the file; 0: unknown */
	bool dated;      /* validator is a date */
	bool never;      /* a range was answered wrongly */
};

/* Forgets everything but `never`. */
void range_clear(struct range *s);

/* The value of If-Range with which the rest may be asked for; NULL: begin
 * again. */
const char *range_condition(const struct range *s);

/* Notes what a response tells whose body begins with the first byte. */
void range_begin(struct range *s, const struct http_response *r);

/* Why the body of a 206 does not belong at offset; NULL: it does. */
const char *range_objection(
    const struct range *s, const struct http_response *r, uint64_t offset);

enum range_end {
	RANGE_COMPLETE,
	RANGE_PARTIAL, /* ask for the rest */
	RANGE_WRONG,   /* it contradicts itself, or does not say enough */
};

/* How far a download is after a whole response, with len bytes in the file. */
enum range_end range_reached(
    const struct range *s, const struct http_response *r, uint64_t len);

#endif
