/* Any two answers to a download: parts are put together only in order, and only where the
 * second is for the same thing. The first bytes choose statuses and lengths; the rest are
 * header values, cut at NULs. */
#include <curl/curl.h>

#include "http/http.h"

/* range.c, with headers of ours in place of libcurl's. */
static const char *fuzz_header(const struct http_response *r, const char *name);
#define http_header_of fuzz_header
#include "http/range.c"

#include "json_parts.h"

static const char *const names[] = {"ETag", "Last-Modified", "Date", "Content-Type",
    "Content-Length", "Content-Range", "Transfer-Encoding"};
enum { NAMES = sizeof names / sizeof names[0] };

static const char *
fuzz_header(const struct http_response *r, const char *name)
{
	const char *const *values = r->easy_;

	for (size_t i = 0; i < NAMES; i++)
		if (strcasecmp(names[i], name) == 0)
			return values[i];
	return NULL;
}

/* Takes the next values from the text; an empty one is an absent header. */
static void
take(const char *values[NAMES], char **text, const char *end)
{
	for (size_t i = 0; i < NAMES; i++) {
		values[i] = *text < end && **text != '\0' ? *text : NULL;
		if (*text < end)
			*text += strlen(*text) + 1;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *first[NAMES], *second[NAMES], *condition;
	struct http_response a = {.fate = HTTP_ANSWERED, .status = 200, .easy_ = first},
	                     b = {.fate = HTTP_ANSWERED, .status = 206, .easy_ = second};
	struct range range = {0};
	char *text, *at;
	uint64_t len;

	if (size < 2)
		return 0;
	len = (uint64_t)data[1] * (data[0] & 4 ? 1 : 1000003);
	text = at = mem_new(size, 1);
	memcpy(text, data + 2, size - 2);
	take(first, &at, text + size - 2);
	take(second, &at, text + size - 2);
	range_begin(&range, &a);
	condition = range_condition(&range);
	need(condition == NULL || strpbrk(condition, "\r\n") == NULL ||
	     strpbrk(range.validator, "\r\n") != NULL);
	need(range_reached(&range, &a, len) <= RANGE_WRONG);
	if (range_objection(&range, &b, len) == NULL) {
		need(second[5] != NULL); /* Content-Range */
		need(range_reached(&range, &b, len) <= RANGE_WRONG);
	}
	range_clear(&range);
	free(text);
	return 0;
}
