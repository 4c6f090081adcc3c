#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auth/secret.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "http/url.h"
#include "loopback.h"

enum { MAX_HEAD = 16384, VISITORS = 16 };

/* A connection of a browser. Browsers open some that they never use. */
struct visitor {
	int fd; /* -1: free */
	struct buf head;
};

static int
listen_on(uint16_t *port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(*port)};
	socklen_t len = sizeof at;
	int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0)
		return -1;
	/* A registered port may have been in use until now. */
	if ((*port == 0 ||
	        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0) &&
	    bind(fd, (struct sockaddr *)&at, sizeof at) == 0 && listen(fd, 16) == 0 &&
	    getsockname(fd, (struct sockaddr *)&at, &len) == 0) {
		*port = ntohs(at.sin_port);
		return fd;
	}
	close(fd);
	return -1;
}

/* Splits a registered address. The port stays as it is if there is none. */
static int
split_uri(const char *uri, uint16_t *port, char **host, char **path, struct err *e)
{
	CURLU *u = curl_url();
	char *p = NULL, *h = NULL, *s = NULL;
	struct err why;
	int r = -1;

	if (u == NULL || strncmp(uri, "http://", 7) != 0 || url_check(uri, &why) != 0 ||
	    curl_url_set(u, CURLUPART_URL, uri, 0) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_HOST, &h, 0) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_PATH, &s, 0) != CURLUE_OK || h[0] == '[')
		err_set(e, CODE_NO_CREDENTIALS,
		    "the redirect_uri in the provider file must be plain http to 127.0.0.1 "
		    "or localhost");
	else {
		if (curl_url_get(u, CURLUPART_PORT, &p, 0) == CURLUE_OK)
			*port = (uint16_t)strtoul(p, NULL, 10);
		*host = mem_str(h);
		*path = mem_str(s);
		r = 0;
	}
	curl_free(p);
	curl_free(h);
	curl_free(s);
	curl_url_cleanup(u);
	return r;
}

int
loopback_open(struct loopback *l, const char *uri, struct err *e)
{
	uint16_t port = 0;
	char *host = NULL;

	*l = (struct loopback){.fd = -1};
	if (uri != NULL) {
		if (split_uri(uri, &port, &host, &l->path, e) != 0)
			return -1;
	} else {
		host = mem_str("127.0.0.1");
		l->path = mem_str("/callback");
	}
	l->fd = listen_on(&port);
	if (l->fd < 0) {
		err_set(e, CODE_NO_CREDENTIALS,
		    "cannot listen on port %u of 127.0.0.1:", port);
		loopback_close(l);
	} else
		l->uri = mem_printf("http://%s:%u%s", host, port, l->path);
	free(host);
	return l->uri != NULL ? 0 : -1;
}

void
loopback_close(struct loopback *l)
{
	if (l->fd >= 0)
		close(l->fd);
	free(l->uri);
	free(l->path);
	*l = (struct loopback){.fd = -1};
}

static void
visitor_end(struct visitor *v)
{
	if (v->fd >= 0)
		close(v->fd);
	v->fd = -1;
	secret_buf_release(&v->head);
}

/* A failure is only noted: the query has been read by now. */
static void
respond(struct visitor *v, const char *status, const char *text)
{
	char page[512];
	int n = snprintf(page, sizeof page,
	    "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n"
	    "Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n"
	    "Connection: close\r\n\r\n%s",
	    status, strlen(text), text);

	if (send(v->fd, page, (size_t)n, MSG_NOSIGNAL) < 0)
		note("cannot answer the browser: %s", strerror(errno));
	shutdown(v->fd, SHUT_WR);
}

/* The query of a complete head "GET path?query HTTP/1.x", or NULL. */
static char *
query_of(const struct buf *head, const char *path)
{
	size_t len = strlen(path);
	const char *at = head->data + 4, *end;

	if (strncmp(head->data, "GET ", 4) != 0 || strncmp(at, path, len) != 0 ||
	    at[len] != '?')
		return NULL;
	at += len + 1;
	end = strpbrk(at, " \r\n");
	return end != NULL && *end == ' ' ? mem_strn(at, (size_t)(end - at)) : NULL;
}

/* Reads from a connection. Returns the query of its request if that is wanted,
 * else NULL; ends the connection after a whole request. */
static char *
read_request(struct visitor *v, const char *path, loopback_fn *wanted, void *arg)
{
	size_t room = v->head.max - v->head.len;
	ssize_t n = recv(v->fd, v->head.data + v->head.len, room, 0);
	char *query;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return NULL;
	if (n <= 0) {
		visitor_end(v);
		return NULL;
	}
	v->head.len += (size_t)n;
	v->head.data[v->head.len] = '\0';
	if (strstr(v->head.data, "\r\n\r\n") == NULL) {
		if (v->head.len == v->head.max)
			visitor_end(v);
		return NULL;
	}
	query = query_of(&v->head, path);
	if (query != NULL && wanted(query, arg)) {
		respond(v, "200 OK", "You are signed in and may close this window.\n");
	} else {
		respond(v, query != NULL ? "400 Bad Request" : "404 Not Found",
		    "This request does not belong to the sign-in that waits here.\n");
		secret_free(query);
		query = NULL;
	}
	visitor_end(v);
	return query;
}

static void
accept_visitor(int listener, struct visitor *all)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	int i = 0;

	if (fd < 0)
		return;
	while (i < VISITORS && all[i].fd >= 0)
		i++;
	if (i == VISITORS) { /* the oldest makes room */
		visitor_end(&all[0]);
		memmove(all, all + 1, (VISITORS - 1) * sizeof *all);
		i = VISITORS - 1;
	}
	all[i].fd = fd;
	secret_buf_init(&all[i].head, MAX_HEAD);
}

char *
loopback_wait(struct loopback *l, int seconds, loopback_fn *fn, void *arg, struct err *e)
{
	struct visitor all[VISITORS] = {0};
	struct pollfd fds[VISITORS + 1];
	int64_t end = clock_monotonic_ms() + (int64_t)seconds * 1000, left;
	char *query = NULL;

	for (int i = 0; i < VISITORS; i++)
		all[i].fd = -1;
	while (query == NULL && (left = end - clock_monotonic_ms()) > 0) {
		fds[VISITORS] = (struct pollfd){.fd = l->fd, .events = POLLIN};
		for (int i = 0; i < VISITORS; i++)
			fds[i] = (struct pollfd){.fd = all[i].fd, .events = POLLIN};
		if (poll(fds, VISITORS + 1, (int)left) <= 0)
			continue;
		for (int i = 0; i < VISITORS && query == NULL; i++)
			if (fds[i].revents != 0)
				query = read_request(&all[i], l->path, fn, arg);
		if (query == NULL && fds[VISITORS].revents != 0)
			accept_visitor(l->fd, all);
	}
	for (int i = 0; i < VISITORS; i++)
		visitor_end(&all[i]);
	if (query == NULL)
		err_set(
		    e, CODE_TIMEOUT, "nobody signed in within %d minutes", seconds / 60);
	return query;
}
