#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/backoff.h"
#include "base/mem.h"
#include "os/pipeline.h"
#include "provider/answer.h"
#include "service/poll.h"
#include "json/json.h"

/* Consecutive 404s before an avatar counts as gone; the description says for how long they
 * must come. A new avatar may not be known to all of the service's machines yet. */
#define GONE_AFTER 3

/* While hints come, the longest interval is so many of the usual one. */
#define HINTED_TIMES 10

/* After so many of them without any hint, polls ask as usual. */
#define SILENT_TIMES 4

/* So many hints that are not true yet are asked about at once. */
#define HINTS_FREE 3

static void due(void *arg);
static sweep_fn listed;
static void answered(void *arg, const struct call_result *result);

void
poller_init(
    struct poller *poller, struct engine *engine, int64_t timeout_ms, int64_t interval_ms)
{
	*poller = (struct poller){.engine = engine,
	    .timeout_ms = timeout_ms,
	    .interval_ms = interval_ms,
	    .hinted_at = INT64_MIN / 2,
	    .sweeps = {
	        .engine = engine, .timeout_ms = timeout_ms, .fn = listed, .arg = poller}};
	TAILQ_INIT(&poller->due);
}

void
poller_release(struct poller *poller)
{
	sweeps_release(&poller->sweeps);
	hints_release(&poller->hints);
	free(poller->told);
}

int64_t
poller_timeout(const struct poller *poller, const struct operation *op)
{
	return poller->patient && op != NULL && op->patience_ms > poller->timeout_ms
	           ? op->patience_ms
	           : poller->timeout_ms;
}

/* Tells the progress how far what is waited for is: `by` polls more tell it, and their sum
 * grows by `percent`. */
static void
tell_progress(struct poll *p, int by, int percent)
{
	struct seat *seat = pipeline_seat();

	if (seat == NULL)
		return;
	seat->told += (uint64_t)(int64_t)by;
	seat->percents += (uint64_t)(int64_t)percent;
	if (seat->usual_ms < p->op->usual_ms)
		seat->usual_ms = p->op->usual_ms;
}

static void
note_progress(struct poll *p, struct json_object *taken)
{
	int percent = (int)json_int(taken, "/progress", -1);

	if (percent < 0 && !p->tells)
		return;
	tell_progress(p, (percent >= 0) - p->tells,
	    (percent >= 0 ? percent : 0) - (p->tells ? p->percent : 0));
	p->tells = percent >= 0;
	p->percent = (uint8_t)(p->tells ? percent : 0);
}

/* Tells what a person has to do, once for many that wait for the same. */
static void
note_todo(struct poll *p, struct json_object *taken)
{
	struct poller *poller = p->poller;

	p->todo = provider_todo(p->op->states, json_str(taken, "/provider_status"));
	if (p->todo == NULL ||
	    (poller->told != NULL && strcmp(poller->told, p->todo) == 0))
		return;
	free(poller->told);
	poller->told = mem_str(p->todo);
	warn("%s waits for a person (%s): %s", p->account->provider->title,
	    json_str(taken, "/provider_status"), p->todo);
}

void
poller_expect_hints(struct poller *poller)
{
	poller->hinted_at = loop_now(poller->engine->loop);
}

/* Calls back: nothing more is asked. */
static void
settle(struct poll *p, const struct call_result *result)
{
	hints_remove(&p->poller->hints, &p->hint);
	note_progress(p, NULL);
	if (p->sweep != NULL)
		sweep_wait(p->sweep, -1);
	p->sweep = NULL;
	p->calls->settled(p->arg, result);
}

static void
settle_failed(struct poll *p, enum code code, const char *message)
{
	struct failure failure = {0};
	struct call_result result = {.failure = &failure};

	err_set(&failure.err, code, "%s", message);
	settle(p, &result);
}

/* Until when hints are expected, if none comes. */
static int64_t
hints_until(const struct poll *p)
{
	return p->poller->hinted_at + SILENT_TIMES * p->op->poll_max_ms;
}

static bool
awaits_hint(const struct poll *p)
{
	return p->hint.listed && loop_now(p->poller->engine->loop) < hints_until(p);
}

/* Sets the timer for the next request; for an earlier time, if hints must come until then
 * for the request to wait. */
static void
set_timer(struct poll *p)
{
	struct loop *loop = p->poller->engine->loop;
	int64_t at = p->next_at, spread = p->op->poll_first_ms;

	if (awaits_hint(p) && at > hints_until(p) + spread)
		at = hints_until(p) + (int64_t)arc4random() % (spread + 1);
	loop_at(loop, &p->timer, at, due, p);
}

/* Asks soon, since its hint came. One that was wrong costs a request; of many, one in the
 * first interval counts. */
static void
ask_soon(struct poll *p)
{
	int64_t now = loop_now(p->poller->engine->loop);
	int64_t first = p->op->poll_first_ms;
	int64_t at = p->hints++ < HINTS_FREE || p->asked_at + first < now
	                 ? now
	                 : p->asked_at + first;

	if (at < p->next_at) {
		p->next_at = at;
		set_timer(p);
	}
}

static void
settle_late(struct poll *p)
{
	struct failure failure = {0};
	struct call_result result = {.failure = &failure};

	if (p->todo != NULL)
		err_set(&failure.err, CODE_TIMEOUT,
		    "not ready within --timeout, since it waits for a person: %s; then run it again",
		    p->todo);
	else if (p->tells)
		err_set(&failure.err, CODE_TIMEOUT,
		    "not ready within --timeout, at %d %%; run it again to wait longer",
		    p->percent);
	else
		err_set(&failure.err, CODE_TIMEOUT,
		    "not ready within --timeout; run it again to wait longer");
	settle(p, &result);
}

static void
wait_more(struct poll *p)
{
	struct loop *loop = p->poller->engine->loop;
	int64_t longest = p->op->poll_max_ms, ms, at;

	if (awaits_hint(p))
		ms = backoff_grow(HINTED_TIMES * longest, longest, arc4random(), &at);
	else
		ms = backoff_grow(p->interval, longest, arc4random(), &p->interval);
	at = loop_now(loop) + ms;

	if (p->stop) {
		settle_failed(p, CODE_INTERRUPTED, "stopped while waiting; run it again");
		return;
	}
	if (p->give_up != 0 && loop_now(loop) >= p->give_up) {
		settle_failed(p, CODE_NO_RESULT, "it did not come in time");
		return;
	}
	if (p->deadline != 0 && loop_now(loop) >= p->deadline) {
		settle_late(p);
		return;
	}
	if (p->deadline != 0 && at > p->deadline)
		at = p->deadline;
	if (p->give_up != 0 && at > p->give_up)
		at = p->give_up;
	p->next_at = at;
	set_timer(p);
	if (p->hinted) {
		p->hinted = false;
		ask_soon(p);
	}
}

static bool
is_settled(const struct poll *p, struct json_object *taken)
{
	const char *status = json_str(taken, "/status"),
	           *final = json_str(taken, "/final_status");

	if (p->until != NULL)
		return answer_url(taken, p->until) != NULL ||
		       (status != NULL && strcmp(status, "failed") == 0);
	return status != NULL && strcmp(status, "processing") != 0 &&
	       strcmp(status, "needs_action") != 0 &&
	       (!p->poller->final || strcmp(status, "ready") != 0 || final == NULL ||
	           strcmp(final, "processing") != 0);
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
		note_progress(p, result->taken);
		note_todo(p, result->taken);
		if (is_settled(p, result->taken))
			settle(p, result);
		else
			wait_more(p);
	} else if (is_missing(f) && !is_gone(p)) {
		wait_more(p);
	} else if (is_missing(f)) {
		settle_failed(p, CODE_AVATAR_GONE, "the service no longer has it (404)");
	} else if (ran_out(f)) {
		settle_failed(p, CODE_TIMEOUT, f->err.message);
	} else {
		settle(p, result);
	}
}

static void
ask(struct poll *p)
{
	struct poller *poller = p->poller;
	struct call_spec spec = {.account = p->account,
	    .op = p->op,
	    .vars = p->calls->vars(p->arg),
	    .deadline = &p->deadline,
	    .timeout_ms = poller_timeout(poller, p->op)};

	poller->asking++;
	p->asked_at = loop_now(poller->engine->loop);
	p->call = call_start(poller->engine, &spec, answered, p);
	json_object_put(spec.vars);
}

/* True if a list will answer soon for a poll that is due. One that the list did not show
 * asks by itself. */
static bool
is_swept(struct poll *p)
{
	struct loop *loop = p->poller->engine->loop;
	int64_t at, end;

	if (p->sweep == NULL || p->stop || awaits_hint(p))
		return false;
	end = loop_deadline(loop, &p->deadline, poller_timeout(p->poller, p->op));
	if (loop_now(loop) >= end)
		return false;
	/* The reading that it waited for is over, and did not show it. */
	if (p->deferred &&
	    (sweep_serial(p->sweep) > p->serial ||
	        (sweep_serial(p->sweep) == p->serial && !sweep_reads(p->sweep)))) {
		p->deferred = false;
		return false;
	}
	if (!sweep_serves(p->sweep, &at))
		return false;
	if (!p->deferred)
		p->serial = sweep_serial(p->sweep) + !sweep_reads(p->sweep);
	p->deferred = true;
	p->next_at = at < end ? at : end;
	set_timer(p);
	return true;
}

/* A list shows the state of what polls wait for. */
struct shown {
	struct sweep *sweep;
	struct json_object *taken;
	size_t n;
};

static struct poll *
poll_of(struct hint *hint)
{
	return (struct poll *)(void *)((char *)hint - offsetof(struct poll, hint));
}

static void
show(void *arg, struct hint *hint)
{
	struct shown *shown = arg;
	struct call_result result = {.taken = shown->taken};
	struct poll *p = poll_of(hint);

	if (p->sweep != shown->sweep || p->call != NULL ||
	    (p->serial == sweep_serial(p->sweep) && !p->deferred))
		return;
	shown->n++;
	p->serial = sweep_serial(p->sweep);
	p->deferred = false;
	if (p->queued)
		TAILQ_REMOVE(&p->poller->due, p, entry);
	p->queued = false;
	loop_cancel(p->poller->engine->loop, &p->timer);
	act_on_result(p, &result);
}

static size_t
listed(void *arg, struct sweep *s, const char *id, struct json_object *taken)
{
	struct poller *poller = arg;
	struct shown shown = {.sweep = s, .taken = taken};

	hints_find(&poller->hints, hints_hash(sweep_provider(s), id), show, &shown);
	return shown.n;
}

static void
answered(void *arg, const struct call_result *result)
{
	struct poll *p = arg;
	struct poller *poller = p->poller;

	p->call = NULL;
	poller->asking--;
	act_on_result(p, result);
	while (poller->asking < poller->engine->slots.most &&
	       (p = TAILQ_FIRST(&poller->due)) != NULL) {
		TAILQ_REMOVE(&poller->due, p, entry);
		p->queued = false;
		if (!is_swept(p))
			ask(p);
	}
}

static void
due(void *arg)
{
	struct poll *p = arg;
	struct poller *poller = p->poller;

	if (p->next_at > loop_now(poller->engine->loop) && awaits_hint(p)) {
		set_timer(p);
		return;
	}
	if (is_swept(p))
		return;
	if (poller->asking < poller->engine->slots.most) {
		ask(p);
		return;
	}
	p->queued = true;
	TAILQ_INSERT_TAIL(&poller->due, p, entry);
}

static int64_t
first_interval(const struct poll *p)
{
	return p->poller->interval_ms > 0 ? p->poller->interval_ms : p->op->poll_first_ms;
}

void
poll_start(struct poller *poller, struct poll *p, bool at_once)
{
	p->poller = poller;
	p->interval = first_interval(p);
	p->missing = 0;
	p->next_at = 0;
	p->hinted = false;
	p->deferred = false;
	p->todo = NULL;
	tell_progress(p, 0, 0);
	if (hints_add(&poller->hints, &p->hint))
		at_once = true;
	if (p->hint.hash != 0 && p->until == NULL)
		p->sweep = sweeps_of(&poller->sweeps, p->account, p->op);
	if (p->sweep != NULL)
		sweep_wait(p->sweep, 1);
	if (at_once)
		loop_at(poller->engine->loop, &p->timer, 0, due, p);
	else
		wait_more(p);
}

static void
hinted(void *arg, struct hint *hint)
{
	struct poll *p = poll_of(hint);

	(void)arg;
	if (p->call != NULL)
		p->hinted = true;
	else if (!p->queued)
		ask_soon(p);
}

void
poller_hint(struct poller *poller, uint64_t hash)
{
	poller->hinted_at = loop_now(poller->engine->loop);
	if (!hints_find(&poller->hints, hash, hinted, poller))
		hints_remember(&poller->hints, hash);
}

/* Goes back to the first interval: a hint may have been lost. */
static void
begin_again(void *arg, struct hint *hint)
{
	struct poll *p = poll_of(hint);
	struct poller *poller = arg;

	int64_t at = loop_now(poller->engine->loop) + backoff_grow(first_interval(p),
	                                                  p->op->poll_max_ms,
	                                                  arc4random(), &p->interval);

	if (p->call == NULL && !p->queued && at < p->next_at) {
		p->next_at = at;
		set_timer(p);
	}
}

void
poller_hints_over(struct poller *poller)
{
	poller->hinted_at = INT64_MIN / 2;
	hints_all(&poller->hints, begin_again, poller);
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
