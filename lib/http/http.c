#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sysexits.h>

#include "base/mem.h"
#include "http/http.h"
#include "http/transfer.h"
#include "http/url.h"

struct list {
	struct http_transfer *first, *last;
	unsigned n;
};

struct http {
	struct loop *loop;
	struct http_options options; /* without gaps */
	char *user_agent;
	CURLM *multi; /* NULL until the first request */
	struct timer timer;
	struct deferred pump;
	struct list queue, running, ended;
	char *accepted; /* the URL that was found fit last */
	CURL **idle;    /* easy handles for reuse */
	unsigned nidle;
	unsigned ncancelled; /* of those running */
};

static void pump(void *arg);

static void
list_add(struct list *l, struct http_transfer *c)
{
	c->next = NULL;
	c->prev = l->last;
	*(l->last != NULL ? &l->last->next : &l->first) = c;
	l->last = c;
	l->n++;
}

static void
list_remove(struct list *l, struct http_transfer *c)
{
	*(c->prev != NULL ? &c->prev->next : &l->first) = c->next;
	*(c->next != NULL ? &c->next->prev : &l->last) = c->prev;
	l->n--;
}

static void
wants_pump(struct http *http)
{
	loop_defer(http->loop, &http->pump, pump, http);
}

/* The end of a call. */

/* Takes a call off the wire; its easy handle still knows the answer. */
static void
call_end(struct http_transfer *c, CURLcode result)
{
	struct http *http = c->http;

	if (c->state == HTTP_RUNNING) {
		CURLMcode rc = curl_multi_remove_handle(http->multi, c->easy);

		http->ncancelled -= c->cancelled;
		if (rc != CURLM_OK)
			die(EX_SOFTWARE, "libcurl: %s", curl_multi_strerror(rc));
	}
	list_remove(c->state == HTTP_RUNNING ? &http->running : &http->queue, c);
	c->state = HTTP_ENDED;
	c->result = result;
	list_add(&http->ended, c);
	wants_pump(http);
}

static void
call_report(struct http_transfer *c)
{
	struct http *http = c->http;
	struct http_response r;

	list_remove(&http->ended, c);
	http_transfer_result(c, &r);
	if (err_level() >= 1)
		http_transfer_say(c, &r);
	c->done(c->arg, &r);
	if (c->easy != NULL) {
		curl_easy_reset(c->easy);
		if (http->nidle < http->options.max_in_flight)
			http->idle[http->nidle++] = c->easy;
		else
			curl_easy_cleanup(c->easy);
	}
	http_transfer_free(c);
}

/* libcurl's side of the loop. */

static void
collect(struct http *http)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(http->multi, &left)) != NULL) {
		struct http_transfer *c = NULL;
		CURLcode result = m->data.result;

		if (m->msg == CURLMSG_DONE &&
		    curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&c) ==
		        CURLE_OK &&
		    c != NULL)
			call_end(c, result);
	}
}

static void
act(struct http *http, curl_socket_t fd, int events)
{
	int running;
	CURLMcode rc = curl_multi_socket_action(http->multi, fd, events, &running);

	if (rc != CURLM_OK && rc != CURLM_BAD_SOCKET)
		die(EX_SOFTWARE, "libcurl: %s", curl_multi_strerror(rc));
	collect(http);
}

static void
on_ready(void *arg, int fd, uint32_t events)
{
	int action = 0;

	if (events & (EPOLLIN | EPOLLHUP))
		action |= CURL_CSELECT_IN;
	if (events & EPOLLOUT)
		action |= CURL_CSELECT_OUT;
	if (events & EPOLLERR)
		action |= CURL_CSELECT_ERR;
	act(arg, fd, action);
}

static void
on_time(void *arg)
{
	act(arg, CURL_SOCKET_TIMEOUT, 0);
}

static int
set_watch(CURL *easy, curl_socket_t fd, int what, void *arg, void *unused)
{
	struct http *http = arg;
	uint32_t events = 0;

	(void)easy;
	(void)unused;
	if (what == CURL_POLL_REMOVE) {
		loop_unwatch(http->loop, fd);
		return 0;
	}
	if (what & CURL_POLL_IN)
		events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		events |= EPOLLOUT;
	loop_watch(http->loop, fd, events, on_ready, http);
	return 0;
}

static int
set_timer(CURLM *multi, long ms, void *arg)
{
	struct http *http = arg;

	(void)multi;
	if (ms < 0)
		loop_cancel(http->loop, &http->timer);
	else
		loop_at(
		    http->loop, &http->timer, loop_now(http->loop) + ms, on_time, http);
	return 0;
}

static void
multi_open(struct http *http)
{
	CURLMcode rc = CURLM_OK;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK ||
	    (http->multi = curl_multi_init()) == NULL)
		die(EX_OSERR, "libcurl cannot be initialised");
	if (rc == CURLM_OK)
		rc = curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, set_watch);
	if (rc == CURLM_OK)
		rc = curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
	if (rc == CURLM_OK)
		rc = curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	if (rc == CURLM_OK)
		rc = curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
	if (rc == CURLM_OK)
		rc = curl_multi_setopt(
		    http->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
	if (rc == CURLM_OK)
		rc = curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS,
		    (long)http->options.max_in_flight + 4);
	if (rc != CURLM_OK)
		die(EX_SOFTWARE, "libcurl: %s", curl_multi_strerror(rc));
}

/* The line. */

/* As url_check, which is asked once where one URL is used again and again. */
static bool
is_fit(struct http *http, const char *url, struct err *e)
{
	if (http->accepted != NULL && strcmp(http->accepted, url) == 0)
		return true;
	if (url_check(url, e) < 0)
		return false;
	free(http->accepted);
	http->accepted = mem_str(url);
	return true;
}

static void
call_start(struct http_transfer *c)
{
	struct http *http = c->http;
	struct err e;
	CURLcode rc;
	CURLMcode mrc;

	if (!is_fit(http, c->url, &e)) {
		c->why = c->refusal = mem_str(e.message);
		call_end(c, CURLE_URL_MALFORMAT);
		return;
	}
	if (http->multi == NULL)
		multi_open(http);
	c->easy = http->nidle > 0 ? http->idle[--http->nidle] : curl_easy_init();
	rc = c->easy != NULL ? http_transfer_set_up(c) : CURLE_OUT_OF_MEMORY;
	if (rc != CURLE_OK) {
		call_end(c, rc);
		return;
	}
	list_remove(&http->queue, c);
	c->state = HTTP_RUNNING;
	list_add(&http->running, c);
	mrc = curl_multi_add_handle(http->multi, c->easy);
	if (mrc != CURLM_OK)
		die(EX_SOFTWARE, "libcurl: %s", curl_multi_strerror(mrc));
}

/* Everything that must not happen inside of libcurl's or a caller's callbacks: takes off what
 * was cancelled, reports what has ended, starts what waits in line. */
static void
pump(void *arg)
{
	struct http *http = arg;
	struct http_transfer *c, *next;

	for (c = http->running.first; c != NULL && http->ncancelled > 0; c = next) {
		next = c->next;
		if (c->cancelled)
			call_end(c, CURLE_ABORTED_BY_CALLBACK);
	}
	while (http->ended.first != NULL)
		call_report(http->ended.first);
	while (http->queue.first != NULL && http->running.n < http->options.max_in_flight)
		call_start(http->queue.first);
}

struct http *
http_new(struct loop *loop, const struct http_options *options)
{
	struct http *http = mem_new(1, sizeof *http);
	struct http_options *o = &http->options;

	http->loop = loop;
	http->user_agent = mem_str(options->user_agent);
	http->options = *options;
	o->user_agent = http->user_agent;
	if (o->max_in_flight == 0)
		o->max_in_flight = 4;
	if (o->connect_seconds == 0)
		o->connect_seconds = 30;
	if (o->stall_seconds == 0)
		o->stall_seconds = 60;
	http->idle = mem_new(http->options.max_in_flight, sizeof(CURL *));
	return http;
}

void
http_free(struct http *http)
{
	if (http == NULL)
		return;
	while (http->queue.first != NULL)
		call_end(http->queue.first, CURLE_OK);
	while (http->running.first != NULL)
		call_end(http->running.first, CURLE_OK);
	while (http->ended.first != NULL) {
		struct http_transfer *c = http->ended.first;

		list_remove(&http->ended, c);
		curl_easy_cleanup(c->easy);
		http_transfer_free(c);
	}
	while (http->nidle > 0)
		curl_easy_cleanup(http->idle[--http->nidle]);
	if (http->multi != NULL)
		curl_multi_cleanup(http->multi);
	loop_undefer(http->loop, &http->pump);
	loop_cancel(http->loop, &http->timer);
	free(http->accepted);
	free(http->idle);
	free(http->user_agent);
	free(http);
}

struct http_transfer *
http_send(struct http *http, const struct http_request *q, http_done *done, void *arg)
{
	struct http_transfer *c = http_transfer_new(q, &http->options);

	c->http = http;
	c->done = done;
	c->arg = arg;
	list_add(&http->queue, c);
	wants_pump(http);
	return c;
}

void
http_cancel(struct http_transfer *c)
{
	if (c->cancelled || c->state == HTTP_ENDED)
		return;
	c->cancelled = true;
	if (c->state == HTTP_QUEUED) {
		call_end(c, CURLE_ABORTED_BY_CALLBACK);
		return;
	}
	c->http->ncancelled++;
	wants_pump(c->http);
}

unsigned
http_in_flight(const struct http *http)
{
	return http->running.n;
}

unsigned
http_queued(const struct http *http)
{
	return http->queue.n;
}
