/*
 * range: whether what is missing of a download may be asked for alone, and whether what then
 * came belongs to what is there.
 *
 * Two answers are parts of one thing only where the server says so with a strong validator (RFC
 * 9110, 8.8 and 13.1.5): an ETag that is not weak or, where there is no ETag at all, a
 * Last-Modified long before the answer's Date. Without one the length alone would have to tell
 * two versions apart, which it cannot: the download begins again. So it does where an answer to
 * a range contradicts itself or what came before, and then asks for no range any more.
 */
#ifndef AV_HTTP_RANGE_H
#define AV_HTTP_RANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "http/http.h"

/* What the answer told that the download began with. Zeroed: nothing. */
struct range {
	char *validator; /* for If-Range; NULL: it gave none */
	char *type;      /* its Content-Type without parameters, or NULL */
	uint64_t total;  /* bytes of the whole; 0: not known */
	bool dated;      /* validator is a date */
	bool never;      /* a range was answered wrongly */
};

/* Forgets all but `never`. */
void range_clear(struct range *s);

/* The value of If-Range that makes it safe to ask for the rest; NULL: begin again. */
const char *range_condition(const struct range *s);

/* Takes over what an answer tells of itself whose body begins with the first byte. */
void range_begin(struct range *s, const struct http_response *r);

/* Why the body of a 206 must not be put at offset; NULL: it may. */
const char *range_objection(
    const struct range *s, const struct http_response *r, uint64_t offset);

enum range_end {
	RANGE_COMPLETE,
	RANGE_PARTIAL, /* ask for the rest */
	RANGE_WRONG,   /* the answer did not hold what it said, or does not say enough */
};

/* Where a complete answer leaves a download of which there are len bytes now. */
enum range_end range_reached(
    const struct range *s, const struct http_response *r, uint64_t len);

#endif
