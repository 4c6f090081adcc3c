/*
 * transfer: one request on one easy handle of libcurl.
 *
 * Sets its options, has its callbacks, and says what became of it. For http
 * alone.
 */
#ifndef AV_HTTP_TRANSFER_H
#define AV_HTTP_TRANSFER_H

#include <curl/curl.h>
#include <sys/queue.h>

#include "base/buf.h"
#include "base/err.h"
#include "http/body.h"
#include "http/decode.h"
#include "http/types.h"

enum http_state { HTTP_QUEUED, HTTP_RUNNING, HTTP_ENDED };

TAILQ_HEAD(http_transfers, http_transfer);

struct http_transfer {
	struct http *http;
	const struct http_options *options;
	TAILQ_ENTRY(http_transfer) entry; /* in the list of its state */
	enum http_state state;
	http_done *done;
	void *arg;

	struct http_request request; /* its URL is owned; no headers */
	struct curl_slist *headers;
	struct http_body body;

	CURL *easy;
	int64_t started; /* by clock_monotonic_ms: given to libcurl */
	unsigned begun;  /* times that libcurl began to send it */
	bool cancelled, sinking, head_whole, body_begun;
	struct decode *decode; /* NULL: the body comes as it is */
	int no_socket;         /* errno */
	bool refused;          /* an address, because of public_only */
	bool late;             /* begin_by was over */
	CURLcode result;
	uint64_t sink_offset;
	/* When bytes last left, or a step of a download came, by
	 * clock_monotonic_ms; the bytes sent and received then. */
	int64_t moved_at;
	curl_off_t sent, received;
	size_t header_bytes;
	struct buf answer;
	struct err refusal; /* why the URL is not acceptable */
	const char *why;    /* NULL: libcurl knows */
	char error[CURL_ERROR_SIZE];
	char told[512]; /* why, and what the environment has to do with it */
};

/* Copies the request; options is borrowed and has no 0. */
struct http_transfer *http_transfer_new(
    const struct http_request *q, const struct http_options *options);
void http_transfer_free(struct http_transfer *t);

/* Sets all options of t->easy. */
CURLcode http_transfer_set_up(struct http_transfer *t);

/* Fills in r from t->result and what the callbacks noted. */
void http_transfer_result(struct http_transfer *t, struct http_response *r);

/* Prints a line for -v, without headers, bodies and query. */
void http_transfer_say(
    const struct http_transfer *t, const struct http_response *r);

#endif
