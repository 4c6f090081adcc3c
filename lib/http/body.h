/*
 * body: hands a request's body to libcurl piece by piece, in constant memory, and knows
 * how much of it has left. Inside of http only.
 *
 * A multipart body (RFC 7578) is one of pieces too. libcurl's own would send each part that it
 * gets by a callback in a write of its own, and a part that it holds itself it would rewind
 * without asking.
 */
#ifndef AV_HTTP_BODY_H
#define AV_HTTP_BODY_H

#include <curl/curl.h>

#include "http/http.h"

struct http_body;

/* One piece, and how far it was read. */
struct http_cursor {
	struct http_body *body;
	struct http_piece piece;
	uint64_t length;        /* as sent */
	uint64_t offset;        /* of what was handed out */
	unsigned char carry[5]; /* base64: one group that did not fit */
};

struct http_body {
	struct http_cursor *cursors;
	size_t n, current;
	char **lines; /* multipart: what stands before each part, and the end */
	size_t nlines;
	char *type;      /* multipart: the Content-Type to send, else NULL */
	uint64_t length; /* of all pieces as sent */
	uint64_t handed; /* bytes of pieces that libcurl has got, since the last rewind */
	bool whole;      /* its end was handed out once */
	bool once;       /* refuse to rewind */
	bool failed;     /* a source could not be read */
};

/* Copies what the request says about its body. */
void http_body_init(struct http_body *b, const struct http_request *request);

/* Sets the options that make easy send it. */
CURLcode http_body_attach(struct http_body *b, CURL *easy);

/* Whether libcurl may begin to send now; prepares for it. false for a paid request that has
 * been begun before, unless its body is untouched. */
bool http_body_begin(struct http_body *b, bool begun);

void http_body_release(struct http_body *b);

#endif
