#include <stdlib.h>
#include <string.h>

#include "base/backoff.h"
#include "service/poll.h"
#include "json/json.h"

/* How often a service may deny that something exists before it is taken at its word. */
#define GONE_AFTER 3

static void due(void *arg);
static void answered(void *arg, const struct call_result *result);

void
poller_init(struct poller *all, struct engine *engine, size_t max_asking,
    int64_t timeout_ms, int64_t interval_ms)
{
	*all = (struct poller){.engine = engine,
	    .max_asking = max_asking,
	    .timeout_ms = timeout_ms,
	    .interval_ms = interval_ms};
	all->last = &all->first;
}

static void
settle_failed(struct poll *w, enum code code, const char *message)
{
	struct failure failure = {0};
	struct call_result result = {.failure = &failure};

	err_set(&failure.err, code, "%s", message);
	w->fn(w->arg, &result);
}

static void
wait_more(struct poll *w)
{
	struct loop *loop = w->all->engine->loop;
	int64_t ms = backoff_grow(
	    w->interval, w->account->provider->poll_max_ms, arc4random(), &w->interval);
	int64_t at = loop_now(loop) + ms;

	if (w->stop) {
		settle_failed(w, CODE_INTERRUPTED, "stopped while waiting; run it again");
		return;
	}
	if (w->deadline != 0 && loop_now(loop) >= w->deadline) {
		settle_failed(w, CODE_TIMEOUT,
		    "not ready before --timeout ended; run it again to go on waiting");
		return;
	}
	if (w->deadline != 0 && at > w->deadline)
		at = w->deadline;
	loop_at(loop, &w->timer, at, due, w);
}

static bool
is_settled(const struct poll *w, struct json_object *taken)
{
	const char *status = json_str(taken, "/status");
	struct json_object *member = NULL;

	if (w->until != NULL && json_object_object_get_ex(taken, w->until, &member))
		return true;
	if (w->until != NULL)
		return status != NULL && strcmp(status, "failed") == 0;
	return status != NULL && strcmp(status, "processing") != 0;
}

static bool
is_missing(const struct failure *f)
{
	return f->err.code == CODE_REFUSED &&
	       (f->http_status == 404 || f->http_status == 410);
}

/* A call that ended for want of time, not of an answer. */
static bool
ran_out(const struct failure *f)
{
	return f->err.code == CODE_NETWORK || f->err.code == CODE_UNAVAILABLE ||
	       f->err.code == CODE_RATE_LIMITED || f->err.code == CODE_BAD_ANSWER;
}

static void
judge(struct poll *w, const struct call_result *result)
{
	const struct failure *f = result->failure;

	if (f == NULL) {
		w->missing = 0;
		if (is_settled(w, result->taken))
			w->fn(w->arg, result);
		else
			wait_more(w);
	} else if (is_missing(f) && ++w->missing < GONE_AFTER) {
		wait_more(w);
	} else if (is_missing(f)) {
		settle_failed(
		    w, CODE_AVATAR_GONE, "the service no longer knows it (404)");
	} else if (ran_out(f)) {
		settle_failed(w, CODE_TIMEOUT, f->err.message);
	} else {
		w->fn(w->arg, result);
	}
}

static void
ask(struct poll *w)
{
	struct poller *all = w->all;
	struct call_spec spec = {.account = w->account,
	    .op = w->op,
	    .vars = w->vars(w->arg),
	    .deadline = &w->deadline,
	    .timeout_ms = all->timeout_ms};

	all->asking++;
	w->call = call_start(all->engine, &spec, answered, w);
	json_object_put(spec.vars);
}

static void
answered(void *arg, const struct call_result *result)
{
	struct poll *w = arg;
	struct poller *all = w->all;

	w->call = NULL;
	all->asking--;
	judge(w, result);
	while (all->asking < all->max_asking && all->first != NULL) {
		w = all->first;
		all->first = w->next;
		if (all->first == NULL)
			all->last = &all->first;
		w->in_line = false;
		ask(w);
	}
}

static void
due(void *arg)
{
	struct poll *w = arg;
	struct poller *all = w->all;

	if (all->asking < all->max_asking) {
		ask(w);
		return;
	}
	w->in_line = true;
	w->next = NULL;
	*all->last = w;
	all->last = &w->next;
}

void
poll_start(struct poller *all, struct poll *w, bool at_once)
{
	w->all = all;
	w->interval =
	    all->interval_ms > 0 ? all->interval_ms : w->account->provider->poll_first_ms;
	w->missing = 0;
	if (at_once)
		loop_at(all->engine->loop, &w->timer, 0, due, w);
	else
		wait_more(w);
}

static void
leave_line(struct poll *w)
{
	struct poller *all = w->all;

	for (struct poll **p = &all->first; *p != NULL; p = &(*p)->next) {
		if (*p != w)
			continue;
		*p = w->next;
		if (all->last == &w->next)
			all->last = p;
		break;
	}
	w->in_line = false;
}

void
poll_stop(struct poll *w, bool hard)
{
	w->stop = true;
	if (w->call != NULL) {
		call_stop(w->call, hard);
		return;
	}
	if (w->in_line)
		leave_line(w);
	loop_cancel(w->all->engine->loop, &w->timer);
	settle_failed(w, CODE_INTERRUPTED, "stopped while waiting; run it again");
}
