#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "http/http.h"
#include "http/url.h"
#include "loopback_server.h"

/* The server: the path of a request selects the behaviour. It counts what it sees. */

static void *connection(void *fd);

static struct loopback_server listening = {.connection = connection};
static struct {
	atomic_int connections, requests, hangups;
} server;

static void
put(int fd, const char *s)
{
	size_t len = strlen(s);

	while (len > 0) {
		ssize_t n = send(fd, s, len, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		s += n;
		len -= (size_t)n;
	}
}

/* How much of an upload to /ok?slowly is read slowly. What is in flight at the end is not. */
#define SLOW_BYTES ((size_t)20 * 1000 * 1000)

/* Reads one request, head and body; false at the end of the connection. */
static bool
take(int fd, struct buf *b, bool body)
{
	const char *end, *length;
	size_t want;
	ssize_t n;

	buf_clear(b);
	for (;;) {
		char chunk[65536];

		end = b->len > 0 ? strstr(b->data, "\r\n\r\n") : NULL;
		if (end != NULL) {
			length = strcasestr(b->data, "\r\nContent-Length:");
			want = (size_t)(end + 4 - b->data);
			if (body && length != NULL && length < end)
				want += strtoul(length + 17, NULL, 10);
			if (b->len >= want || !body)
				return true;
		}
		n = recv(fd, chunk, sizeof chunk, 0);
		if (n <= 0)
			return false;
		buf_add(b, chunk, (size_t)n);
		if (strncmp(b->data, "POST /ok?slowly", 15) == 0 && b->len < SLOW_BYTES)
			usleep(8000);
		if (b->data[0] == 0x16)
			return false; /* a TLS handshake */
	}
}

static void
answer_with(int fd, const struct buf *b)
{
	char head[128];

	snprintf(
	    head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", b->len);
	put(fd, head);
	put(fd, b->data);
}

static void
trickle(int fd)
{
	put(fd, "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n");
	for (int i = 0; i < 8; i++) {
		usleep(300000);
		put(fd, "x");
	}
}

/* Sends text, and then an endless line byte by byte, until the client closes. */
static void
drip(int fd, const char *text)
{
	put(fd, text);
	while (send(fd, "H", 1, MSG_NOSIGNAL) == 1)
		usleep(20000);
}

static const struct {
	const char *path, *answer;
} drips[] = {
    {"/drip-status", "HTTP/1.1 200 "},
    {"/drip-head", "HTTP/1.1 200 OK\r\nX-A: "},
    {"/drip-body", "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"},
};

static const struct {
	const char *path, *answer;
	bool close;
} canned[] = {
    {"/ok", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: 1\r\nx-a: 2\r\n\r\nhello",
        false},
    {"/chunked",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        false},
    {"/missing", "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno", false},
    {"/redirect", "HTTP/1.1 307 Go\r\nLocation: /ok\r\nContent-Length: 0\r\n\r\n", false},
    {"/range",
        "HTTP/1.1 206 Part\r\nContent-Range: bytes 3-4/5\r\nContent-Length: 2\r\n\r\nlo",
        false},
    {"/short", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello", true},
    {"/cut", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n50\r\nhello", true},
    {"/garbage", "\x01\x02\x03 what?\r\n\r\n", true},
    {"/head-only", "HTTP/1.1 200 OK\r\nContent-Le", true},
};

/* Answers; false: close the connection. */
static bool
serve(int fd, const struct buf *b)
{
	const char *path = strchr(b->data, ' ') + 1;
	size_t len = strcspn(path, " ?");

	for (size_t i = 0; i < sizeof canned / sizeof *canned; i++)
		if (strlen(canned[i].path) == len &&
		    strncmp(path, canned[i].path, len) == 0) {
			put(fd, canned[i].answer);
			return !canned[i].close;
		}
	for (size_t i = 0; i < sizeof drips / sizeof *drips; i++)
		if (strncmp(path, drips[i].path, len) == 0) {
			drip(fd, drips[i].answer);
			return false;
		}
	if (strncmp(path, "/echo", len) == 0)
		answer_with(fd, b);
	else if (strncmp(path, "/trickle", len) == 0)
		trickle(fd);
	else if (strncmp(path, "/endless", len) == 0) {
		struct buf page = {0};

		put(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n");
		while (page.len < 100000)
			buf_str(&page, "0123456789");
		for (int i = 0; i < 100; i++)
			put(fd, page.data);
		buf_release(&page);
		return false;
	} else if (strncmp(path, "/wide", len) == 0) {
		struct buf head = {0};

		buf_printf(&head, "HTTP/1.1 200 OK\r\nX-A: %0150000d\r\n\r\n", 0);
		put(fd, head.data);
		buf_release(&head);
		return false;
	} else if (strncmp(path, "/stall", len) == 0) {
		char c;

		(void)!recv(fd, &c, 1, 0); /* until the client closes */
		return false;
	} else {
		server.hangups++;
		return false;
	}
	return true;
}

static void *
connection(void *arg)
{
	int fd = (int)(intptr_t)arg;
	struct buf b = {0};
	bool more = true;

	server.connections++;
	while (more && take(fd, &b, true)) {
		server.requests++;
		more = serve(fd, &b);
	}
	close(fd);
	buf_release(&b);
	return NULL;
}

/* A client that keeps the last response. */

struct client {
	struct loop *loop;
	struct http *http;
	struct http_transfer *call;
	struct http_response r;
	char *body, *why, *header;
	int done;
	struct buf sunk;
	uint64_t sunk_at;
	struct timer timer;
};

static void
keep(void *arg, const struct http_response *r)
{
	struct client *c = arg;
	const char *header = http_header_of(r, "X-a");

	if (header == NULL)
		header = http_header_of(r, "LOCATION");
	free(c->body);
	free(c->why);
	free(c->header);
	c->r = *r;
	c->body = mem_strn(r->body, r->len);
	c->why = mem_str(r->why);
	c->header = mem_str(header);
	c->done++;
}

static void
client_open_with(struct client *c, struct http_options options)
{
	options.user_agent = "avtools-test";
	*c = (struct client){.loop = loop_new()};
	c->http = http_new(c->loop, &options);
	server.connections = server.requests = server.hangups = 0;
}

static void
client_open(struct client *c, unsigned max, unsigned stall)
{
	client_open_with(
	    c, (struct http_options){.max_in_flight = max, .stall_seconds = stall});
}

static void
client_close(struct client *c)
{
	http_free(c->http);
	loop_free(c->loop);
	free(c->body);
	free(c->why);
	free(c->header);
	buf_release(&c->sunk);
}

static char *
url_of(const char *path)
{
	return mem_printf("http://127.0.0.1:%d%s", listening.port, path);
}

static void
go(struct client *c, struct http_request q, const char *path)
{
	char *url = url_of(path);

	q.url = url;
	c->done = 0;
	c->call = http_send(c->http, &q, keep, c);
	free(url);
	loop_run(c->loop);
	assert_int_equal(c->done, 1);
}

static void
answers(void **unused)
{
	struct client c;

	(void)unused;
	client_open(&c, 4, 0);
	go(&c, (struct http_request){0}, "/ok");
	assert_int_equal(c.r.fate, HTTP_ANSWERED);
	assert_int_equal(c.r.status, 200);
	assert_string_equal(c.body, "hello");
	assert_string_equal(c.header, "2");
	go(&c, (struct http_request){0}, "/chunked");
	assert_string_equal(c.body, "hello");
	go(&c, (struct http_request){0}, "/missing");
	assert_int_equal(c.r.fate, HTTP_ANSWERED);
	assert_int_equal(c.r.status, 404);
	assert_string_equal(c.body, "no");
	go(&c, (struct http_request){.method = HTTP_POST}, "/redirect");
	assert_int_equal(c.r.fate, HTTP_ANSWERED);
	assert_int_equal(c.r.status, 307);
	assert_string_equal(c.header, "/ok");
	assert_int_equal(server.requests, 4);
	assert_int_equal(server.connections, 1);
	client_close(&c);
}

static void
broken_answers(void **unused)
{
	static const char *const paths[] = {
	    "/short", "/cut", "/garbage", "/head-only", "/hangup"};
	struct client c;

	(void)unused;
	client_open(&c, 4, 0);
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		go(&c, (struct http_request){.method = HTTP_POST}, paths[i]);
		assert_int_equal(c.r.fate, HTTP_BROKEN);
		assert_true(c.r.sent);
		assert_string_not_equal(c.why, "");
	}
	assert_int_equal(server.requests, 5);
	client_close(&c);
}

static void
not_sent(void **unused)
{
	struct client c;
	struct loopback_server gone;
	struct http_request q = {.method = HTTP_POST, .paid = true};
	char *url;

	(void)unused;
	loopback_listen(&gone);
	close(gone.fd);
	q.url = url = mem_printf("https://127.0.0.1:%d/?key=SECRET", gone.port);
	client_open(&c, 4, 0);
	http_send(c.http, &q, keep, &c);
	loop_run(c.loop);
	assert_int_equal(c.r.fate, HTTP_NOT_SENT);
	assert_false(c.r.sent);
	assert_null(strstr(c.why, "SECRET"));
	q.url = "http://example.com/";
	http_send(c.http, &q, keep, &c);
	loop_run(c.loop);
	assert_int_equal(c.r.fate, HTTP_NOT_SENT);
	/* The server does not speak TLS. */
	free(url);
	url = mem_printf("https://127.0.0.1:%d/", listening.port);
	q.url = url;
	http_send(c.http, &q, keep, &c);
	loop_run(c.loop);
	assert_int_equal(c.r.fate, HTTP_NOT_SENT);
	assert_int_equal(server.requests, 0);
	assert_int_equal(c.done, 3);
	free(url);
	client_close(&c);
}

/* Bodies. */

static ssize_t
pattern(void *arg, uint64_t offset, char *buf, size_t size)
{
	size_t ceiling = *(size_t *)arg; /* to make reads short */

	if (size > ceiling)
		size = ceiling;
	for (size_t i = 0; i < size; i++)
		buf[i] = (char)('a' + (offset + i) % 26);
	return (ssize_t)size;
}

static ssize_t
unreadable(void *arg, uint64_t offset, char *buf, size_t size)
{
	(void)arg;
	if (offset >= 100000)
		return -1;
	memset(buf, 'x', size);
	return (ssize_t)size;
}

static void
bodies_arrive_whole(void **unused)
{
	struct client c;
	size_t ceiling = 7;
	const struct http_header headers[] = {
	    {"Content-Type", "application/json"}, {"X-Empty", ""}};

	(void)unused;
	client_open(&c, 4, 0);
	for (uint64_t size = 0; size <= 9; size++) {
		const struct http_piece pieces[] = {{.bytes = "{\"a\":\"", .len = 6},
		    {.source = {pattern, &ceiling, size}, .base64 = true},
		    {.bytes = "\",\"b\":\"", .len = 7},
		    {.source = {pattern, &ceiling, size}}, {.bytes = "\"}", .len = 2}};
		static const char *const want[] = {"", "YQ==", "YWI=", "YWJj",
		    "YWJjZA==", "YWJjZGU=", "YWJjZGVm",
		    "YWJjZGVmZw==", "YWJjZGVmZ2g=", "YWJjZGVmZ2hp"};
		char *text = mem_printf("\r\n\r\n{\"a\":\"%s\",\"b\":\"%.*s\"}",
		    want[size], (int)size, "abcdefghi");

		go(&c,
		    (struct http_request){.method = HTTP_PUT,
		        .headers = headers,
		        .nheaders = 2,
		        .pieces = pieces,
		        .npieces = 5,
		        .paid = true},
		    "/echo");
		assert_int_equal(c.r.fate, HTTP_ANSWERED);
		assert_memory_equal(c.body, "PUT /echo HTTP/1.1\r\n", 20);
		assert_non_null(strstr(c.body, text));
		assert_non_null(strstr(c.body, "\r\nContent-Type: application/json\r\n"));
		assert_non_null(strstr(c.body, "\r\nX-Empty:\r\n"));
		assert_non_null(strstr(c.body, "\r\nUser-Agent: avtools-test\r\n"));
		assert_non_null(strstr(c.body, "\r\nAccept-Encoding: identity\r\n"));
		assert_null(strstr(c.body, "Expect"));
		free(text);
	}
	go(&c, (struct http_request){.method = HTTP_POST}, "/echo");
	assert_non_null(strstr(c.body, "\r\nContent-Length: 0\r\n"));
	assert_null(strstr(c.body, "Content-Type"));
	go(&c, (struct http_request){.method = HTTP_DELETE}, "/echo");
	assert_memory_equal(c.body, "DELETE /echo", 12);
	assert_null(strstr(c.body, "Content-Length"));
	client_close(&c);
}

/* A large base64 body is one encoding, wherever the buffers are split. */
static void
large_base64(void **unused)
{
	enum { SIZE = 1000003 };
	struct client c;
	size_t ceiling = SIZE;
	const struct http_piece pieces[] = {{.bytes = "x", .len = 1},
	    {.source = {pattern, &ceiling, SIZE}, .base64 = true}};
	static const char abc[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *p;
	uint64_t n = 0;

	(void)unused;
	client_open(&c, 4, 0);
	go(&c, (struct http_request){.method = HTTP_POST, .pieces = pieces, .npieces = 2},
	    "/echo");
	assert_int_equal(c.r.fate, HTTP_ANSWERED);
	p = (const unsigned char *)strstr(c.body, "\r\n\r\nx") + 5;
	assert_int_equal(strlen((const char *)p), (SIZE + 2) / 3 * 4);
	for (; *p != '\0' && *p != '='; p += 4) {
		unsigned v = 0;

		for (int i = 0; i < 4; i++)
			v = v << 6 |
			    (unsigned)(p[i] == '=' ? 0 : strchr(abc, p[i]) - abc);
		for (int shift = 16; shift >= 0 && n < SIZE; shift -= 8, n++)
			assert_int_equal((v >> shift) & 255, 'a' + n % 26);
	}
	assert_int_equal(n, SIZE);
	client_close(&c);
}

static void
multipart(void **unused)
{
	struct client c;
	size_t ceiling = 1000;
	const struct http_part parts[] = {
	    {.name = "displayName", .value = {.bytes = "Ann \"A\"", .len = 7}},
	    {.name = "imageFile",
	        .filename = "a\"nn\r\nX: y\t\x1b\x7f\\.jpg",
	        .type = "image/jpeg",
	        .value = {.source = {pattern, &ceiling, 26}}},
	    {.name = "empty", .value = {.bytes = "", .len = 0}}};

	(void)unused;
	client_open(&c, 4, 0);
	go(&c,
	    (struct http_request){
	        .method = HTTP_POST, .parts = parts, .nparts = 3, .paid = true},
	    "/echo");
	assert_int_equal(c.r.fate, HTTP_ANSWERED);
	assert_non_null(strstr(c.body, "Content-Type: multipart/form-data; boundary="));
	assert_non_null(strstr(c.body,
	    "Content-Disposition: form-data; name=\"displayName\"\r\n\r\nAnn \"A\"\r\n"));
	assert_non_null(strstr(c.body,
	    "Content-Disposition: form-data; name=\"imageFile\"; "
	    "filename=\"a%22nn%0D%0AX: y%09%1B%7F%5C.jpg\"\r\n"
	    "Content-Type: image/jpeg\r\n\r\nabcdefghijklmnopqrstuvwxyz\r\n"));
	assert_non_null(
	    strstr(c.body, "name=\"empty\"\r\n\r\n\r\n------------------------"));
	assert_non_null(strstr(c.body, "\r\nContent-Length: "));
	client_close(&c);
}

/* At most once: the server reads the request on a reused connection and closes it without an
 * answer. */

static void
hung_up_on(struct http_request q, int hangups)
{
	struct client c;

	client_open(&c, 4, 0);
	go(&c, (struct http_request){0}, "/ok");
	go(&c, q, "/hangup");
	assert_int_equal(c.r.fate, HTTP_BROKEN);
	assert_true(c.r.sent);
	assert_int_equal(server.hangups, hangups);
	client_close(&c);
}

static void
paid_is_sent_once(void **unused)
{
	size_t ceiling = 1000;
	const struct http_piece piece = {.source = {pattern, &ceiling, 5000}};
	const struct http_piece text = {.bytes = "{}", .len = 2};
	const struct http_part part = {
	    .name = "f", .value = {.source = {pattern, &ceiling, 300000}}};
	const struct http_part field = {.name = "f", .value = {.bytes = "a", .len = 1}};
	const struct http_part nothing = {.name = "f", .value = {.bytes = "", .len = 0}};
	struct http_request q = {.method = HTTP_POST, .paid = true};

	(void)unused;
	hung_up_on(q, 1);
	q.npieces = 1;
	q.pieces = &piece;
	hung_up_on(q, 1);
	q.pieces = &text;
	hung_up_on(q, 1);
	q.npieces = 0;
	q.nparts = 1;
	q.parts = &part;
	hung_up_on(q, 1);
	q.parts = &field;
	hung_up_on(q, 1);
	q.parts = &nothing;
	hung_up_on(q, 1);
	/* A request that is not paid may be sent again. */
	hung_up_on((struct http_request){.method = HTTP_GET}, 2);
	hung_up_on((struct http_request){.method = HTTP_POST}, 2);
}

/* A request that libcurl repeats has its whole body the second time. */
static void
repeated_body_is_whole(void **unused)
{
	const struct http_piece text = {.bytes = "{}", .len = 2};
	const struct http_part field = {.name = "f", .value = {.bytes = "a", .len = 1}};

	(void)unused;
	hung_up_on(
	    (struct http_request){.method = HTTP_PUT, .pieces = &text, .npieces = 1}, 2);
	hung_up_on(
	    (struct http_request){.method = HTTP_POST, .parts = &field, .nparts = 1}, 2);
}

static void
a_request_begins_in_time_or_not_at_all(void **unused)
{
	struct http_request q = {.method = HTTP_POST, .paid = true};
	struct client c;

	(void)unused;
	client_open(&c, 4, 0);
	q.begin_by = clock_monotonic_ms() - 1;
	go(&c, q, "/echo");
	assert_int_equal(c.r.fate, HTTP_NOT_SENT);
	assert_true(c.r.late);
	assert_int_equal(server.requests, 0);
	q.begin_by = clock_monotonic_ms() + 60000;
	go(&c, q, "/echo");
	assert_int_equal(c.r.fate, HTTP_ANSWERED);
	assert_false(c.r.late);
	assert_int_equal(server.requests, 1);
	client_close(&c);
}

static void
unreadable_source_is_not_sent(void **unused)
{
	const struct http_piece piece = {.source = {unreadable, NULL, 1000000}};
	const struct http_part part = {.name = "f", .value = piece};
	struct client c;

	(void)unused;
	client_open(&c, 4, 0);
	go(&c,
	    (struct http_request){
	        .method = HTTP_POST, .pieces = &piece, .npieces = 1, .paid = true},
	    "/echo");
	assert_int_equal(c.r.fate, HTTP_NOT_SENT);
	go(&c,
	    (struct http_request){
	        .method = HTTP_POST, .parts = &part, .nparts = 1, .paid = true},
	    "/echo");
	assert_int_equal(c.r.fate, HTTP_NOT_SENT);
	assert_int_equal(server.requests, 0);
	client_close(&c);
}

/* Downloads. */

static bool
sink(void *arg, uint64_t offset, const char *data, size_t len)
{
	struct client *c = arg;

	if (c->sunk.len == 0)
		c->sunk_at = offset;
	assert_int_equal(offset, c->sunk_at + c->sunk.len);
	return buf_add(&c->sunk, data, len);
}

static void
downloads(void **unused)
{
	struct client c;
	struct http_request q = {.sink = sink};

	(void)unused;
	client_open(&c, 4, 0);
	q.sink_arg = &c;
	go(&c, q, "/ok");
	assert_string_equal(c.sunk.data, "hello");
	assert_int_equal(c.r.len, 0);
	go(&c, q, "/missing");
	assert_string_equal(c.sunk.data, "hello");
	assert_string_equal(c.body, "no");
	buf_clear(&c.sunk);
	q.resume = 3;
	go(&c, q, "/range");
	assert_int_equal(c.r.fate, HTTP_ANSWERED);
	assert_int_equal(c.r.status, 206);
	assert_int_equal(c.sunk_at, 3);
	assert_string_equal(c.sunk.data, "lo");
	buf_clear(&c.sunk);
	go(&c, q, "/ok"); /* a server without range support */
	assert_int_equal(c.sunk_at, 0);
	assert_string_equal(c.sunk.data, "hello");
	buf_clear(&c.sunk);
	q.resume = 2;
	go(&c, q, "/range");
	assert_int_equal(c.r.fate, HTTP_BROKEN);
	assert_int_equal(c.sunk.len, 0);
	c.sunk.max = 10; /* a full disk */
	q.resume = 0;
	go(&c, q, "/endless");
	assert_int_equal(c.r.fate, HTTP_BROKEN);
	client_close(&c);
}

static void
answers_have_a_limit(void **unused)
{
	struct client c;

	(void)unused;
	client_open(&c, 4, 0);
	go(&c, (struct http_request){0}, "/endless");
	assert_int_equal(c.r.fate, HTTP_BROKEN);
	assert_int_equal(c.r.status, 200);
	assert_in_range(c.r.len, 1, 8 * 1024 * 1024);
	go(&c, (struct http_request){.max_body = 4}, "/ok");
	assert_int_equal(c.r.fate, HTTP_BROKEN);
	go(&c, (struct http_request){.paid = true}, "/wide");
	assert_int_equal(c.r.fate, HTTP_BROKEN);
	assert_true(c.r.sent);
	assert_string_equal(c.why, "a header of the response is over 100 kB");
	client_close(&c);
}

static void
stall_ends_and_trickle_does_not(void **unused)
{
	struct client c;

	(void)unused;
	client_open(&c, 4, 2);
	go(&c, (struct http_request){0}, "/trickle");
	assert_int_equal(c.r.fate, HTTP_ANSWERED);
	assert_string_equal(c.body, "xxxxxxxx");
	assert_true(c.r.ms > 2000);
	go(&c, (struct http_request){0}, "/stall");
	assert_int_equal(c.r.fate, HTTP_BROKEN);
	assert_in_range(c.r.ms, 1900, 8000);
	client_close(&c);
}

static void
answers_end_in_time(void **unused)
{
	struct client c;
	struct http_request q = {.paid = true, .method = HTTP_POST};

	(void)unused;
	client_open_with(&c, (struct http_options){.answer_seconds = 1});
	for (size_t i = 0; i < sizeof drips / sizeof *drips; i++) {
		go(&c, q, drips[i].path);
		assert_int_equal(c.r.fate, HTTP_BROKEN);
		assert_true(c.r.sent);
		assert_in_range(c.r.ms, 900, 6000);
		assert_string_equal(c.why, "the response took too long");
	}
	q = (struct http_request){.sink = sink, .sink_arg = &c};
	go(&c, q, "/drip-body");
	assert_int_equal(c.r.fate, HTTP_BROKEN);
	assert_true(c.sunk.len > 0);
	client_close(&c);
	client_open_with(&c, (struct http_options){.answer_seconds = 60});
	q = (struct http_request){.answer_ms = 100};
	go(&c, q, "/drip-body");
	assert_in_range(c.r.ms, 100, 30000);
	client_close(&c);
}

/* The time on the way up does not count. */
static void
slow_uploads_go_on(void **unused)
{
	enum { SIZE = 40 * 1000 * 1000 };
	struct client c;
	size_t ceiling = SIZE;
	const struct http_piece piece = {.source = {pattern, &ceiling, SIZE}};

	(void)unused;
	client_open_with(&c, (struct http_options){.answer_seconds = 2});
	go(&c, (struct http_request){.method = HTTP_POST, .pieces = &piece, .npieces = 1},
	    "/ok?slowly");
	assert_int_equal(c.r.fate, HTTP_ANSWERED);
	assert_true(c.r.ms > 2000);
	client_close(&c);
}

/* The queue. */

static void
cancel(void *arg)
{
	struct client *c = arg;

	http_cancel(c->call);
	assert_int_equal(c->done, 0);
}

static void
stop(void *loop)
{
	loop_stop(loop);
}

static void
cancelled(void **unused)
{
	struct client c;
	char *url = url_of("/stall");
	struct http_request q = {.url = url};

	(void)unused;
	client_open(&c, 1, 0);
	c.call = http_send(c.http, &q, keep, &c);
	loop_at(c.loop, &c.timer, loop_now(c.loop) + 50, cancel, &c);
	loop_run(c.loop);
	assert_int_equal(c.done, 1);
	assert_int_equal(c.r.fate, HTTP_CANCELLED);
	assert_true(c.r.sent);
	c.done = 0;
	http_cancel(http_send(c.http, &q, keep, &c));
	assert_int_equal(c.done, 0);
	loop_run(c.loop);
	assert_int_equal(c.r.fate, HTTP_CANCELLED);
	assert_false(c.r.sent);
	/* Requests in flight and queued when the client is freed. */
	http_send(c.http, &q, keep, &c);
	http_send(c.http, &q, keep, &c);
	loop_at(c.loop, &c.timer, loop_now(c.loop) + 50, stop, c.loop);
	loop_run(c.loop);
	assert_int_equal(server.requests, 2);
	assert_int_equal(c.done, 1);
	free(url);
	client_close(&c);
}

struct crowd {
	struct http *http;
	struct http_request q;
	int done, to_send, failed;
};

static void
crowd_done(void *arg, const struct http_response *r)
{
	struct crowd *crowd = arg;

	crowd->done++;
	crowd->failed += r->fate != HTTP_ANSWERED || r->len != 5;
	if (crowd->to_send > 0) {
		crowd->to_send--;
		http_send(crowd->http, &crowd->q, crowd_done, crowd);
	}
}

static void
limit_and_reuse(void **unused)
{
	struct client c;
	char *url = url_of("/ok");
	struct crowd crowd = {.to_send = 1000};

	(void)unused;
	client_open(&c, 8, 0);
	crowd.http = c.http;
	crowd.q.url = url;
	for (int i = 0; i < 1000; i++)
		http_send(c.http, &crowd.q, crowd_done, &crowd);
	loop_run(c.loop);
	assert_int_equal(crowd.done, 2000);
	assert_int_equal(crowd.failed, 0);
	assert_int_equal(server.requests, 2000);
	assert_in_range(server.connections, 1, 8);
	free(url);
	client_close(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(answers),
	    cmocka_unit_test(broken_answers),
	    cmocka_unit_test(not_sent),
	    cmocka_unit_test(bodies_arrive_whole),
	    cmocka_unit_test(large_base64),
	    cmocka_unit_test(multipart),
	    cmocka_unit_test(paid_is_sent_once),
	    cmocka_unit_test(repeated_body_is_whole),
	    cmocka_unit_test(a_request_begins_in_time_or_not_at_all),
	    cmocka_unit_test(unreadable_source_is_not_sent),
	    cmocka_unit_test(downloads),
	    cmocka_unit_test(answers_have_a_limit),
	    cmocka_unit_test(stall_ends_and_trickle_does_not),
	    cmocka_unit_test(answers_end_in_time),
	    cmocka_unit_test(slow_uploads_go_on),
	    cmocka_unit_test(cancelled),
	    cmocka_unit_test(limit_and_reuse),
	};

	loopback_serve(&listening);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
