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
#include <time.h>
#include <unistd.h>

#include "auth/secret.h"
#include "base/buf.h"
#include "base/mem.h"
#include "http/http.h"
#include "http/url.h"
#include "loopback.h"

enum { MAX_HEAD = 16384, VISITORS = 16 };

/* A connection of a browser, which opens some that it never uses. */
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
	/* A registered port may have been in use a moment ago. */
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

/* Takes port (0: none), host and path from a registered address. */
static int
take_apart(const char *uri, uint16_t *port, char **host, char **path, struct err *e)
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
		    "the redirect address in the provider file is not plain http to "
		    "127.0.0.1 or localhost");
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
loopback_open(struct loopback *r, const char *uri, struct err *e)
{
	uint16_t port = 0;
	char *host = NULL;

	*r = (struct loopback){.fd = -1};
	if (uri != NULL) {
		if (take_apart(uri, &port, &host, &r->path, e) != 0)
			return -1;
	} else {
		host = mem_str("127.0.0.1");
		r->path = mem_str("/callback");
	}
	r->fd = listen_on(&port);
	if (r->fd < 0) {
		err_set(e, CODE_NO_CREDENTIALS,
		    "cannot listen on port %u of 127.0.0.1:", port);
		loopback_close(r);
	} else
		r->uri = mem_printf("http://%s:%u%s", host, port, r->path);
	free(host);
	return r->uri != NULL ? 0 : -1;
}

void
loopback_close(struct loopback *r)
{
	if (r->fd >= 0)
		close(r->fd);
	free(r->uri);
	free(r->path);
	*r = (struct loopback){.fd = -1};
}

static void
visitor_end(struct visitor *v)
{
	if (v->fd >= 0)
		close(v->fd);
	v->fd = -1;
	secret_buf_release(&v->head);
}

/* Best effort: what matters has been read by then. */
static void
answer(struct visitor *v, const char *status, const char *text)
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

/* The query of a whole "GET path?query HTTP/1.x" head, or NULL. */
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

static char *
hear(struct visitor *v, const char *path, bool (*wanted)(const char *, void *), void *arg)
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
		answer(v, "200 OK", "You are signed in and may close this window.\n");
	} else {
		answer(v, query != NULL ? "400 Bad Request" : "404 Not Found",
		    "This is not the sign-in that was begun here.\n");
		secret_free(query);
		query = NULL;
	}
	visitor_end(v);
	return query;
}

static void
welcome(int listener, struct visitor *all)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	int i = 0;

	if (fd < 0)
		return;
	while (i < VISITORS && all[i].fd >= 0)
		i++;
	if (i == VISITORS) { /* the oldest has had its time */
		visitor_end(&all[0]);
		memmove(all, all + 1, (VISITORS - 1) * sizeof *all);
		i = VISITORS - 1;
	}
	all[i].fd = fd;
	secret_buf_init(&all[i].head, MAX_HEAD);
}

static int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

char *
loopback_wait(struct loopback *r, int seconds,
    bool (*wanted)(const char *query, void *arg), void *arg, struct err *e)
{
	struct visitor all[VISITORS] = {0};
	struct pollfd fds[VISITORS + 1];
	int64_t end = now_ms() + (int64_t)seconds * 1000;
	char *query = NULL;

	for (int i = 0; i < VISITORS; i++)
		all[i].fd = -1;
	while (query == NULL && now_ms() < end) {
		fds[VISITORS] = (struct pollfd){.fd = r->fd, .events = POLLIN};
		for (int i = 0; i < VISITORS; i++)
			fds[i] = (struct pollfd){.fd = all[i].fd, .events = POLLIN};
		if (poll(fds, VISITORS + 1, (int)(end - now_ms())) <= 0)
			continue;
		for (int i = 0; i < VISITORS && query == NULL; i++)
			if (fds[i].revents != 0)
				query = hear(&all[i], r->path, wanted, arg);
		if (query == NULL && fds[VISITORS].revents != 0)
			welcome(r->fd, all);
	}
	for (int i = 0; i < VISITORS; i++)
		visitor_end(&all[i]);
	if (query == NULL)
		err_set(
		    e, CODE_TIMEOUT, "nobody signed in within %d minutes", seconds / 60);
	return query;
}
