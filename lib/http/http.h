/*
 * http: a request as data, sent by libcurl's multi interface on the loop; a response as data.
 *
 * Knows about bytes, connections and what surely did not reach the server; nothing about
 * services, credentials or what an answer means. Redirects are never followed: a 3xx is an
 * answer. TLS is always verified, plain http goes to loopback only and past any proxy.
 * libcurl's proxy variables keep working; so do CURL_CA_BUNDLE, SSL_CERT_FILE and
 * SSL_CERT_DIR. libcurl is initialised by the first request, not before.
 *
 * At most once. libcurl by itself sends a request again when a connection that it reused
 * closes without an answer. For a `paid` request it may do so only while not a byte of the body has
 * been handed out; otherwise the call ends, and `fate` says what is known. A paid request without a
 * body goes on a fresh connection, since there such a close would always leave doubt.
 */
#ifndef AV_HTTP_HTTP_H
#define AV_HTTP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "os/loop.h"

struct http;          /* connections and the queue */
struct http_transfer; /* one request under way */
struct http_response;

struct http_options {
	const char *user_agent;   /* copied; NULL: none is sent */
	unsigned max_in_flight;   /* further requests wait in line; 0: 4 */
	unsigned connect_seconds; /* 0: 30 */
	/* A transfer ends when so long (and up to 5 s more) no byte has moved in either
	 * direction; never by its total time. 0: 60. */
	unsigned stall_seconds;
};

struct http *http_new(struct loop *loop, const struct http_options *options);

/* Drops what is queued or in flight; done is not called for it. Not from a callback of http. */
void http_free(struct http *http);

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_PUT, HTTP_DELETE };

struct http_header {
	const char *name;
	const char *value;
};

/* Bytes that are read while they are sent. read is pread-like: up to size bytes from offset;
 * a short count is fine, 0 (the source is shorter than size) and -1 abort the transfer. */
struct http_source {
	ssize_t (*read)(void *arg, uint64_t offset, char *buf, size_t size);
	void *arg;
	uint64_t size;
};

/* A stretch of a body: bytes in memory or, if bytes is NULL, a source, perhaps as base64. */
struct http_piece {
	const char *bytes;
	size_t len;
	struct http_source source;
	bool base64;
};

/* A part of multipart/form-data. */
struct http_part {
	const char *name;
	const char *filename;    /* NULL: a plain field */
	const char *type;        /* its Content-Type; NULL: none */
	struct http_piece value; /* not as base64 */
};

/* Takes len bytes of a download that belong at offset; false aborts the transfer. Called for
 * 200 and 206 only; other answers go to the response's body. A 206 begins at `resume`, a 200
 * at 0 again whatever was asked for. */
typedef bool http_sink(void *arg, uint64_t offset, const char *data, size_t len);

/* Looks at the head of such an answer, its status and headers, before the first byte of its body
 * goes to the sink; false aborts the transfer. */
typedef bool http_head(void *arg, const struct http_response *r);

/* Zeroed members are absent. Everything is copied when the request is sent, except the bytes
 * of pieces and parts and what args point to: these must stay until done is called. */
struct http_request {
	enum http_method method;
	const char *url;
	const struct http_header *headers; /* Content-Type of pieces included */
	size_t nheaders;
	const struct http_piece *pieces; /* a plain body of known length, or */
	size_t npieces;
	const struct http_part *parts; /* multipart */
	size_t nparts;
	bool paid;       /* at most once */
	bool secret;     /* no copy of the answer's body outlives done */
	uint64_t resume; /* ask for the bytes from here on */
	http_sink *sink;
	http_head *head; /* only with a sink */
	void *sink_arg;
	size_t max_body; /* ceiling of the answer's body in memory; 0: 8 MiB */
};

enum http_fate {
	HTTP_ANSWERED, /* a whole answer, of any status */
	HTTP_NOT_SENT, /* surely not acted on: no name, connection or TLS, a refusing proxy, or
	                * the body's end was never handed out */
	HTTP_BROKEN,   /* sent, or perhaps, and no whole answer */
	HTTP_CANCELLED /* by http_cancel; `sent` tells whether it may have taken effect */
};

struct http_response {
	enum http_fate fate;
	bool sent;        /* the server may have acted on it */
	int status;       /* 0: none came */
	bool open_ended;  /* only the connection's end told the end of the body */
	bool too_large;   /* the body was larger than max_body */
	const char *body; /* ends in a NUL that does not count; "" if there is none */
	size_t len;
	const char *why;   /* for people, unless HTTP_ANSWERED; holds no secret */
	int64_t ms;        /* from its start, not counting the time in line */
	const void *easy_; /* for http_header_of */
};

/* The answer's last header of that name, in any case; NULL if there is none. Borrowed until
 * the next call or the end of done. */
const char *http_header_of(const struct http_response *r, const char *name);

/* Called once for each request, on the loop; never from within http_send or http_cancel. The
 * response is borrowed and ends with the call. May send, and cancel others. */
typedef void http_done(void *arg, const struct http_response *r);

/* Sends, or puts in line. A mistake in the request (its URL, say) comes to done as
 * HTTP_NOT_SENT. The result is valid until done returns. */
struct http_transfer *http_send(
    struct http *http, const struct http_request *request, http_done *done, void *arg);

/* Ends a call soon, with HTTP_CANCELLED; done has still to be awaited. */
void http_cancel(struct http_transfer *call);

/* How many are on the wire, and how many are in line. */
unsigned http_in_flight(const struct http *http);
unsigned http_queued(const struct http *http);

#endif
