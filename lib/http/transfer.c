#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sysexits.h>

#include "base/failpoint.h"
#include "base/mem.h"
#include "http/transfer.h"

enum {
	BODY_MAX = 8 * 1024 * 1024,
	HEADERS_MAX = 256 * 1024,
	TRANSFER_BUFFER = 64 * 1024,
	/* A connection that was idle for longer may just be closing at the other end (servers
	 * commonly give 5 s), which would leave a paid request in doubt. */
	PAID_IDLE_SECONDS = 2,
};

static const char closed_early[] = "the connection closed before an answer came";

/* Callbacks of an easy handle. */

/* libcurl asks this each time it is about to send the request, so that nothing is sent twice
 * without our leave. */
static int
on_begin(void *arg, char *ip, char *local_ip, int port, int local_port)
{
	struct http_transfer *c = arg;

	(void)ip;
	(void)local_ip;
	(void)port;
	(void)local_port;
	if (!http_body_begin(&c->body, c->begun > 0)) {
		c->why = closed_early;
		return CURL_PREREQFUNC_ABORT;
	}
	c->begun++;
	return CURL_PREREQFUNC_OK;
}

/* A slow line must not look like a stalled one because the kernel took all at once. */
static int
on_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	static const int lowat = TRANSFER_BUFFER;

	(void)arg;
	(void)purpose;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &lowat, sizeof lowat);
	return CURL_SOCKOPT_OK;
}

static size_t
on_header(char *data, size_t one, size_t len, void *arg)
{
	struct http_transfer *c = arg;

	failpoint("header");
	len *= one;
	c->header_bytes += len;
	if (c->header_bytes > HEADERS_MAX) {
		c->why = "the answer's headers have no end";
		return 0;
	}
	/* libcurl is content with a head that breaks off. */
	if (len > 5 && memcmp(data, "HTTP/", 5) == 0)
		c->head_whole = false;
	else if (len > 0 && (data[0] == '\r' || data[0] == '\n'))
		c->head_whole = true;
	return len;
}

/* Decides at the first byte of the body whether it goes to the sink, and to which offset. */
static bool
begin_body(struct http_transfer *c, long status)
{
	const struct http_response head = {.status = (int)status, .easy_ = c->easy};
	struct curl_header *range;
	unsigned long long from;

	c->sinking = c->sink != NULL && (status == 200 || status == 206);
	if (c->sinking && c->head != NULL && !c->head(c->sink_arg, &head)) {
		c->why = "the answer is not what was asked for";
		return false;
	}
	if (!c->sinking || status == 200)
		return true;
	if (curl_easy_header(c->easy, "Content-Range", 0, CURLH_HEADER, -1, &range) !=
	        CURLHE_OK ||
	    sscanf(range->value, "bytes %llu-", &from) != 1 || from != c->resume) {
		c->why = "the answer holds another range than was asked for";
		return false;
	}
	c->sink_offset = from;
	return true;
}

static size_t
on_data(char *data, size_t one, size_t len, void *arg)
{
	struct http_transfer *c = arg;
	long status = 0;

	len *= one;
	if (len == 0)
		return 0;
	if (!c->sinking && c->answer.len == 0) {
		if (curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status) !=
		        CURLE_OK ||
		    !begin_body(c, status))
			return 0;
	}
	if (c->sinking) {
		if (!c->sink(c->sink_arg, c->sink_offset, data, len)) {
			c->why = "what came could not be kept";
			return 0;
		}
		c->sink_offset += len;
		return len;
	}
	if (!buf_add(&c->answer, data, len)) {
		c->why = "the answer is larger than is sensible";
		return 0;
	}
	return len;
}

/* Setting up. */

#define SET(easy, option, value)                                                         \
	(rc == CURLE_OK ? (rc = curl_easy_setopt(easy, option, value)) : rc)

static CURLcode
set_method(struct http_transfer *c)
{
	CURLcode rc = CURLE_OK;
	bool body = c->body.n > 0;

	switch (c->method) {
	case HTTP_GET:
		return SET(c->easy, CURLOPT_HTTPGET, 1L);
	case HTTP_HEAD:
		return SET(c->easy, CURLOPT_NOBODY, 1L);
	case HTTP_POST:
		return http_body_attach(&c->body, c->easy);
	case HTTP_PUT:
		rc = http_body_attach(&c->body, c->easy);
		return SET(c->easy, CURLOPT_CUSTOMREQUEST, "PUT");
	case HTTP_DELETE:
		if (body)
			rc = http_body_attach(&c->body, c->easy);
		return SET(c->easy, CURLOPT_CUSTOMREQUEST, "DELETE");
	}
	return CURLE_UNSUPPORTED_PROTOCOL;
}

/* libcurl reads no such variable by itself; its command-line tool reads these. */
static CURLcode
set_authorities(CURL *easy)
{
	const char *file = getenv("CURL_CA_BUNDLE"), *dir = getenv("SSL_CERT_DIR");
	CURLcode rc = CURLE_OK;

	if (file == NULL || *file == '\0')
		file = getenv("SSL_CERT_FILE");
	if (file != NULL && *file != '\0')
		SET(easy, CURLOPT_CAINFO, file);
	if (dir != NULL && *dir != '\0')
		SET(easy, CURLOPT_CAPATH, dir);
	return rc;
}

static CURLcode
set_connection(struct http_transfer *c)
{
	const struct http_options *o = c->options;
	CURL *easy = c->easy;
	bool tls = strncasecmp(c->url, "https:", 6) == 0;
	CURLcode rc = CURLE_OK;

	SET(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	SET(easy, CURLOPT_NOSIGNAL, 1L);
	SET(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	SET(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	SET(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	SET(easy, CURLOPT_PIPEWAIT, tls ? 1L : 0L);
	if (!tls)
		SET(easy, CURLOPT_PROXY, "");
	SET(easy, CURLOPT_CONNECTTIMEOUT, (long)o->connect_seconds);
	SET(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
	SET(easy, CURLOPT_LOW_SPEED_TIME, (long)o->stall_seconds);
	SET(easy, CURLOPT_SOCKOPTFUNCTION, on_socket);
	/* A wish: a handle that still holds a buffer from its last use (with HTTP/2) keeps
	 * that one. Uploads have 64 KiB by default. */
	if (c->sink != NULL)
		(void)curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)TRANSFER_BUFFER);
	if (c->paid)
		SET(easy, CURLOPT_MAXAGE_CONN, (long)PAID_IDLE_SECONDS);
	if (c->paid && c->body.length == 0)
		SET(easy, CURLOPT_FRESH_CONNECT, 1L);
	return rc != CURLE_OK || !tls ? rc : set_authorities(easy);
}

CURLcode
http_transfer_set_up(struct http_transfer *c)
{
	CURL *easy = c->easy;
	CURLcode rc = CURLE_OK;
	char range[32];

	SET(easy, CURLOPT_PRIVATE, c);
	SET(easy, CURLOPT_ERRORBUFFER, c->error);
	SET(easy, CURLOPT_URL, c->url);
	SET(easy, CURLOPT_HTTPHEADER, c->headers);
	SET(easy, CURLOPT_USERAGENT, c->options->user_agent);
	SET(easy, CURLOPT_PREREQFUNCTION, on_begin);
	SET(easy, CURLOPT_PREREQDATA, c);
	SET(easy, CURLOPT_HEADERFUNCTION, on_header);
	SET(easy, CURLOPT_HEADERDATA, c);
	SET(easy, CURLOPT_WRITEFUNCTION, on_data);
	SET(easy, CURLOPT_WRITEDATA, c);
	if (c->resume > 0) {
		snprintf(range, sizeof range, "%llu-", (unsigned long long)c->resume);
		SET(easy, CURLOPT_RANGE, range);
	}
	if (rc == CURLE_OK)
		rc = set_connection(c);
	return rc != CURLE_OK ? rc : set_method(c);
}

static void
add_line(struct http_transfer *c, const char *line)
{
	struct curl_slist *list = curl_slist_append(c->headers, line);

	if (list == NULL)
		die(EX_OSERR, "out of memory");
	c->headers = list;
}

static void
add_header(struct http_transfer *c, const char *name, const char *value)
{
	/* "Name;" is how libcurl is told to send an empty value. */
	char *line =
	    *value != '\0' ? mem_printf("%s: %s", name, value) : mem_printf("%s;", name);

	add_line(c, line);
	explicit_bzero(line, strlen(line));
	free(line);
}

static void
add_headers(struct http_transfer *c, const struct http_request *q)
{
	bool typed = c->body.type != NULL;

	for (size_t i = 0; i < q->nheaders; i++) {
		add_header(c, q->headers[i].name, q->headers[i].value);
		typed = typed || strcasecmp(q->headers[i].name, "Content-Type") == 0;
	}
	if (c->body.type != NULL)
		add_header(c, "Content-Type", c->body.type);
	/* Nor what libcurl would add by itself. */
	add_line(c, "Expect:");
	if (!typed)
		add_line(c, "Content-Type:");
}

struct http_transfer *
http_transfer_new(const struct http_request *q, const struct http_options *options)
{
	struct http_transfer *c = mem_new(1, sizeof *c);

	c->options = options;
	c->method = q->method;
	c->url = mem_str(q->url != NULL ? q->url : "");
	c->paid = q->paid;
	c->resume = q->resume;
	c->sink = q->sink;
	c->head = q->head;
	c->sink_arg = q->sink_arg;
	c->secret = q->secret;
	buf_init(&c->answer, q->max_body > 0 ? q->max_body : BODY_MAX);
	if (c->secret) { /* allocated once: growing would leave copies behind */
		buf_room(&c->answer, c->answer.max);
		buf_clear(&c->answer);
	}
	http_body_init(&c->body, q);
	add_headers(c, q);
	return c;
}

/* The end of a call. */

static bool
may_have_been_sent(const struct http_transfer *c)
{
	return c->begun > 0 && (c->body.length == 0 || c->body.whole);
}

void
http_transfer_say(const struct http_transfer *c, const struct http_response *r)
{
	static const char *const names[] = {"GET", "HEAD", "POST", "PUT", "DELETE"};
	int len = (int)strcspn(c->url, "?#");
	const char *rest = c->url[len] != '\0' ? "?..." : "";

	if (r->status != 0)
		note("%s %.*s%s: %d in %lld ms%s%s", names[c->method], len, c->url, rest,
		    r->status, (long long)r->ms, r->fate == HTTP_ANSWERED ? "" : ", ",
		    r->fate == HTTP_ANSWERED ? "" : r->why);
	else
		note("%s %.*s%s: %s", names[c->method], len, c->url, rest, r->why);
}

/* HTTP/1 without a length and without chunks. */
static bool
is_open_ended(const struct http_response *r)
{
	long version = 0;
	curl_off_t length = -1;
	/* Not changed by reading; libcurl's prototype does not say so. */
	CURL *easy = (CURL *)(uintptr_t)r->easy_;

	(void)curl_easy_getinfo(easy, CURLINFO_HTTP_VERSION, &version);
	(void)curl_easy_getinfo(easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	return version < CURL_HTTP_VERSION_2_0 && length < 0 &&
	       http_header_of(r, "Transfer-Encoding") == NULL;
}

void
http_transfer_result(const struct http_transfer *c, struct http_response *r)
{
	long status = 0;
	curl_off_t us = 0;

	*r = (struct http_response){
	    .sent = may_have_been_sent(c), .too_large = c->answer.full, .why = ""};
	r->body = c->answer.data != NULL ? c->answer.data : "";
	r->len = c->answer.len;
	if (c->easy != NULL) {
		r->easy_ = c->easy;
		(void)curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
		(void)curl_easy_getinfo(c->easy, CURLINFO_TOTAL_TIME_T, &us);
	}
	/* 1xx is no answer, and a proxy's is not the server's. */
	r->status = c->begun > 0 && status >= 200 ? (int)status : 0;
	r->ms = us / 1000;
	if (c->cancelled)
		r->fate = HTTP_CANCELLED, r->why = "cancelled";
	else if (c->result == CURLE_OK && r->status != 0 && c->head_whole)
		r->fate = HTTP_ANSWERED, r->sent = true, r->open_ended = is_open_ended(r);
	else if (!r->sent && r->status == 0)
		r->fate = HTTP_NOT_SENT;
	else
		r->fate = HTTP_BROKEN, r->sent = true;
	if (r->fate == HTTP_BROKEN && c->result == CURLE_OK)
		r->why = "the answer broke off";
	else if (c->result == CURLE_SEND_FAIL_REWIND && !c->cancelled)
		r->why = closed_early;
	else if (r->fate == HTTP_NOT_SENT || r->fate == HTTP_BROKEN)
		r->why = c->why != NULL        ? c->why
		         : c->body.failed      ? "what was to be sent could not be read"
		         : c->error[0] != '\0' ? c->error
		                               : curl_easy_strerror(c->result);
}

void
http_transfer_free(struct http_transfer *c)
{
	/* They may hold credentials. */
	for (struct curl_slist *h = c->headers; h != NULL; h = h->next)
		explicit_bzero(h->data, strlen(h->data));
	curl_slist_free_all(c->headers);
	http_body_release(&c->body);
	if (c->secret)
		explicit_bzero(c->answer.data, c->answer.size);
	buf_release(&c->answer);
	free(c->refusal);
	free(c->url);
	free(c);
}

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
