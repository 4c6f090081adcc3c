/*
 * loopback_server: a server on 127.0.0.1 with a thread for each connection.
 */
#ifndef AV_LOOPBACK_SERVER_H
#define AV_LOOPBACK_SERVER_H

#include <arpa/inet.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>

struct loopback_server {
	int fd, port;
	void *(*connection)(
	    void *fd); /* an intptr_t; closes it, returns NULL */
};

/* Opens a port that accepts connections but does not answer them yet. */
static inline void
loopback_listen(struct loopback_server *s)
{
	struct sockaddr_in sin = {.sin_family = AF_INET};
	socklen_t len = sizeof sin;

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (s->fd < 0 || bind(s->fd, (struct sockaddr *)&sin, len) < 0 ||
	    listen(s->fd, 128) < 0 ||
	    getsockname(s->fd, (struct sockaddr *)&sin, &len) < 0)
		abort();
	s->port = ntohs(sin.sin_port);
}

static inline void *
loopback_accept(void *arg)
{
	struct loopback_server *s = arg;
	pthread_t thread;
	int fd;

	while ((fd = accept(s->fd, NULL, NULL)) >= 0) {
		if (pthread_create(&thread, NULL, s->connection,
		        (void *)(intptr_t)fd) != 0)
			abort();
		pthread_detach(thread);
	}
	return NULL;
}

/* Serves until the process ends; s must live as long. */
static inline void
loopback_serve(struct loopback_server *s)
{
	pthread_t thread;

	loopback_listen(s);
	if (pthread_create(&thread, NULL, loopback_accept, s) != 0)
		abort();
	pthread_detach(thread);
}

#endif
