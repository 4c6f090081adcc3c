#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/mem.h"
#include "core/deliver.h"
#include "core/origin.h"
#include "core/req.h"
#include "core/server.h"
#include "core/state.h"
#include "core/stats.h"
#include "core/timer.h"
#include "core/trace.h"

enum { CONNECTIONS = 8192, CONNECTION_MEMORY = 64 * 1024, MAX_BODY = 64 << 20 };

static struct MHD_Daemon *api, *media;
static const struct service *const *services;
static struct rlimit files_before;

static void
resume(void *conn)
{
	MHD_resume_connection(conn);
}

static int
fd_of(struct req *r)
{
	return MHD_get_connection_info(r->conn, MHD_CONNECTION_INFO_CONNECTION_FD)
	    ->connect_fd;
}

/* Ends the connection with a TCP reset. */
static enum MHD_Result
send_reset(struct req *r)
{
	struct linger now = {1, 0};

	setsockopt(fd_of(r), SOL_SOCKET, SO_LINGER, &now, sizeof now);
	return MHD_NO;
}

/* Keeps the client waiting for --stall-ms. */
static enum MHD_Result
stall(struct req *r)
{
	r->stalled = true;
	MHD_suspend_connection(r->conn);
	sb_timer_add(opts.stall, resume, r->conn);
	return MHD_YES;
}

/* Gives out the first half of the answer, then stalls if the fault says so, then breaks
 * off. */
static ssize_t
read_half(void *cls, uint64_t pos, char *to, size_t max)
{
	struct req *r = cls;
	size_t half = r->answer.body.len / 2;

	if (pos < half) {
		size_t n = half - pos < max ? half - pos : max;

		memcpy(to, r->answer.body.data + pos, n);
		return (ssize_t)n;
	}
	if (r->answer.fault->kind == FAULT_STALL_BODY && !r->stalled) {
		stall(r);
		return 0;
	}
	return MHD_CONTENT_READER_END_WITH_ERROR;
}

/* An answer without a body is cut in its status line. */
static enum MHD_Result
send_half_head(struct req *r)
{
	static const char head[] = "HTTP/1.1 20";

	if (send(fd_of(r), head, sizeof head - 1, MSG_NOSIGNAL) < 0)
		return MHD_NO;
	return r->answer.fault->kind == FAULT_STALL_BODY ? stall(r) : MHD_NO;
}

static void
make_garbage(struct req *r)
{
	unsigned status = r->answer.status;

	req_answer(r, status == 204 ? 200 : status);
	r->answer.type = "application/json";
	buf_str(&r->answer.body, "<html><body>\x01 It works! {\"id\": \xff\xfe");
}

static enum MHD_Result
send_whole(struct req *r)
{
	struct sb_answer *a = &r->answer;
	bool half = a->fault != NULL;
	struct MHD_Response *response =
	    half ? MHD_create_response_from_callback(
	               a->body.len, 64 * 1024, read_half, r, NULL)
	         : MHD_create_response_from_buffer(a->body.len,
	               a->body.data != NULL ? a->body.data : "", MHD_RESPMEM_PERSISTENT);
	enum MHD_Result result;

	if (response == NULL)
		return MHD_NO;
	if (a->type != NULL)
		MHD_add_response_header(response, "Content-Type", a->type);
	for (size_t i = 0; i < a->n; i++)
		MHD_add_response_header(
		    response, a->headers[i].name, a->headers[i].value);
	result = MHD_queue_response(r->conn, a->status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result
send_answer(struct req *r)
{
	const struct fault *f = r->answer.fault;

	if (f != NULL && f->kind == FAULT_GARBAGE) {
		make_garbage(r);
		r->answer.fault = f = NULL;
	}
	if (f == NULL)
		return send_whole(r);
	switch (f->kind) {
	case FAULT_RESET:
		return send_reset(r);
	case FAULT_STALL:
		return stall(r);
	case FAULT_TRUNCATED:
	case FAULT_STALL_BODY:
		return r->answer.body.len < 2 ? send_half_head(r) : send_whole(r);
	default:
		return MHD_NO;
	}
}

static void *
uri_seen(void *cls, const char *uri, struct MHD_Connection *conn)
{
	struct req *r = mem_new(1, sizeof *r);
	const char *mark = strchr(uri, '?');
	struct pairs path;

	r->conn = conn;
	r->service = cls; /* NULL on the API, where the path names it */
	r->url = mem_str(uri);
	/* The path is decoded like a parameter's name without a value. */
	if (pairs_parse(&path, uri, mark != NULL ? (size_t)(mark - uri) : strlen(uri)) &&
	    path.n == 1)
		r->path = mem_str(path.at[0].name);
	pairs_release(&path);
	if (mark != NULL && !pairs_parse(&r->query, mark + 1, strlen(mark + 1)))
		r->query_bad = true;
	buf_init(&r->body, MAX_BODY);
	return r;
}

static void
request_over(void *cls, struct MHD_Connection *conn, void **con_cls,
    enum MHD_RequestTerminationCode how)
{
	struct req *r = *con_cls;

	(void)cls;
	(void)conn;
	(void)how;
	if (r == NULL)
		return;
	if (r->counted)
		stats_left(r->counted_as, r->scope);
	req_free(r);
	*con_cls = NULL;
}

/* Gives each connection a count of its requests. */
static void
connection_seen(void *cls, struct MHD_Connection *conn, void **context,
    enum MHD_ConnectionNotificationCode what)
{
	(void)cls;
	(void)conn;
	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		*context = mem_new(1, sizeof(long));
	} else {
		free(*context);
		*context = NULL;
	}
}

static void
begin(struct req *r, const char *method)
{
	long *n = MHD_get_connection_info(r->conn, MHD_CONNECTION_INFO_SOCKET_CONTEXT)
	              ->socket_context;

	r->begun = true;
	r->method = method;
	r->reused = n != NULL && (*n)++ > 0;
	req_begin(r, services);
}

/* Sets the answer and counts it. */
static void
serve(struct req *r)
{
	r->served = true;
	req_serve(r);
	if (r->answer.fault != NULL && r->answer.fault->kind <= FAULT_STALL)
		r->answer.status = 0;
	trace_request(r);
	if (r->counted)
		stats_end(r->counted_as, r->answer.status,
		    r->fault_hit ? r->fault->spec : NULL);
}

static enum MHD_Result
handle(void *cls, struct MHD_Connection *conn, const char *url, const char *method,
    const char *version, const char *data, size_t *len, void **con_cls)
{
	struct req *r = *con_cls;
	(void)cls;
	(void)conn;
	(void)url;
	(void)version;
	if (r->stalled)
		return MHD_NO;
	if (r->served)
		return send_answer(r);
	if (!r->begun) {
		begin(r, method);
		return MHD_YES;
	}
	if (*len > 0) {
		if (r->fault != NULL && r->fault->kind == FAULT_RESET) {
			r->fault_hit = true;
			stats_end(r->counted_as, 0, r->fault->spec);
			trace_request(r);
			return send_reset(r);
		}
		buf_add(&r->body, data, *len);
		*len = 0;
		return MHD_YES;
	}
	serve(r);
	if (opts.delay == 0)
		return send_answer(r);
	MHD_suspend_connection(r->conn);
	sb_timer_add(opts.delay, resume, r->conn);
	return MHD_YES;
}

static struct MHD_Daemon *
listen_on(unsigned port, const struct service *service, struct err *e)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	struct MHD_Daemon *d = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME,
	    (uint16_t)port, NULL, NULL, handle, NULL, MHD_OPTION_SOCK_ADDR,
	    (struct sockaddr *)&address, MHD_OPTION_CONNECTION_LIMIT,
	    (unsigned)CONNECTIONS, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
	    (size_t)CONNECTION_MEMORY, MHD_OPTION_URI_LOG_CALLBACK, uri_seen,
	    (void *)(uintptr_t)service, MHD_OPTION_NOTIFY_COMPLETED, request_over, NULL,
	    MHD_OPTION_NOTIFY_CONNECTION, connection_seen, NULL, MHD_OPTION_END);

	if (d == NULL && service == NULL && opts.port_kept)
		err_set(e, CODE_NETWORK,
		    "port %u is in use; '%s' keeps it, since it is part of what the ledger "
		    "knows avatars by; end the other sandbox, or choose a port with --port",
		    port, opts.state);
	else if (d == NULL)
		err_set(e, CODE_NETWORK, "cannot listen on 127.0.0.1, port %u:", port);
	return d;
}

static unsigned
port_of(struct MHD_Daemon *d)
{
	return MHD_get_daemon_info(d, MHD_DAEMON_INFO_BIND_PORT)->port;
}

static int
epoll_of(struct MHD_Daemon *d)
{
	return MHD_get_daemon_info(d, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

int
server_open(const struct service *const *api_services,
    const struct service *media_service, struct err *e)
{
	struct rlimit more;

	if (getrlimit(RLIMIT_NOFILE, &files_before) == 0) {
		more = files_before;
		more.rlim_cur = more.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &more);
	}
	services = api_services;
	if ((api = listen_on(opts.port, NULL, e)) == NULL ||
	    (media = listen_on(opts.media_port, media_service, e)) == NULL)
		return -1;
	origin_set(port_of(api), port_of(media));
	state_keep_port(port_of(api));
	return 0;
}

void
server_forget_limits(void)
{
	if (files_before.rlim_max > 0)
		(void)setrlimit(RLIMIT_NOFILE, &files_before);
}

void
server_close(void)
{
	deliver_close();
	sb_timers_flush();
	if (media != NULL)
		MHD_stop_daemon(media);
	if (api != NULL)
		MHD_stop_daemon(api);
}

/* How many milliseconds poll(2) may wait, -1: for ever. timer is when the next timer
 * ends. */
static int
poll_timeout(int timer)
{
	struct MHD_Daemon *const daemons[] = {api, media};
	MHD_UNSIGNED_LONG_LONG ms;
	int least = timer, events = deliver_timeout();

	if (events >= 0 && (least < 0 || events < least))
		least = events;
	for (int i = 0; i < 2; i++)
		if (MHD_get_timeout(daemons[i], &ms) == MHD_YES &&
		    (least < 0 || ms < (unsigned)least))
			least = (int)ms;
	return least;
}

/* Reads one signal. Returns what server_run returns, or -1 to go on. */
static int
take_signal(int fd, pid_t child, int *status)
{
	struct signalfd_siginfo info;

	if (read(fd, &info, sizeof info) != sizeof info)
		return -1;
	if (info.ssi_signo == SIGCHLD)
		return child > 0 && waitpid(child, status, WNOHANG) == child ? 0 : -1;
	if (child == 0)
		return (int)info.ssi_signo;
	/* The terminal has sent SIGINT to the command as well. */
	if (info.ssi_signo != SIGINT)
		kill(child, (int)info.ssi_signo);
	return -1;
}

int
server_run(pid_t child, int *status)
{
	struct pollfd fds[4] = {{.fd = epoll_of(api), .events = POLLIN},
	    {.fd = epoll_of(media), .events = POLLIN}, {.events = POLLIN}};
	sigset_t set;
	int end = -1;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	fds[2].fd = signalfd(-1, &set, SFD_CLOEXEC);
	if (fds[2].fd < 0)
		die(EX_OSERR, "cannot read signals:");
	while (end < 0) {
		fds[3] = (struct pollfd){.fd = deliver_fd(), .events = POLLIN};
		if (poll(fds, 4, poll_timeout(sb_timers_wait())) < 0)
			continue;
		if (fds[2].revents != 0)
			end = take_signal(fds[2].fd, child, status);
		sb_timers_run(); /* a connection that is resumed needs MHD_run */
		deliver_run();
		MHD_run(api);
		MHD_run(media);
	}
	close(fds[2].fd);
	return end;
}
