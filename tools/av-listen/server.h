/*
 * server: takes POST requests on one secret path.
 *
 * Any other request gets 404 and nothing else. Connections, their memory, the
 * size of a body and the time of a request are bounded, so that whoever finds
 * the port can at most keep others waiting.
 */
#ifndef AV_LISTEN_SERVER_H
#define AV_LISTEN_SERVER_H

#include <stddef.h>

#include "base/err.h"
#include "os/loop.h"

struct server_options {
	const char *address; /* IPv4 or IPv6 */
	unsigned port;       /* 0: any free one */
	const char *path;
	/* A certificate and its key in PEM, for TLS; NULL: plain http. */
	const char *cert, *key;
};

/* A POST on the path, for as long as server_fn runs. */
struct server_request;
const char *server_header(void *request, const char *name);

/* Returns the HTTP status to respond with. */
typedef unsigned server_fn(
    void *arg, struct server_request *request, const void *body, size_t len);

/* All that is given is borrowed until server_free. NULL: the address is wrong,
 * or cannot be listened on. */
struct server;
struct server *server_new(struct loop *loop,
    const struct server_options *options, server_fn *fn, void *arg,
    struct err *e);
void server_free(struct server *s);

unsigned server_port(const struct server *s);

/* Calls back once every response is sent, or after 2 s. */
void server_drain(struct server *s, void (*fn)(void *arg), void *arg);

#endif
