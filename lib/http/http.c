#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sysexits.h>

#include "base/mem.h"
#include "http/http.h"
#include "http/transfer.h"
#include "http/url.h"

struct http {
	struct loop *loop;
	struct http_options options; /* with the defaults filled in */
	CURLM *multi;                /* NULL until http_open */
	struct timer timer;
	struct deferred pump;
	struct http_transfers queue, running, ended;
	unsigned nrunning, ncancelled; /* ncancelled: of those running */
	char *accepted;                /* the last URL that url_check accepted */
	CURL **idle;                   /* easy handles for reuse */
	unsigned nidle;
};

static void pump(void *arg);

static void
must(CURLMcode rc)
{
	if (rc != CURLM_OK)
		die(EX_SOFTWARE, "libcurl: %s", curl_multi_strerror(rc));
}

/* The end of a transfer. */

/* Takes a transfer off the wire; its easy handle keeps the response. */
static void
end(struct http_transfer *t, CURLcode result)
{
	struct http *http = t->http;

	if (t->state == HTTP_RUNNING) {
		must(curl_multi_remove_handle(http->multi, t->easy));
		http->ncancelled -= t->cancelled;
		http->nrunning--;
		TAILQ_REMOVE(&http->running, t, entry);
	} else {
		TAILQ_REMOVE(&http->queue, t, entry);
	}
	t->state = HTTP_ENDED;
	t->result = result;
	TAILQ_INSERT_TAIL(&http->ended, t, entry);
	loop_defer(http->loop, &http->pump, pump, http);
}

static void
report(struct http_transfer *t)
{
	struct http *http = t->http;
	struct http_response r;

	TAILQ_REMOVE(&http->ended, t, entry);
	http_transfer_result(t, &r);
	if (err_level() >= 1)
		http_transfer_say(t, &r);
	t->done(t->arg, &r);
	if (t->easy != NULL) {
		curl_easy_reset(t->easy);
		if (http->nidle < http->options.max_in_flight)
			http->idle[http->nidle++] = t->easy;
		else
			curl_easy_cleanup(t->easy);
	}
	http_transfer_free(t);
}

/* libcurl's side of the loop. */

static void
act(struct http *http, curl_socket_t fd, int events)
{
	int left;
	CURLMcode rc = curl_multi_socket_action(http->multi, fd, events, &left);
	CURLMsg *m;

	if (rc != CURLM_BAD_SOCKET)
		must(rc);
	while ((m = curl_multi_info_read(http->multi, &left)) != NULL) {
		struct http_transfer *t = NULL;
		CURLcode result = m->data.result;

		if (curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&t) ==
		        CURLE_OK &&
		    t != NULL)
			end(t, result);
	}
}

static void
on_ready(void *arg, int fd, uint32_t events)
{
	act(arg, fd,
	    (events & (EPOLLIN | EPOLLHUP) ? CURL_CSELECT_IN : 0) |
	        (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
	        (events & EPOLLERR ? CURL_CSELECT_ERR : 0));
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
	uint32_t in = what & CURL_POLL_IN ? EPOLLIN : 0;
	uint32_t out = what & CURL_POLL_OUT ? EPOLLOUT : 0;

	(void)easy;
	(void)unused;
	if (what == CURL_POLL_REMOVE)
		loop_unwatch(http->loop, fd);
	else
		loop_watch(http->loop, fd, in | out, on_ready, http);
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

void
http_open(struct http *http)
{
	unsigned max = http->options.max_in_flight;

	if (http->multi != NULL)
		return;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK ||
	    (http->multi = curl_multi_init()) == NULL)
		die(EX_OSERR, "libcurl cannot be initialised");
	must(curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, set_watch));
	must(curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http));
	must(curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, set_timer));
	must(curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http));
	must(curl_multi_setopt(
	    http->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX));
	must(curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, (long)max + 4));
}

/* The queue. */

static void
start(struct http_transfer *t)
{
	struct http *http = t->http;
	const char *url = t->request.url;
	CURLcode rc;

	if (http->accepted == NULL || strcmp(http->accepted, url) != 0) {
		if (url_check(url, &t->refusal) < 0) {
			t->why = t->refusal.message;
			end(t, CURLE_URL_MALFORMAT);
			return;
		}
		free(http->accepted);
		http->accepted = mem_str(url);
	}
	http_open(http);
	t->easy = http->nidle > 0 ? http->idle[--http->nidle] : curl_easy_init();
	rc = t->easy != NULL ? http_transfer_set_up(t) : CURLE_OUT_OF_MEMORY;
	if (rc != CURLE_OK) {
		end(t, rc);
		return;
	}
	TAILQ_REMOVE(&http->queue, t, entry);
	t->state = HTTP_RUNNING;
	TAILQ_INSERT_TAIL(&http->running, t, entry);
	http->nrunning++;
	must(curl_multi_add_handle(http->multi, t->easy));
}

/* Does what must not happen inside of libcurl's or a caller's callbacks: ends what was
 * cancelled, reports what has ended, starts what is queued. */
static void
pump(void *arg)
{
	struct http *http = arg;
	struct http_transfer *t, *next;

	for (t = TAILQ_FIRST(&http->running); http->ncancelled > 0; t = next) {
		next = TAILQ_NEXT(t, entry);
		if (t->cancelled)
			end(t, CURLE_ABORTED_BY_CALLBACK);
	}
	while ((t = TAILQ_FIRST(&http->ended)) != NULL)
		report(t);
	while (http->nrunning < http->options.max_in_flight &&
	       (t = TAILQ_FIRST(&http->queue)) != NULL)
		start(t);
}

struct http *
http_new(struct loop *loop, const struct http_options *options)
{
	struct http *http = mem_new(1, sizeof *http);
	struct http_options *o = &http->options;

	http->loop = loop;
	*o = *options;
	if (o->max_in_flight == 0)
		o->max_in_flight = 4;
	if (o->connect_seconds == 0)
		o->connect_seconds = 30;
	if (o->stall_seconds == 0)
		o->stall_seconds = 60;
	if (o->answer_seconds == 0)
		o->answer_seconds = 120;
	TAILQ_INIT(&http->queue);
	TAILQ_INIT(&http->running);
	TAILQ_INIT(&http->ended);
	http->idle = mem_new(o->max_in_flight, sizeof(CURL *));
	return http;
}

void
http_free(struct http *http)
{
	struct http_transfer *t;

	if (http == NULL)
		return;
	while ((t = TAILQ_FIRST(&http->queue)) != NULL ||
	       (t = TAILQ_FIRST(&http->running)) != NULL)
		end(t, CURLE_OK);
	while ((t = TAILQ_FIRST(&http->ended)) != NULL) {
		TAILQ_REMOVE(&http->ended, t, entry);
		curl_easy_cleanup(t->easy);
		http_transfer_free(t);
	}
	while (http->nidle > 0)
		curl_easy_cleanup(http->idle[--http->nidle]);
	if (http->multi != NULL)
		curl_multi_cleanup(http->multi);
	loop_undefer(http->loop, &http->pump);
	loop_cancel(http->loop, &http->timer);
	free(http->accepted);
	free(http->idle);
	free(http);
}

struct http_transfer *
http_send(struct http *http, const struct http_request *q, http_done *done, void *arg)
{
	struct http_transfer *t = http_transfer_new(q, &http->options);

	t->http = http;
	t->done = done;
	t->arg = arg;
	TAILQ_INSERT_TAIL(&http->queue, t, entry);
	loop_defer(http->loop, &http->pump, pump, http);
	return t;
}

void
http_cancel(struct http_transfer *t)
{
	if (t->cancelled || t->state == HTTP_ENDED)
		return;
	t->cancelled = true;
	if (t->state == HTTP_QUEUED) {
		end(t, CURLE_ABORTED_BY_CALLBACK);
		return;
	}
	t->http->ncancelled++;
	loop_defer(t->http->loop, &t->http->pump, pump, t->http);
}
