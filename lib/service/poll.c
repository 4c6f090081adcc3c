#include <stdlib.h>
#include <string.h>

#include "base/backoff.h"
#include "provider/answer.h"
#include "service/poll.h"
#include "json/json.h"

/* Consecutive 404s before an avatar counts as gone; the description says for how long they
 * must come. A new avatar may not be known to all of the service's machines yet. */
#define GONE_AFTER 3

static void due(void *arg);
static void answered(void *arg, const struct call_result *result);

void
poller_init(struct poller *poller, struct engine *engine, size_t max_asking,
    int64_t timeout_ms, int64_t interval_ms)
{
	*poller = (struct poller){.engine = engine,
	    .max_asking = max_asking,
	    .timeout_ms = timeout_ms,
	    .interval_ms = interval_ms};
	TAILQ_INIT(&poller->due);
}

static void
settle_failed(struct poll *p, enum code code, const char *message)
{
	struct failure failure = {0};
	struct call_result result = {.failure = &failure};

	err_set(&failure.err, code, "%s", message);
	p->fn(p->arg, &result);
}

static void
wait_more(struct poll *p)
{
	struct loop *loop = p->poller->engine->loop;
	int64_t ms = backoff_grow(
	    p->interval, p->account->provider->poll_max_ms, arc4random(), &p->interval);
	int64_t at = loop_now(loop) + ms;

	if (p->stop) {
		settle_failed(p, CODE_INTERRUPTED, "stopped while waiting; run it again");
		return;
	}
	if (p->give_up != 0 && loop_now(loop) >= p->give_up) {
		settle_failed(p, CODE_NO_RESULT, "it did not come in time");
		return;
	}
	if (p->deadline != 0 && loop_now(loop) >= p->deadline) {
		settle_failed(p, CODE_TIMEOUT,
		    "not ready within --timeout; run it again to wait longer");
		return;
	}
	if (p->deadline != 0 && at > p->deadline)
		at = p->deadline;
	if (p->give_up != 0 && at > p->give_up)
		at = p->give_up;
	loop_at(loop, &p->timer, at, due, p);
}

static bool
is_settled(const struct poll *p, struct json_object *taken)
{
	const char *status = json_str(taken, "/status");

	if (p->until != NULL)
		return answer_url(taken, p->until) != NULL ||
		       (status != NULL && strcmp(status, "failed") == 0);
	return status != NULL && strcmp(status, "processing") != 0;
}

static bool
is_missing(const struct failure *f)
{
	return f->err.code == CODE_REFUSED &&
	       (f->http_status == 404 || f->http_status == 410);
}

/* True for a call that was still retrying at the deadline. A wait that the service asked
 * for before stays rate_limited. */
static bool
ran_out(const struct failure *f)
{
	return f->err.code == CODE_NETWORK || f->err.code == CODE_UNAVAILABLE ||
	       (f->err.code == CODE_RATE_LIMITED && f->http_status != 0) ||
	       f->err.code == CODE_BAD_ANSWER;
}

static bool
is_gone(struct poll *p)
{
	int64_t now = loop_now(p->poller->engine->loop);

	if (p->missing++ == 0)
		p->missing_at = now;
	return p->missing >= GONE_AFTER &&
	       now - p->missing_at >= p->account->provider->poll_gone_ms;
}

static void
act_on_result(struct poll *p, const struct call_result *result)
{
	const struct failure *f = result->failure;

	if (f == NULL) {
		p->missing = 0;
		if (is_settled(p, result->taken))
			p->fn(p->arg, result);
		else
			wait_more(p);
	} else if (is_missing(f) && !is_gone(p)) {
		wait_more(p);
	} else if (is_missing(f)) {
		settle_failed(p, CODE_AVATAR_GONE, "the service no longer has it (404)");
	} else if (ran_out(f)) {
		settle_failed(p, CODE_TIMEOUT, f->err.message);
	} else {
		p->fn(p->arg, result);
	}
}

static void
ask(struct poll *p)
{
	struct poller *poller = p->poller;
	struct call_spec spec = {.account = p->account,
	    .op = p->op,
	    .vars = p->vars(p->arg),
	    .deadline = &p->deadline,
	    .timeout_ms = poller->timeout_ms};

	poller->asking++;
	p->call = call_start(poller->engine, &spec, answered, p);
	json_object_put(spec.vars);
}

static void
answered(void *arg, const struct call_result *result)
{
	struct poll *p = arg;
	struct poller *poller = p->poller;

	p->call = NULL;
	poller->asking--;
	act_on_result(p, result);
	while (poller->asking < poller->max_asking &&
	       (p = TAILQ_FIRST(&poller->due)) != NULL) {
		TAILQ_REMOVE(&poller->due, p, entry);
		p->queued = false;
		ask(p);
	}
}

static void
due(void *arg)
{
	struct poll *p = arg;
	struct poller *poller = p->poller;

	if (poller->asking < poller->max_asking) {
		ask(p);
		return;
	}
	p->queued = true;
	TAILQ_INSERT_TAIL(&poller->due, p, entry);
}

void
poll_start(struct poller *poller, struct poll *p, bool at_once)
{
	p->poller = poller;
	p->interval = poller->interval_ms > 0 ? poller->interval_ms
	                                      : p->account->provider->poll_first_ms;
	p->missing = 0;
	if (at_once)
		loop_at(poller->engine->loop, &p->timer, 0, due, p);
	else
		wait_more(p);
}

void
poll_stop(struct poll *p, bool hard)
{
	p->stop = true;
	if (p->call != NULL) {
		call_stop(p->call, hard);
		return;
	}
	if (p->queued)
		TAILQ_REMOVE(&p->poller->due, p, entry);
	p->queued = false;
	loop_cancel(p->poller->engine->loop, &p->timer);
	settle_failed(p, CODE_INTERRUPTED, "stopped while waiting; run it again");
}
