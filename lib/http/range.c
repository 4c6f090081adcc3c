#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "http/decode.h"
#include "http/range.h"

/* A Last-Modified this many seconds old is strong: no version followed within its second,
 * even if the clocks of the writer and of the server differ by as much. */
#define DATE_SECONDS 60

struct content_range {
	unsigned long long first, last, total; /* total 0: unknown */
};

static bool
read_range(const struct http_response *r, struct content_range *range)
{
	const char *s = http_header_of(r, "Content-Range");

	range->total = 0;
	return s != NULL && sscanf(s, "bytes %llu-%llu/%llu", &range->first, &range->last,
	                        &range->total) >= 2;
}

static uint64_t
length_of(const struct http_response *r)
{
	const char *s = http_header_of(r, "Content-Length");
	struct content_range range;

	if (r->status == 206)
		return read_range(r, &range) ? range.total : 0;
	if (s == NULL || http_header_of(r, "Transfer-Encoding") != NULL ||
	    decode_knows(http_header_of(r, "Content-Encoding")))
		return 0;
	return strtoull(s, NULL, 10);
}

/* Content-Type without parameters; the caller frees it. */
static char *
type_of(const struct http_response *r)
{
	const char *s = http_header_of(r, "Content-Type");

	return s != NULL ? mem_strn(s, strcspn(s, "; \t")) : NULL;
}

static bool
is_strong_tag(const char *tag)
{
	size_t len = strlen(tag);

	return len >= 2 && tag[0] == '"' && tag[len - 1] == '"';
}

static time_t
date_of(const struct http_response *r, const char *header)
{
	const char *s = http_header_of(r, header);

	return s != NULL ? curl_getdate(s, NULL) : -1;
}

/* True if Last-Modified tells versions apart. */
static bool
is_strong_date(const struct http_response *r)
{
	time_t changed = date_of(r, "Last-Modified"), told = date_of(r, "Date");

	return changed >= 0 && told >= 0 && told - changed >= DATE_SECONDS;
}

void
range_clear(struct range *s)
{
	free(s->validator);
	free(s->type);
	*s = (struct range){.never = s->never};
}

const char *
range_condition(const struct range *s)
{
	return s->never ? NULL : s->validator;
}

void
range_begin(struct range *s, const struct http_response *r)
{
	const char *tag;

	range_clear(s);
	s->type = type_of(r);
	s->total = length_of(r);
	/* The bytes of the file are not those that a range would count. */
	if (decode_knows(http_header_of(r, "Content-Encoding")))
		return;
	tag = http_header_of(r, "ETag");
	s->dated = tag == NULL && is_strong_date(r);
	if (s->dated)
		s->validator = mem_str(http_header_of(r, "Last-Modified"));
	else if (tag != NULL && is_strong_tag(tag))
		s->validator = mem_str(tag);
}

/* A 206 has to repeat the ETag, but not Last-Modified (RFC 9110, 15.3.7). */
static bool
same_version(const struct range *s, const struct http_response *r)
{
	const char *now = http_header_of(r, s->dated ? "Last-Modified" : "ETag");

	if (s->validator == NULL)
		return true;
	return now != NULL ? strcmp(now, s->validator) == 0 : s->dated;
}

const char *
range_objection(const struct range *s, const struct http_response *r, uint64_t offset)
{
	struct content_range range;
	char *type;
	bool same_type;

	if (!read_range(r, &range) || range.first != offset)
		return "the response holds another range than was asked for";
	if (s->total > 0 && range.total > 0 && range.total != s->total)
		return "its length changed";
	if (!same_version(s, r))
		return "it changed";
	type = type_of(r);
	same_type = s->type == NULL || type == NULL || strcasecmp(type, s->type) == 0;
	free(type);
	return same_type ? NULL : "its type changed";
}

enum range_end
range_reached(const struct range *s, const struct http_response *r, uint64_t len)
{
	struct content_range range;
	uint64_t total;

	if (r->status != 206)
		return RANGE_COMPLETE;
	if (!read_range(r, &range) || range.last + 1 != len)
		return RANGE_WRONG;
	total = s->total > 0 ? s->total : range.total;
	if (len == total)
		return RANGE_COMPLETE;
	return len < total ? RANGE_PARTIAL : RANGE_WRONG;
}
