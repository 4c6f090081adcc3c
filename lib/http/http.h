/*
 * http: sends requests with libcurl's multi interface on the loop.
 *
 * A request and its response are data (http/types.h). This module knows bytes,
 * connections and what surely did not reach the server; nothing of services,
 * credentials or what a response means. Redirects are never followed: a 3xx is
 * a response. TLS is always verified; plain http goes to loopback only and past
 * any proxy. libcurl's proxy variables work; so do CURL_CA_BUNDLE,
 * SSL_CERT_FILE and SSL_CERT_DIR. The first request initialises libcurl.
 * Requests ask for a body without Content-Encoding; one that comes encoded all
 * the same is decoded (http/decode.h), and the limits hold for what comes out.
 *
 * At most once. libcurl by itself sends a request again when a connection that
 * it reused closes without a response. For a `paid` request it may do so only
 * while no byte of the body has been handed out; otherwise the transfer ends,
 * and `fate` says what is known. A paid request without a body goes on a fresh
 * connection, because such a close would always leave its outcome unknown.
 */
#ifndef AV_HTTP_HTTP_H
#define AV_HTTP_HTTP_H

#include "http/types.h"
#include "os/loop.h"

struct http;          /* connections and the queue */
struct http_transfer; /* one request under way */

struct http *http_new(struct loop *loop, const struct http_options *options);

/* Drops what is queued or in flight; done is not called for it. Not from a
 * callback of http. */
void http_free(struct http *http);

/* Loads libcurl, if that is not done yet, and ends the program if it cannot.
 * The first request does so too, but then its sending may be noted already. */
void http_open(struct http *http);

/* Sends or queues a request. A mistake in it (its URL, say) comes to done as
 * HTTP_NOT_SENT. The result is valid until done returns. */
struct http_transfer *http_send(struct http *http,
    const struct http_request *request, http_done *done, void *arg);

/* Ends a transfer soon, with HTTP_CANCELLED; done is still called. */
void http_cancel(struct http_transfer *t);

#endif
