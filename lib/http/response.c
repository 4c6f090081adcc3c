#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "http/link.h"
#include "http/types.h"

const char *
http_header_of(const struct http_response *r, const char *name)
{
	struct curl_header *h;
	/* Not changed by reading; libcurl's prototype does not say so. */
	CURL *easy = (CURL *)(uintptr_t)r->easy_;

	if (easy == NULL ||
	    curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &h) != CURLHE_OK)
		return NULL;
	if (h->amount > 1 && curl_easy_header(easy, name, h->amount - 1, CURLH_HEADER, -1,
	                         &h) != CURLHE_OK)
		return NULL;
	/* libcurl gives an empty value as "\r". */
	return h->value + strspn(h->value, "\r\n");
}

char *
http_link_of(const struct http_response *r, const char *relation)
{
	struct curl_header *h;
	CURL *easy = (CURL *)(uintptr_t)r->easy_;
	char *target = NULL;

	for (size_t i = 0;
	     target == NULL && easy != NULL &&
	     curl_easy_header(easy, "Link", i, CURLH_HEADER, -1, &h) == CURLHE_OK;
	     i++)
		target = link_target(h->value, relation);
	return target;
}

bool
http_is_redirect(int status)
{
	return status >= 300 && status < 400;
}

bool
http_is_temporary(int status)
{
	return status == 408 || status == 421 || status == 423 || status == 425 ||
	       status == 429 || status >= 500;
}

/* Unix seconds of a date; -1 if it is none. */
static int64_t
date_of(const char *value)
{
	return value != NULL ? (int64_t)curl_getdate(value, NULL) : -1;
}

int64_t
http_retry_after_ms(const struct http_response *r, const char *value, int64_t now)
{
	int64_t until, theirs;
	char *end;
	double seconds;

	if (value == NULL || *value == '\0')
		return -1;
	if (value[strspn(value, "0123456789.")] == '\0') {
		seconds = strtod(value, &end);
		return *end == '\0' && seconds < 1e9 ? (int64_t)(seconds * 1000) : -1;
	}
	until = date_of(value);
	theirs = date_of(http_header_of(r, "Date"));
	if (until < 0)
		return -1;
	if (theirs >= 0)
		now = theirs;
	return until > now ? (until - now) * 1000 : 0;
}
