#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/mem.h"
#include "server.h"

/* At most so many connections, with so much memory each for a request's head. */
#define CONNECTIONS 256
#define HEAD_MAX    ((size_t)16 << 10)
#define BODY_MAX    ((size_t)64 << 10)

/* A connection without a byte for IDLE_S, or a request that takes REQUEST_MS, is closed. */
#define IDLE_S     5
#define REQUEST_MS 30000

#define TOO_LARGE 413 /* older libraries have another name for it */

/* How long server_drain waits. */
#define DRAIN_MS 2000

/* A connection. */
struct visitor {
	struct server *server;
	int fd;
	int64_t since; /* when its present request began to be waited for */
	TAILQ_ENTRY(visitor) entry;
};

struct server_request {
	struct server *server;
	struct MHD_Connection *connection;
	struct buf body;
	bool too_long;
};

struct server {
	struct loop *loop;
	struct MHD_Daemon *daemon;
	const char *path;
	server_fn *fn;
	void *arg;
	int fd; /* that says when there is something to do */
	struct timer timer, patience;
	TAILQ_HEAD(, visitor) visitors; /* the one that waits longest first */
	size_t requests;
	struct deferred drained;
	struct timer drain;
	void (*drain_fn)(void *arg);
	void *drain_arg;
};

static void work(void *arg);

/* Closes connections whose request takes too long. */
static void
lose_patience(void *arg)
{
	struct server *s = arg;
	struct visitor *v;

	while ((v = TAILQ_FIRST(&s->visitors)) != NULL &&
	       v->since + REQUEST_MS <= loop_now(s->loop)) {
		shutdown(v->fd, SHUT_RDWR); /* the daemon sees its end, and closes it */
		TAILQ_REMOVE(&s->visitors, v, entry);
		v->since = loop_now(s->loop);
		TAILQ_INSERT_TAIL(&s->visitors, v, entry);
	}
	if (v != NULL)
		loop_at(s->loop, &s->patience, v->since + REQUEST_MS, lose_patience, s);
}

static void
expect_request(struct visitor *v)
{
	struct server *s = v->server;

	v->since = loop_now(s->loop);
	TAILQ_INSERT_TAIL(&s->visitors, v, entry);
	if (TAILQ_FIRST(&s->visitors) == v)
		loop_at(s->loop, &s->patience, v->since + REQUEST_MS, lose_patience, s);
}

static void
on_connection(void *cls, struct MHD_Connection *connection, void **context,
    enum MHD_ConnectionNotificationCode what)
{
	struct visitor *v = *context;

	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		v = mem_new(1, sizeof *v);
		*v = (struct visitor){.server = cls,
		    .fd = MHD_get_connection_info(
		        connection, MHD_CONNECTION_INFO_CONNECTION_FD)
		              ->connect_fd};
		expect_request(v);
		*context = v;
	} else if (v != NULL) {
		TAILQ_REMOVE(&v->server->visitors, v, entry);
		free(v);
		*context = NULL;
	}
}

static void
on_completed(void *cls, struct MHD_Connection *connection, void **context,
    enum MHD_RequestTerminationCode how)
{
	struct server_request *r = *context;
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct visitor *v = info != NULL ? info->socket_context : NULL;

	(void)cls;
	(void)how;
	if (r != NULL) {
		r->server->requests--;
		buf_release(&r->body);
		free(r);
		*context = NULL;
	}
	if (v == NULL)
		return;
	TAILQ_REMOVE(&v->server->visitors, v, entry);
	expect_request(v);
}

static enum MHD_Result
respond(struct MHD_Connection *connection, unsigned status, bool close)
{
	struct MHD_Response *response =
	    MHD_create_response_from_buffer(0, (char[]){""}, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result result;

	if (response == NULL)
		return MHD_NO;
	if (close)
		MHD_add_response_header(response, "Connection", "close");
	if (status == MHD_HTTP_SERVICE_UNAVAILABLE)
		MHD_add_response_header(response, "Retry-After", "5");
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

/* Compares in a time that does not tell how much of the path is right. */
static bool
is_ours(const struct server *s, const char *url, const char *method)
{
	size_t len = strlen(s->path);

	return strlen(url) == len && CRYPTO_memcmp(url, s->path, len) == 0 &&
	       strcmp(method, MHD_HTTP_METHOD_POST) == 0;
}

static bool
says_too_long(struct MHD_Connection *connection)
{
	const char *length = MHD_lookup_connection_value(
	    connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);

	return length != NULL && strtoull(length, NULL, 10) > BODY_MAX;
}

static enum MHD_Result
handle(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
    const char *version, const char *data, size_t *len, void **context)
{
	struct server *s = cls;
	struct server_request *r = *context;

	(void)version;
	if (r == NULL) {
		if (!is_ours(s, url, method))
			return respond(connection, MHD_HTTP_NOT_FOUND, true);
		if (says_too_long(connection))
			return respond(connection, TOO_LARGE, true);
		r = mem_new(1, sizeof *r);
		*r = (struct server_request){.server = s, .connection = connection};
		buf_init(&r->body, BODY_MAX);
		s->requests++;
		*context = r;
		return MHD_YES;
	}
	if (*len > 0) {
		if (!r->too_long && !buf_add(&r->body, data, *len)) {
			r->too_long = true;
			buf_release(&r->body);
		}
		*len = 0;
		return MHD_YES;
	}
	if (r->too_long)
		return respond(connection, TOO_LARGE, true);
	return respond(connection,
	    s->fn(s->arg, r, r->body.data != NULL ? r->body.data : "", r->body.len),
	    false);
}

const char *
server_header(void *request, const char *name)
{
	struct server_request *r = request;

	return MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, name);
}

static void
tell_drained(void *arg)
{
	struct server *s = arg;

	loop_cancel(s->loop, &s->drain);
	s->drain_fn(s->drain_arg);
}

/* Does what the daemon has to do, and finds out when that is next. */
static void
work(void *arg)
{
	struct server *s = arg;
	MHD_UNSIGNED_LONG_LONG ms;

	MHD_run(s->daemon);
	if (MHD_get_timeout(s->daemon, &ms) == MHD_YES)
		loop_at(s->loop, &s->timer, loop_now(s->loop) + (int64_t)ms, work, s);
	else
		loop_cancel(s->loop, &s->timer);
	if (s->drain_fn != NULL && s->requests == 0)
		loop_defer(s->loop, &s->drained, tell_drained, s);
}

static void
on_ready(void *arg, int fd, uint32_t events)
{
	(void)fd;
	(void)events;
	work(arg);
}

/* Reads an address; 0: it is none. */
static socklen_t
read_address(const char *text, unsigned port, struct sockaddr_storage *to)
{
	struct sockaddr_in *four = (struct sockaddr_in *)to;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)to;

	*to = (struct sockaddr_storage){0};
	if (inet_pton(AF_INET, text, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = htons((uint16_t)port);
		return sizeof *four;
	}
	if (inet_pton(AF_INET6, text, &six->sin6_addr) != 1)
		return 0;
	six->sin6_family = AF_INET6;
	six->sin6_port = htons((uint16_t)port);
	return sizeof *six;
}

static struct MHD_Daemon *
start(struct server *s, const struct server_options *o, struct sockaddr_storage *address)
{
	struct MHD_OptionItem tls[] = {
	    {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)o->cert},
	    {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)o->key},
	    {MHD_OPTION_END, 0, NULL}};
	unsigned flags =
	    MHD_USE_EPOLL | (address->ss_family == AF_INET6 ? MHD_USE_IPv6 : 0);

	if (o->cert != NULL)
		flags |= MHD_USE_TLS;
	else
		tls[0].option = MHD_OPTION_END;
	return MHD_start_daemon(flags, (uint16_t)o->port, NULL, NULL, handle, s,
	    MHD_OPTION_SOCK_ADDR, (struct sockaddr *)address, MHD_OPTION_CONNECTION_LIMIT,
	    (unsigned)CONNECTIONS, MHD_OPTION_CONNECTION_MEMORY_LIMIT, HEAD_MAX,
	    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S, MHD_OPTION_NOTIFY_COMPLETED,
	    on_completed, s, MHD_OPTION_NOTIFY_CONNECTION, on_connection, s,
	    MHD_OPTION_LISTENING_ADDRESS_REUSE, 1U, MHD_OPTION_ARRAY, tls,
	    MHD_OPTION_END);
}

struct server *
server_new(struct loop *loop, const struct server_options *o, server_fn *fn, void *arg,
    struct err *e)
{
	struct sockaddr_storage address;
	struct server *s;

	if (read_address(o->address, o->port, &address) == 0) {
		err_set(e, CODE_BAD_CONFIG, "'%s' is no IP address", o->address);
		return NULL;
	}
	s = mem_new(1, sizeof *s);
	*s = (struct server){.loop = loop, .path = o->path, .fn = fn, .arg = arg};
	TAILQ_INIT(&s->visitors);
	s->daemon = start(s, o, &address);
	if (s->daemon == NULL) {
		err_set(e, CODE_BAD_CONFIG,
		    o->cert != NULL
		        ? "cannot listen on %s, port %u; is it in use, or is the "
		          "certificate not that of the key?"
		        : "cannot listen on %s, port %u:",
		    o->address, o->port);
		free(s);
		return NULL;
	}
	s->fd = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
	loop_watch(loop, s->fd, EPOLLIN, on_ready, s);
	return s;
}

void
server_free(struct server *s)
{
	if (s == NULL)
		return;
	loop_unwatch(s->loop, s->fd);
	loop_cancel(s->loop, &s->timer);
	loop_cancel(s->loop, &s->drain);
	loop_undefer(s->loop, &s->drained);
	MHD_stop_daemon(s->daemon);
	loop_cancel(s->loop, &s->patience);
	free(s);
}

unsigned
server_port(const struct server *s)
{
	return MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
}

void
server_drain(struct server *s, void (*fn)(void *arg), void *arg)
{
	s->drain_fn = fn;
	s->drain_arg = arg;
	loop_at(s->loop, &s->drain, loop_now(s->loop) + DRAIN_MS, tell_drained, s);
	loop_at(s->loop, &s->timer, loop_now(s->loop), work, s);
}
