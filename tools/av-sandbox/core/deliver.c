#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/version.h"
#include "core/deliver.h"
#include "core/stats.h"

enum { TIMEOUT_S = 10, CONNECTIONS = 8, AT_ONCE = 16 };

static CURLM *multi;
static struct curl_slist *headers;
static int poller = -1;
static int64_t due = -1; /* when curl wants to be called; -1: never */
static bool closed;

static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *seen)
{
	struct epoll_event event = {.data.fd = fd};

	(void)easy;
	(void)arg;
	if (what == CURL_POLL_REMOVE) {
		epoll_ctl(poller, EPOLL_CTL_DEL, fd, NULL);
		return 0;
	}
	event.events =
	    (what & CURL_POLL_IN ? EPOLLIN : 0U) | (what & CURL_POLL_OUT ? EPOLLOUT : 0U);
	epoll_ctl(poller, seen != NULL ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
	curl_multi_assign(multi, fd, &poller);
	return 0;
}

static int
on_timer(CURLM *m, long ms, void *arg)
{
	(void)m;
	(void)arg;
	due = ms < 0 ? -1 : clock_monotonic_ms() + ms;
	return 0;
}

static void
set_up(void)
{
	poller = epoll_create1(EPOLL_CLOEXEC);
	multi = poller >= 0 ? curl_multi_init() : NULL;
	if (multi == NULL)
		die(EX_OSERR, "cannot send events:");
	curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)CONNECTIONS);
	headers = curl_slist_append(NULL, "Content-Type: application/json");
}

static bool
is_of_this_machine(const char *url)
{
	CURLU *u = curl_url();
	char *host = NULL;
	bool is = curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
	          curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
	          (strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
	              strcmp(host, "127.0.0.1") == 0);

	curl_free(host);
	curl_url_cleanup(u);
	return is;
}

static size_t
drop(char *data, size_t size, size_t n, void *arg)
{
	(void)data;
	(void)arg;
	return size * n;
}

void
deliver(enum service_no service, const char *url, struct json_object *body)
{
	CURL *c;

	if (closed)
		return;
	if (!is_of_this_machine(url)) {
		stats_event(service, EVENT_UNSENT);
		return;
	}
	if (multi == NULL)
		set_up();
	c = curl_easy_init();
	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_TIMEOUT, (long)TIMEOUT_S);
	curl_easy_setopt(c, CURLOPT_USERAGENT, av_user_agent);
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, drop);
	if (getenv("CURL_CA_BUNDLE") != NULL)
		curl_easy_setopt(c, CURLOPT_CAINFO, getenv("CURL_CA_BUNDLE"));
	curl_easy_setopt(c, CURLOPT_COPYPOSTFIELDS,
	    json_object_to_json_string_ext(body, JSON_C_TO_STRING_PLAIN));
	curl_easy_setopt(c, CURLOPT_PRIVATE, (void *)(uintptr_t)service);
	curl_multi_add_handle(multi, c);
}

static void
count(const CURLMsg *m)
{
	void *service = NULL;
	long status = 0;

	curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &service);
	curl_easy_getinfo(m->easy_handle, CURLINFO_RESPONSE_CODE, &status);
	stats_event((enum service_no)(uintptr_t)service,
	    m->data.result != CURLE_OK      ? EVENT_UNSENT
	    : status >= 200 && status < 300 ? EVENT_ACCEPTED
	                                    : EVENT_REFUSED);
}

static void
take_finished(void)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(multi, &left)) != NULL) {
		CURL *c = m->easy_handle;

		count(m);
		curl_multi_remove_handle(multi, c);
		curl_easy_cleanup(c);
	}
}

int
deliver_fd(void)
{
	return poller;
}

int
deliver_timeout(void)
{
	int64_t ms = due - clock_monotonic_ms();

	return due < 0 ? -1 : ms < 0 ? 0 : (int)ms;
}

void
deliver_run(void)
{
	struct epoll_event events[AT_ONCE];
	int running, n;

	if (multi == NULL)
		return;
	n = epoll_wait(poller, events, AT_ONCE, 0);
	for (int i = 0; i < n; i++)
		curl_multi_socket_action(multi, events[i].data.fd,
		    (events[i].events & (EPOLLIN | EPOLLHUP) ? CURL_CSELECT_IN : 0) |
		        (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
		        (events[i].events & EPOLLERR ? CURL_CSELECT_ERR : 0),
		    &running);
	if (deliver_timeout() == 0) {
		due = -1;
		curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
	}
	take_finished();
}

/* Events that are not sent yet are dropped when the process ends. */
void
deliver_close(void)
{
	closed = true;
}
