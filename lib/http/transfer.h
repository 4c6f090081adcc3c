/*
 * transfer: one request on one easy handle: its options, its callbacks, and what became of
 * it. Inside of http only.
 */
#ifndef AV_HTTP_TRANSFER_H
#define AV_HTTP_TRANSFER_H

#include <curl/curl.h>

#include "base/buf.h"
#include "http/body.h"
#include "http/http.h"

enum http_state { HTTP_QUEUED, HTTP_RUNNING, HTTP_ENDED };

struct http_transfer {
	struct http *http;
	const struct http_options *options;
	struct http_transfer *prev, *next; /* in the list of its state */
	enum http_state state;
	http_done *done;
	void *arg;

	enum http_method method;
	char *url;
	struct curl_slist *headers;
	struct http_body body;
	bool paid, secret;
	uint64_t resume;
	http_sink *sink;
	http_head *head;
	void *sink_arg;

	CURL *easy;
	unsigned begun; /* how often libcurl began to send it */
	bool cancelled;
	CURLcode result;
	uint64_t sink_offset;
	bool sinking;
	size_t header_bytes;
	bool head_whole;
	struct buf answer;
	char *refusal;   /* of the URL */
	const char *why; /* better than libcurl knows; NULL: ask it */
	char error[CURL_ERROR_SIZE];
};

/* A copy of what the request says; options is borrowed and complete. */
struct http_transfer *http_transfer_new(
    const struct http_request *q, const struct http_options *options);
void http_transfer_free(struct http_transfer *c);

/* Sets all options of c->easy. */
CURLcode http_transfer_set_up(struct http_transfer *c);

/* What c->result and the callbacks tell of the call. */
void http_transfer_result(const struct http_transfer *c, struct http_response *r);

/* One line for -v; without headers, bodies and the values of the query. */
void http_transfer_say(const struct http_transfer *c, const struct http_response *r);

#endif
