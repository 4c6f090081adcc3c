#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "auth/secret.h"
#include "base/backoff.h"
#include "base/failpoint.h"
#include "base/mem.h"
#include "provider/answer.h"
#include "service/call.h"
#include "json/json.h"

#define RETRY_FIRST_MS 500
#define RETRY_MAX_MS   30000
#define HTTP_LOCKED    423

enum state { STARTING, AUTHORIZING, WAITING, CROWDED, SENDING, PAUSING };

struct call {
	struct engine *engine;
	struct call_spec spec;
	call_fn *fn;
	void *arg;
	enum state state;
	bool stop;        /* end as soon as nothing is on the wire */
	bool renewed;     /* credentials were renewed for this call */
	bool rejected;    /* sent_header was refused, and is not renewed yet */
	unsigned attempt; /* that failed in a row */
	struct deferred deferred;
	struct timer timer;
	struct account_wait wait;
	struct slot_wait place;
	struct request request;
	struct http_transfer *wire;
	char *sent_header; /* what the credentials were, to be renewed when refused */
	/* the result */
	struct json_object *taken, *body;
	struct failure failure;
};

static void authorize(struct call *c);

static void
call_free(struct call *c)
{
	loop_cancel(c->engine->loop, &c->timer);
	request_release(&c->request);
	secret_free(c->sent_header);
	json_object_put(c->spec.vars);
	json_object_put(c->taken);
	json_object_put(c->body);
	failure_release(&c->failure);
	free(c);
}

/* Ends the call: with what was taken, or with c->failure. */
static void
finish(struct call *c)
{
	struct call_result result = {0};

	result.body = c->body;
	if (c->failure.err.code != CODE_NONE)
		result.failure = &c->failure;
	else
		result.taken = c->taken;
	c->fn(c->arg, &result);
	call_free(c);
}

static void
fail(struct call *c, const struct err *e, const char *created)
{
	failure_set(&c->failure, e, created);
	finish(c);
}

static const char *
nothing_created(const struct call *c)
{
	return c->spec.op->repeatable ? NULL : "no";
}

static void
interrupted(struct call *c)
{
	struct err e;

	err_set(
	    &e, CODE_INTERRUPTED, "stopped before the service was asked; run it again");
	fail(c, &e, nothing_created(c));
}

static void
unknown(struct call *c, const char *why)
{
	struct err e;

	err_set(&e, CODE_OUTCOME_UNKNOWN, "%s", why);
	fail(c, &e, "unknown");
}

/* A pause is over, or a place is free. */
static void
go_on(void *arg)
{
	struct call *c = arg;

	authorize(c);
}

/* Waits and tries again, unless the deadline comes first; c->failure says why. */
static void
pause_for(struct call *c, int64_t ms)
{
	int64_t now = loop_now(c->engine->loop);
	bool late = *c->spec.deadline != 0 && now + ms > *c->spec.deadline;

	if (late && c->failure.err.code == CODE_NETWORK && !c->spec.op->repeatable)
		account_block(c->spec.account, &c->failure);
	if (late) {
		finish(c);
		return;
	}
	if (c->stop) {
		interrupted(c);
		return;
	}
	c->state = PAUSING;
	loop_at(c->engine->loop, &c->timer, now + ms, go_on, c);
}

static void
back_off(struct call *c)
{
	pause_for(
	    c, backoff_ms(c->attempt++, RETRY_FIRST_MS, RETRY_MAX_MS, arc4random()));
}

/* Takes over what the service says of an error, less our own credentials if it repeats them. */
static void
blame(struct call *c, enum code code, const char *created, const struct answer *a)
{
	const char *secret = c->sent_header != NULL ? strrchr(c->sent_header, ' ') : NULL;

	failure_answered(&c->failure, code, created, a, c->spec.account->provider,
	    secret != NULL ? secret + 1 : c->sent_header);
}

/* The service was not reached. */
static void
unreached(struct call *c, const struct http_response *r)
{
	struct err e;

	err_set(
	    &e, CODE_NETWORK, "cannot reach %s: %s", c->spec.account->base_url, r->why);
	failure_set(&c->failure, &e, nothing_created(c));
	if (c->attempt == 2)
		warn("%s; trying again", e.message);
	back_off(c);
}

/* The service asks to wait. */
static void
wait_as_told(struct call *c, const struct answer *a)
{
	struct provider *p = c->spec.account->provider;
	int64_t ms = answer_wait_ms(a, p, (int64_t)time(NULL));
	enum code code = a->status >= 200 && a->status < 300 ? CODE_BAD_ANSWER
	                 : a->status >= 500                  ? CODE_UNAVAILABLE
	                                                     : CODE_RATE_LIMITED;

	blame(c, code, nothing_created(c), a);
	if (ms <= 0) {
		back_off(c);
		return;
	}
	c->attempt++;
	account_pause(c->spec.account, ms);
	pause_for(c, ms);
}

static void
refused_credentials(struct call *c, const struct answer *a)
{
	blame(c, CODE_UNAUTHORIZED, nothing_created(c), a);
	if (c->renewed) {
		account_block(c->spec.account, &c->failure);
		finish(c);
		return;
	}
	c->renewed = c->rejected = true;
	pause_for(c, 0);
}

static void
redirected(struct call *c, const struct answer *a)
{
	const char *created = nothing_created(c);
	bool unsure = created != NULL && a->status != 307 && a->status != 308;
	struct err e;

	/* 307 and 308 say that nothing was done (RFC 9110, 15.4); the others do not. */
	if (unsure)
		created = "unknown";
	err_set(&e, CODE_REDIRECTED,
	    "the service answered %d, a redirect, which is not followed; check the base URL %s",
	    a->status, c->spec.account->base_url);
	failure_set(&c->failure, &e, created);
	c->failure.http_status = a->status;
	c->failure.retryable = !unsure;
	finish(c);
}

static void
keep_body(struct call *c, const struct answer *a)
{
	if (c->spec.op->repeatable)
		c->body = json_object_get(a->body);
}

static void
succeed(struct call *c, const struct answer *a)
{
	bool known;

	c->taken = answer_taken(a, c->spec.op, &known);
	keep_body(c, a);
	if (!known && !c->spec.account->warned) {
		c->spec.account->warned = true;
		warn("%s: unknown state '%s', taken as processing",
		    c->spec.account->provider->name,
		    json_str(c->taken, "/provider_status"));
	}
	failure_release(&c->failure);
	finish(c);
}

static void
judge(struct call *c, const struct http_response *r)
{
	struct provider *p = c->spec.account->provider;
	struct answer a;

	answer_init(&a, r);
	switch (answer_outcome(&a, p, c->spec.op)) {
	case OUTCOME_OK:
		succeed(c, &a);
		break;
	case OUTCOME_WAIT:
		wait_as_told(c, &a);
		break;
	case OUTCOME_AUTH:
		refused_credentials(c, &a);
		break;
	case OUTCOME_ACCOUNT:
		blame(c, CODE_ACCOUNT_BLOCKED, nothing_created(c), &a);
		account_block(c->spec.account, &c->failure);
		finish(c);
		break;
	case OUTCOME_REFUSED:
		blame(c, CODE_REFUSED, nothing_created(c), &a);
		keep_body(c, &a);
		finish(c);
		break;
	case OUTCOME_REDIRECTED:
		redirected(c, &a);
		break;
	case OUTCOME_UNKNOWN:
		blame(c, CODE_OUTCOME_UNKNOWN, "unknown", &a);
		finish(c);
		break;
	}
	answer_release(&a);
}

/* Keeps the server's clock, for looking at its lists. It is told in seconds, so once in each is
 * enough. */
static void
note_date(struct account *a, const struct http_response *r)
{
	int64_t now = (int64_t)time(NULL);
	const char *date = a->clock_at != now ? http_header_of(r, "Date") : NULL;
	time_t theirs = date != NULL ? curl_getdate(date, NULL) : -1;

	if (theirs < 0)
		return;
	a->clock_offset = ((int64_t)theirs - now) * 1000;
	a->clock_at = now;
	a->clock_known = true;
}

static void
responded(void *arg, const struct http_response *r)
{
	struct call *c = arg;
	struct engine *engine = c->engine;
	bool ok = r->fate == HTTP_ANSWERED && r->status < 300;

	failpoint("answer");
	c->wire = NULL;
	account_leave(&c->wait, r->status == HTTP_LOCKED ? ACCOUNT_CROWDED
	                        : ok                     ? ACCOUNT_OK
	                                                 : ACCOUNT_OTHER);
	request_release(&c->request);
	note_date(c->spec.account, r);
	if (r->fate == HTTP_ANSWERED)
		judge(c, r);
	else if (!r->sent && c->spec.photo != NULL &&
	         c->spec.photo->broken.code != CODE_NONE)
		fail(c, &c->spec.photo->broken, "no");
	else if (r->fate == HTTP_CANCELLED && (!r->sent || c->spec.op->repeatable))
		interrupted(c);
	else if (r->fate == HTTP_NOT_SENT || c->spec.op->repeatable)
		unreached(c, r);
	else
		unknown(c, r->why);
	/* Only now, as the answer may forbid that another one goes; the call may be gone. */
	slots_return(&engine->places);
}

static int
build(struct call *c, struct err *e)
{
	struct request_values values = {.base_url = c->spec.account->base_url,
	    .vars = c->spec.vars,
	    .photo = c->spec.photo,
	    .tag = c->spec.tag};
	const char *name, *value = account_header(c->spec.account, &name);

	if (request_init(&c->request, c->spec.op, &values, e) < 0)
		return -1;
	secret_free(c->sent_header);
	c->sent_header = mem_str(value);
	if (value != NULL && *value != '\0')
		request_header(&c->request, name, c->sent_header);
	return 0;
}

/* Hands it to the wire: a place is taken, nothing is between this and the first byte. */
static void
put_on_wire(struct call *c)
{
	struct engine *engine = c->engine;
	struct err e;

	if (build(c, &e) < 0 ||
	    (c->spec.before_send != NULL && c->spec.before_send(c->arg, &e) < 0)) {
		account_leave(&c->wait, ACCOUNT_OTHER);
		slots_return(&engine->places);
		fail(c, &e, nothing_created(c));
		return;
	}
	if (*c->spec.deadline == 0)
		*c->spec.deadline = loop_now(engine->loop) + c->spec.timeout_ms;
	c->state = SENDING;
	failpoint("send");
	c->wire = http_send(engine->http, &c->request.http, responded, c);
}

/* All of -j are on the wire. What is not asked for of the account's pace now is not lost there. */
static void
wait_for_place(struct call *c)
{
	c->state = CROWDED;
	slots_wait(&c->engine->places, &c->place, go_on, c);
}

/* The account's pace lets it go. */
static void
send_now(void *arg, const struct err *ignored)
{
	struct call *c = arg;
	struct engine *engine = c->engine;
	bool may =
	    !c->stop && !c->spec.account->blocked && !engine->stopping(engine->arg);

	(void)ignored;
	if (may && slots_take(&engine->places)) {
		put_on_wire(c);
		return;
	}
	account_leave(&c->wait, ACCOUNT_OTHER);
	if (may)
		wait_for_place(c);
	else
		authorize(c);
}

/* Credentials are there, or are not to be had. */
static void
authorized(void *arg, const struct err *e)
{
	struct call *c = arg;

	if (e == NULL) {
		c->rejected = false;
		if (!slots_available(&c->engine->places)) {
			wait_for_place(c);
			return;
		}
		c->state = WAITING;
		account_enter(c->spec.account, &c->wait, send_now, c);
		return;
	}
	failure_set(&c->failure, e, nothing_created(c));
	if (e->code == CODE_NETWORK || e->code == CODE_UNAVAILABLE ||
	    e->code == CODE_RATE_LIMITED || e->code == CODE_TOKEN_BUSY) {
		if (*c->spec.deadline == 0)
			*c->spec.deadline =
			    loop_now(c->engine->loop) + c->spec.timeout_ms;
		back_off(c);
		return;
	}
	account_block(c->spec.account, &c->failure);
	finish(c);
}

/* Whether the call may still begin; otherwise it is ended. */
static bool
may_begin(struct call *c)
{
	struct engine *engine = c->engine;

	if (c->spec.account->blocked) {
		failure_copy(&c->failure, &c->spec.account->why);
		c->failure.created = nothing_created(c);
		finish(c);
	} else if (c->stop || engine->stopping(engine->arg)) {
		interrupted(c);
	} else {
		return true;
	}
	return false;
}

static void
authorize(struct call *c)
{
	if (!may_begin(c))
		return;
	c->state = AUTHORIZING;
	account_authorize(c->spec.account, &c->wait, c->rejected ? c->sent_header : NULL,
	    authorized, c);
}

static void
started(void *arg)
{
	authorize(arg);
}

struct call *
call_start(struct engine *engine, const struct call_spec *spec, call_fn *fn, void *arg)
{
	struct call *c = mem_new(1, sizeof *c);

	c->engine = engine;
	c->spec = *spec;
	c->spec.vars = json_object_get(spec->vars);
	c->fn = fn;
	c->arg = arg;
	loop_defer(engine->loop, &c->deferred, started, c);
	return c;
}

void
call_stop(struct call *c, bool hard)
{
	c->stop = true;
	switch (c->state) {
	case AUTHORIZING:
	case WAITING:
		account_cancel(&c->wait);
		interrupted(c);
		break;
	case CROWDED:
		slots_cancel(&c->engine->places, &c->place);
		interrupted(c);
		break;
	case PAUSING:
		loop_cancel(c->engine->loop, &c->timer);
		interrupted(c);
		break;
	case SENDING:
		if (hard && c->wire != NULL)
			http_cancel(c->wire);
		break;
	case STARTING: /* ends by itself */
		break;
	}
}
