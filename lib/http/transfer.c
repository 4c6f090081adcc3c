#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/failpoint.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "http/address.h"
#include "http/environment.h"
#include "http/transfer.h"

/* A request that was started in time may begin so much later, while its connection opens. */
#define CONNECT_MS 1000

enum {
	BODY_MAX = 8 * 1024 * 1024,
	HEADERS_MAX = 256 * 1024,
	TRANSFER_BUFFER = 64 * 1024,
	DOWNLOAD_STEP = 64 * 1024,
	/* A connection that was idle for longer may be closing at the other end (servers
	 * commonly wait 5 s), and the outcome of a paid request would be unknown. */
	PAID_IDLE_SECONDS = 2,
};

static const char *const method_names[] = {
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"};
static const char closed_early[] = "the connection closed before a response came";

/* Callbacks of an easy handle. */

/* A proxy may have any address: it resolves the name of the host itself. libcurl does not
 * tell whether it connects to a proxy, but the proxy's port does. */
static bool
is_public(const char *ip, long port)
{
	return address_is_public(ip) || port == environment_proxy_port();
}

/* Refuses an address before it is connected to. */
static bool
may_connect(struct http_transfer *t, const char *ip, long port)
{
	if (!t->request.public_only || is_public(ip, port))
		return true;
	t->refused = true;
	t->why = "the host has a private or special address";
	return false;
}

/* Opens the socket of a connection, unless its address is refused. Notes a lack of
 * descriptors. */
static curl_socket_t
on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct http_transfer *t = arg;
	char ip[INET6_ADDRSTRLEN + IF_NAMESIZE + 1], port[8];
	int fd;

	(void)purpose;
	if (t->request.public_only &&
	    (getnameinfo(&a->addr, a->addrlen, ip, sizeof ip, port, sizeof port,
	         NI_NUMERICHOST | NI_NUMERICSERV) != 0 ||
	        !may_connect(t, ip, strtol(port, NULL, 10))))
		return CURL_SOCKET_BAD;
	fd = socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
	if (fd < 0 && (errno == EMFILE || errno == ENFILE))
		t->no_socket = errno;
	return fd;
}

/* Opening a connection takes as long each time, so it does not make requests bunch. */
static bool
is_late(const struct http_transfer *t)
{
	int64_t by = t->request.begin_by;

	return by != 0 && clock_monotonic_ms() > by + (t->started <= by ? CONNECT_MS : 0);
}

/* libcurl calls this each time it is about to send the request, so that we can refuse a
 * second time. */
static int
on_begin(void *arg, char *ip, char *local_ip, int port, int local_port)
{
	struct http_transfer *t = arg;

	(void)local_ip;
	(void)local_port;
	/* A connection that is used again may have been opened without the check. */
	if (!may_connect(t, ip, port))
		return CURL_PREREQFUNC_ABORT;
	if (t->begun == 0 && is_late(t)) {
		t->late = true;
		t->why = "its send time was over";
		return CURL_PREREQFUNC_ABORT;
	}
	if (t->request.may_send != NULL &&
	    !t->request.may_send(t->request.may_send_arg)) {
		t->why = "this process may not send it any more";
		return CURL_PREREQFUNC_ABORT;
	}
	if (!http_body_begin(&t->body, t->begun > 0)) {
		t->why = closed_early;
		return CURL_PREREQFUNC_ABORT;
	}
	t->begun++;
	t->moved_at = clock_monotonic_ms();
	return CURL_PREREQFUNC_OK;
}

/* libcurl calls this with every byte that moves, and each second. */
static int
on_progress(
    void *arg, curl_off_t unused, curl_off_t received, curl_off_t total, curl_off_t sent)
{
	struct http_transfer *t = arg;
	int64_t now = clock_monotonic_ms(), limit = t->options->answer_seconds * 1000;

	(void)unused;
	(void)total;
	if (sent != t->sent || (t->sinking && received - t->received >= DOWNLOAD_STEP)) {
		t->sent = sent;
		t->received = received;
		t->moved_at = now;
	}
	if (t->request.answer_ms > 0 && t->request.answer_ms < limit)
		limit = t->request.answer_ms;
	if (t->begun == 0 || now - t->moved_at < limit)
		return 0;
	t->why = "the response took too long";
	return 1;
}

/* Limits what the kernel takes at once; a slow line would look like a stalled one. */
static int
on_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	static const int lowat = TRANSFER_BUFFER;
	const struct http_transfer *t = arg;
	unsigned line_ms = t->options->line_seconds * 1000;

	(void)purpose;
	if (line_ms > 0 &&
	    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &line_ms, sizeof line_ms) != 0)
		return CURL_SOCKOPT_ERROR;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &lowat, sizeof lowat);
	return CURL_SOCKOPT_OK;
}

static size_t
on_header(char *data, size_t one, size_t len, void *arg)
{
	struct http_transfer *t = arg;

	failpoint("header");
	len *= one;
	t->header_bytes += len;
	if (t->header_bytes > HEADERS_MAX) {
		t->why = "the response headers are over 256 KiB";
		return 0;
	}
	/* libcurl accepts a head that breaks off. */
	if (len > 5 && memcmp(data, "HTTP/", 5) == 0)
		t->head_whole = false;
	else if (len > 0 && (data[0] == '\r' || data[0] == '\n'))
		t->head_whole = true;
	return len;
}

/* What the body is encoded with; NULL: nothing. No text of an API begins like gzip, so a
 * body that does needs no header. */
static const char *
coding_of(const struct http_transfer *t, const struct http_response *head, char first)
{
	const char *coding = http_header_of(head, "Content-Encoding");

	return coding == NULL && !t->sinking && first == 0x1f ? "gzip" : coding;
}

/* Decides at the first byte of the body whether it goes to the sink, and to which offset;
 * and how it is decoded. */
static bool
begin_body(struct http_transfer *t, char first)
{
	struct http_response head = {.easy_ = t->easy};
	const struct http_request *q = &t->request;
	unsigned long long from;
	const char *range;
	long status;

	if (curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK)
		return false;
	t->body_begun = true;
	head.status = (int)status;
	t->sinking = q->sink != NULL && (status == 200 || status == 206);
	if (t->sinking && q->head != NULL && !q->head(q->sink_arg, &head)) {
		t->why = "the response is not what was asked for";
		return false;
	}
	if (status != 206) /* of which the bytes do not begin at the beginning */
		t->decode = decode_new(coding_of(t, &head, first), (unsigned char)first);
	if (!t->sinking || status == 200)
		return true;
	range = http_header_of(&head, "Content-Range");
	if (range == NULL || sscanf(range, "bytes %llu-", &from) != 1 ||
	    from != q->resume) {
		t->why = "the response holds another range than was asked for";
		return false;
	}
	t->sink_offset = from;
	return true;
}

/* Takes bytes of the body, decoded. */
static bool
take(void *arg, char *data, size_t len)
{
	struct http_transfer *t = arg;

	if (!t->sinking) {
		if (!buf_add(&t->answer, data, len))
			t->why = "the response is too large";
		return !t->answer.full;
	}
	if (!t->request.sink(t->request.sink_arg, t->sink_offset, data, len)) {
		t->why = "the data could not be written";
		return false;
	}
	t->sink_offset += len;
	return true;
}

static size_t
on_data(char *data, size_t one, size_t len, void *arg)
{
	struct http_transfer *t = arg;
	bool damaged = false, taken;

	len *= one;
	if (len == 0 || (!t->body_begun && !begin_body(t, data[0])))
		return 0;
	taken = t->decode == NULL ? take(t, data, len)
	                          : decode_add(t->decode, data, len, take, t, &damaged);
	if (damaged)
		t->why = "the response is not what its Content-Encoding says";
	return taken ? len : 0;
}

/* Setting up. */

static CURLcode
set_method(struct http_transfer *t)
{
	CURLcode rc = CURLE_OK;
	enum http_method method = t->request.method;

	if (method == HTTP_GET)
		return SET(t->easy, CURLOPT_HTTPGET, 1L);
	if (method == HTTP_HEAD)
		return SET(t->easy, CURLOPT_NOBODY, 1L);
	if (method != HTTP_DELETE || t->body.n > 0)
		rc = http_body_attach(&t->body, t->easy);
	if (method != HTTP_POST)
		SET(t->easy, CURLOPT_CUSTOMREQUEST, method_names[method]);
	return rc;
}

/* The library does not read these variables; the curl program does. */
static CURLcode
set_authorities(CURL *easy)
{
	const char *variable, *file = environment_authorities(&variable);
	const char *dir = getenv("SSL_CERT_DIR");
	CURLcode rc = CURLE_OK;

	if (variable != NULL)
		SET(easy, CURLOPT_CAINFO, file);
	if (dir != NULL && *dir != '\0')
		SET(easy, CURLOPT_CAPATH, dir);
	return rc;
}

/* libcurl computes the signature, also over our headers, when the request is sent. */
static CURLcode
set_signer(CURL *easy, const struct http_signer *signer)
{
	CURLcode rc = CURLE_OK;

	SET(easy, CURLOPT_AWS_SIGV4, signer->scope);
	SET(easy, CURLOPT_USERNAME, signer->key_id);
	SET(easy, CURLOPT_PASSWORD, signer->key);
	return rc;
}

static CURLcode
set_connection(struct http_transfer *t)
{
	const struct http_options *o = t->options;
	CURL *easy = t->easy;
	bool tls = strncasecmp(t->request.url, "https:", 6) == 0;
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
	SET(easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
	SET(easy, CURLOPT_OPENSOCKETDATA, t);
	SET(easy, CURLOPT_SOCKOPTFUNCTION, on_socket);
	SET(easy, CURLOPT_SOCKOPTDATA, t);
	/* May fail: with HTTP/2 a handle keeps the buffer of its last use. Uploads use 64
	 * KiB by default. */
	if (t->request.sink != NULL)
		(void)curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)TRANSFER_BUFFER);
	if (t->request.paid)
		SET(easy, CURLOPT_MAXAGE_CONN, (long)PAID_IDLE_SECONDS);
	if (t->request.paid && t->body.length == 0)
		SET(easy, CURLOPT_FRESH_CONNECT, 1L);
	return rc == CURLE_OK && tls ? set_authorities(easy) : rc;
}

CURLcode
http_transfer_set_up(struct http_transfer *t)
{
	CURL *easy = t->easy;
	CURLcode rc = CURLE_OK;
	char range[32];

	t->started = clock_monotonic_ms();
	SET(easy, CURLOPT_PRIVATE, t);
	SET(easy, CURLOPT_ERRORBUFFER, t->error);
	SET(easy, CURLOPT_URL, t->request.url);
	SET(easy, CURLOPT_HTTPHEADER, t->headers);
	SET(easy, CURLOPT_FOLLOWLOCATION, 0L); /* a redirect is a response; see http.h */
	SET(easy, CURLOPT_USERAGENT, t->options->user_agent);
	SET(easy, CURLOPT_PREREQFUNCTION, on_begin);
	SET(easy, CURLOPT_PREREQDATA, t);
	SET(easy, CURLOPT_HEADERFUNCTION, on_header);
	SET(easy, CURLOPT_HEADERDATA, t);
	SET(easy, CURLOPT_WRITEFUNCTION, on_data);
	SET(easy, CURLOPT_WRITEDATA, t);
	SET(easy, CURLOPT_NOPROGRESS, 0L);
	SET(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
	SET(easy, CURLOPT_XFERINFODATA, t);
	if (t->request.resume > 0) {
		snprintf(range, sizeof range, "%" PRIu64 "-", t->request.resume);
		SET(easy, CURLOPT_RANGE, range);
	}
	if (rc == CURLE_OK && t->request.signer != NULL)
		rc = set_signer(easy, t->request.signer);
	if (rc == CURLE_OK)
		rc = set_connection(t);
	return rc == CURLE_OK ? set_method(t) : rc;
}

static void
add_header(struct http_transfer *t, const char *name, const char *value)
{
	/* "Name;" tells libcurl to send an empty value. */
	char *line =
	    *value != '\0' ? mem_printf("%s: %s", name, value) : mem_printf("%s;", name);

	t->headers = mem_checked(curl_slist_append(t->headers, line));
	explicit_bzero(line, strlen(line));
	free(line);
}

/* Amazon requires the hash of the body, which not every libcurl adds. A GET has neither
 * Expect nor Content-Type; libcurl would sign them if we suppressed them. */
static void
add_signed_headers(struct http_transfer *t, const struct http_signer *signer)
{
	char empty[SHA256_HEX];
	struct sha256 sha;

	sha256_init(&sha);
	sha256_hex(&sha, empty);
	add_header(t, "x-amz-content-sha256", empty);
	if (signer->session != NULL)
		add_header(t, "x-amz-security-token", signer->session);
}

static void
add_headers(struct http_transfer *t, const struct http_request *q)
{
	bool typed = t->body.type != NULL;

	for (size_t i = 0; i < q->nheaders; i++) {
		add_header(t, q->headers[i].name, q->headers[i].value);
		typed = typed || strcasecmp(q->headers[i].name, "Content-Type") == 0;
	}
	if (t->body.type != NULL)
		add_header(t, "Content-Type", t->body.type);
	add_header(t, "Accept-Encoding", "identity");
	if (q->signer != NULL) {
		add_signed_headers(t, q->signer);
		return;
	}
	/* Suppress libcurl's own Expect and Content-Type. */
	t->headers = mem_checked(curl_slist_append(t->headers, "Expect:"));
	if (!typed)
		t->headers = mem_checked(curl_slist_append(t->headers, "Content-Type:"));
}

struct http_transfer *
http_transfer_new(const struct http_request *q, const struct http_options *options)
{
	struct http_transfer *t = mem_new(1, sizeof *t);

	t->options = options;
	t->request = *q;
	t->request.url = mem_str(q->url != NULL ? q->url : "");
	buf_init(&t->answer, q->max_body > 0 ? q->max_body : BODY_MAX);
	if (q->secret) { /* allocated once: growing would leave copies behind */
		buf_room(&t->answer, t->answer.max);
		buf_clear(&t->answer);
	}
	http_body_init(&t->body, q);
	add_headers(t, q);
	return t;
}

/* The end of a transfer. */

void
http_transfer_say(const struct http_transfer *t, const struct http_response *r)
{
	const char *method = method_names[t->request.method], *url = t->request.url;
	int len = (int)strcspn(url, "?#");
	const char *rest = url[len] != '\0' ? "?..." : "";

	if (r->status != 0)
		note("%s %.*s%s: %d in %lld ms%s%s", method, len, url, rest, r->status,
		    (long long)r->ms, r->fate == HTTP_ANSWERED ? "" : ", ",
		    r->fate == HTTP_ANSWERED ? "" : r->why);
	else
		note("%s %.*s%s: %s", method, len, url, rest, r->why);
}

/* True for a download whose encoded bytes end too early. A shorter body may still tell
 * what is needed. */
static bool
is_cut(const struct http_transfer *t)
{
	return t->sinking && t->decode != NULL && !decode_is_whole(t->decode);
}

static const char *
why_not_answered(const struct http_transfer *t, enum http_fate fate)
{
	if (fate == HTTP_CANCELLED)
		return "cancelled";
	if (fate == HTTP_BROKEN && t->result == CURLE_OK)
		return "the response broke off";
	if (t->result == CURLE_SEND_FAIL_REWIND)
		return closed_early;
	if (t->why != NULL)
		return t->why;
	if (t->body.failed)
		return "the data to send could not be read";
	/* Ours ends the process, so it is libcurl's limit for a line: older versions
	 * call that a lack of memory. */
	if (t->begun > 0 && t->result == CURLE_OUT_OF_MEMORY)
		return "a header of the response is over 100 kB";
	return t->error[0] != '\0' ? t->error : curl_easy_strerror(t->result);
}

/* True if the server could not prove who it is. */
static bool
is_untrusted(CURLcode result)
{
	return result == CURLE_PEER_FAILED_VERIFICATION ||
	       result == CURLE_SSL_CACERT_BADFILE || result == CURLE_SSL_ISSUER_ERROR ||
	       result == CURLE_SSL_INVALIDCERTSTATUS;
}

/* Adds to the reason what the environment has to do with it. */
static void
blame_environment(struct http_transfer *t, struct http_response *r)
{
	const char *proxy = environment_proxy_of(t->request.url), *variable;
	const char *file = environment_authorities(&variable);
	char *shown = environment_proxy_shown(), *more = NULL;

	r->untrusted = is_untrusted(t->result);
	if (r->untrusted && strstr(r->why, "expired") != NULL)
		more = mem_str("is the clock of this machine right (date)?");
	else if (r->untrusted && variable != NULL)
		more = mem_printf(
		    "the authorities come from %s='%s'; correct it, or unset it",
		    variable, file);
	else if (r->untrusted)
		more = mem_str("for an authority of your own, or of a proxy, export "
		               "CURL_CA_BUNDLE=FILE or SSL_CERT_FILE=FILE");
	else if (proxy != NULL)
		more =
		    mem_printf("%s leads through the proxy %s; correct it, or unset %s",
		        proxy, shown != NULL ? shown : "that it names", proxy);
	if (more != NULL) {
		snprintf(t->told, sizeof t->told, "%s; %s", r->why, more);
		r->why = t->told;
	}
	free(more);
	free(shown);
}

static bool
is_not_public(const struct http_transfer *t)
{
	char *ip = NULL;
	long port = 0;

	if (t->request.public_only)
		return t->refused && t->begun == 0;
	return t->begun > 0 &&
	       curl_easy_getinfo(t->easy, CURLINFO_PRIMARY_IP, &ip) == CURLE_OK &&
	       curl_easy_getinfo(t->easy, CURLINFO_PRIMARY_PORT, &port) == CURLE_OK &&
	       ip != NULL && !is_public(ip, port);
}

void
http_transfer_result(struct http_transfer *t, struct http_response *r)
{
	long status = 0;
	curl_off_t us = 0;

	*r = (struct http_response){
	    .sent = t->begun > 0 && (t->body.length == 0 || t->body.whole),
	    .too_large = t->answer.full,
	    .no_socket = t->no_socket,
	    .body = t->answer.data != NULL ? t->answer.data : "",
	    .len = t->answer.len,
	    .why = "",
	    .easy_ = t->easy,
	};
	if (t->easy != NULL) {
		(void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
		(void)curl_easy_getinfo(t->easy, CURLINFO_TOTAL_TIME_T, &us);
	}
	/* Do not count 1xx, nor the response of a proxy to CONNECT. */
	r->status = t->begun > 0 && status >= 200 ? (int)status : 0;
	r->ms = us / 1000;
	r->not_public = is_not_public(t);
	r->late = t->late && !t->cancelled;
	if (t->cancelled)
		r->fate = HTTP_CANCELLED;
	else if (t->result == CURLE_OK && r->status != 0 && t->head_whole && !is_cut(t))
		r->fate = HTTP_ANSWERED;
	else
		r->fate = r->sent || r->status != 0 ? HTTP_BROKEN : HTTP_NOT_SENT;
	r->sent = r->sent || (r->status != 0 && !t->cancelled);
	if (r->fate != HTTP_ANSWERED)
		r->why = why_not_answered(t, r->fate);
	if (r->fate == HTTP_NOT_SENT && t->begun == 0 && t->why == NULL)
		blame_environment(t, r);
}

void
http_transfer_free(struct http_transfer *t)
{
	/* Headers may hold credentials. */
	for (struct curl_slist *h = t->headers; h != NULL; h = h->next)
		explicit_bzero(h->data, strlen(h->data));
	curl_slist_free_all(t->headers);
	http_body_release(&t->body);
	decode_free(t->decode);
	if (t->request.secret)
		explicit_bzero(t->answer.data, t->answer.size);
	buf_release(&t->answer);
	free((char *)t->request.url);
	free(t);
}
