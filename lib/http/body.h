/*
 * body: hands the body of a request to libcurl piece by piece.
 *
 * Uses constant memory and knows how much of the body has left. For http alone.
 *
 * A multipart body (RFC 7578) is made of pieces too. libcurl's own multipart
 * code sends each part that comes from a callback in a write of its own, and
 * rewinds a part that it holds itself without asking.
 */
#ifndef AV_HTTP_BODY_H
#define AV_HTTP_BODY_H

#include <curl/curl.h>

#include "http/types.h"

/* Sets an option of an easy handle, unless setting an earlier one failed: `rc`
 * is the caller's CURLcode. */
#define SET(easy, option, value)                                               \
	(rc == CURLE_OK ? (rc = curl_easy_setopt(easy, option, value)) : rc)

/* A piece and how far it was read. */
struct http_cursor {
	struct http_piece piece;
	char *line;      /* multipart: its bytes, owned; else NULL */
	uint64_t length; /* as sent */
	uint64_t offset; /* bytes handed out */
	char carry[5];   /* base64: a group that did not fit */
};

struct http_body {
	struct http_cursor *cursors;
	size_t n, current;
	char *type;      /* multipart: the Content-Type; else NULL */
	uint64_t length; /* of all pieces as sent */
	uint64_t handed; /* bytes that libcurl got since the last rewind */
	bool whole;      /* the end was handed out once */
	bool once;       /* refuse to rewind */
	bool failed;     /* a source could not be read, or may_send ended it */
	bool (*may_send)(void *arg); /* as in http_request */
	void *may_send_arg;
};

/* Copies the description of the body, not its bytes. */
void http_body_init(struct http_body *b, const struct http_request *request);

/* Sets the options of `easy` that send it. */
CURLcode http_body_attach(struct http_body *b, CURL *easy);

/* Prepares for sending; false if libcurl must not send: a paid request was
 * begun before and bytes of its body were handed out, or it has none. */
bool http_body_begin(struct http_body *b, bool begun);

void http_body_release(struct http_body *b);

#endif
