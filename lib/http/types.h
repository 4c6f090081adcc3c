/*
 * types: requests and responses as data; part of http/http.h.
 */
#ifndef AV_HTTP_TYPES_H
#define AV_HTTP_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct http_options {
	const char *user_agent;   /* borrowed; NULL: none is sent */
	unsigned max_in_flight;   /* further requests are queued; 0: 4 */
	unsigned connect_seconds; /* 0: 30 */
	/* A transfer ends when no byte has moved in either direction for so
	 * long (and up to 5 s more). 0: 60. */
	unsigned stall_seconds;
	/* A response is whole at most so long after the last byte of the
	 * request's body left, so that one sent byte by byte ends too. The way
	 * up has no such limit. 0: 120, since proxies in front of services
	 * commonly give up after 60 or 100 s. A download has so long for each
	 * 64 KiB. */
	unsigned answer_seconds;
	/* A connection ends if bytes that were sent are not acknowledged for so
	 * long: until then the kernel may still deliver them. 0: the kernel's
	 * own limit, minutes. */
	unsigned line_seconds;
};

enum http_method {
	HTTP_GET,
	HTTP_HEAD,
	HTTP_POST,
	HTTP_PUT,
	HTTP_PATCH,
	HTTP_DELETE
};

struct http_header {
	const char *name;
	const char *value;
};

/* Who signs a request by AWS Signature Version 4, for Amazon S3 and its like.
 * Secret. */
struct http_signer {
	const char *scope; /* as for curl --aws-sigv4: "aws:amz:REGION:s3" */
	const char *key_id, *key;
	const char *session; /* token of a temporary key, or NULL */
};

/* Bytes that are read while they are sent. read works like pread(2): up to size
 * bytes from offset. It may return fewer; 0 (the source is shorter than `size`)
 * and -1 abort the transfer. */
struct http_source {
	ssize_t (*read)(void *arg, uint64_t offset, char *buf, size_t size);
	void *arg;
	uint64_t size;
};

/* A piece of a body: bytes in memory or, if bytes is NULL, a source. */
struct http_piece {
	const char *bytes;
	size_t len;
	struct http_source source;
	bool base64; /* send the source as base64 */
};

/* A part of multipart/form-data. */
struct http_part {
	const char *name;
	const char *filename;    /* NULL: a plain field */
	const char *type;        /* its Content-Type; NULL: none */
	struct http_piece value; /* not as base64 */
};

enum http_fate {
	HTTP_ANSWERED, /* a whole response, of any status */
	/* Surely not acted on: no name, connection or TLS, a proxy that
	 * refused, or the body's end was never sent. */
	HTTP_NOT_SENT,
	HTTP_BROKEN,    /* perhaps sent, and no whole response */
	HTTP_CANCELLED, /* by http_cancel; `sent` says the rest */
};

struct http_response {
	enum http_fate fate;
	bool sent;  /* the server may have acted on the request */
	int status; /* 0: none came */
	/* The peer, which is no proxy, has a private or special address
	 * (http/address.h). With public_only, so nothing was sent. */
	bool not_public;
	/* The certificate of the server cannot be verified. Nothing was sent,
	 * and another attempt will fail as well. */
	bool untrusted;
	bool late;        /* begin_by was over; nothing was sent */
	bool too_large;   /* the body was larger than max_body */
	int no_socket;    /* EMFILE or ENFILE: no descriptor was left for one */
	const char *body; /* ends in a NUL that len does not count; may be "" */
	size_t len;
	const char *why; /* for people, unless HTTP_ANSWERED; holds no secret */
	int64_t ms;      /* from its start; the time in the queue not counted */
	const void *easy_; /* for http_header_of */
};

/* The last header of that name, in any case; NULL if there is none. Borrowed
 * until the next call or the end of the response. */
const char *http_header_of(const struct http_response *r, const char *name);

/* The target of the first Link header (RFC 8288) with this relation, as it
 * stands there, perhaps relative; NULL if there is none. The caller frees it.
 */
char *http_link_of(const struct http_response *r, const char *relation);

/* 3xx (RFC 9110, section 15.4). */
bool http_is_redirect(int status);

/* The same request may succeed later: 408, 421, 423, 425, 429, 5xx. */
bool http_is_temporary(int status);

/* How long the value of a Retry-After header asks us to wait, in ms; -1 if it
 * is NULL or neither a number of seconds nor a date (RFC 9110, section 10.2.3).
 * A date is by the server's clock, so it counts from the response's own Date;
 * from now (unix seconds) if there is none. */
int64_t http_retry_after_ms(
    const struct http_response *r, const char *value, int64_t now);

/* Takes len bytes of a download that belong at offset; false aborts the
 * transfer. Called for 200 and 206 only; other responses keep their body. A 206
 * begins at `resume`, a 200 at 0 again, whatever was asked for. */
typedef bool http_sink(
    void *arg, uint64_t offset, const char *data, size_t len);

/* Looks at the status and headers of such a response before the first byte of
 * its body goes to the sink; false aborts the transfer. */
typedef bool http_head(void *arg, const struct http_response *r);

/* Zeroed members are absent. Everything is copied when the request is sent,
 * except the bytes of pieces and parts, the signer, and what args point to:
 * these must stay until the response. */
struct http_request {
	enum http_method method;
	const char *url;
	const struct http_header *headers; /* Content-Type of pieces included */
	size_t nheaders;
	const struct http_piece *pieces; /* a plain body of known length, or */
	size_t npieces;
	const struct http_part *parts; /* multipart */
	size_t nparts;
	bool paid; /* at most once */
	/* Asked before the first byte leaves, and before each further part of
	 * the body; false ends the transfer. May be NULL. */
	bool (*may_send)(void *arg);
	void *may_send_arg;
	/* By clock_monotonic_ms: not begun later; 0: at any time. A connection
	 * that has to be opened may take a second more. */
	int64_t begin_by;
	const struct http_signer *signer; /* of a GET; NULL: not signed */
	bool public_only; /* connect to addresses of public hosts only */
	bool secret;      /* no copy of the body outlives done */
	uint64_t resume;  /* ask for the bytes from here on */
	http_sink *sink;
	http_head *head; /* only with a sink */
	void *sink_arg;
	size_t max_body; /* largest body kept in memory; 0: 8 MiB */
	/* Instead of answer_seconds, where it is less; 0: none. */
	int64_t answer_ms;
};

/* Called once for each request, on the loop; never from within http_send or
 * http_cancel. The response is borrowed. May send, and cancel others. */
typedef void http_done(void *arg, const struct http_response *r);

#endif
