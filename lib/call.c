#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "answer.h"
#include "backoff.h"
#include "call.h"
#include "json.h"
#include "lookup.h"
#include "mem.h"
#include "secret.h"

#define RETRY_FIRST_MS 500
#define RETRY_MAX_MS   30000
#define BUSY_MS        100
#define HTTP_LOCKED    423

enum state {
	STARTING,
	QUEUEING,
	CLAIMING,
	AUTHORIZING,
	WAITING,
	SENDING,
	PAUSING,
	LOOKING,
	SETTLING,
};

struct call {
	struct engine *engine;
	struct call_spec spec;
	call_fn *fn;
	void *arg;
	enum state state;
	bool stop;        /* end as soon as nothing is on the wire */
	bool renewed;     /* credentials were renewed for this call */
	bool rejected;    /* sent_header was refused, and is not renewed yet */
	bool begun;       /* counted against --max-creates */
	unsigned attempt; /* that failed in a row */
	struct deferred deferred;
	struct timer timer;
	struct account_wait wait;
	struct request request;
	struct http_call *wire;
	char *sent_header; /* what the credentials were, to be renewed when refused */
	/* the ledger */
	struct ledger_claim *claim;
	bool claimed;              /* the claim is ours to settle */
	bool has_turn;             /* of an account that makes one at a time */
	int64_t first_at, last_at; /* when it was sent; unix ms */
	bool tagged;
	struct lookup *lookup;
	struct json_object *body;
	char *subject, *name, *tag;
	struct json_object *options;
	bool counted;
	/* the result */
	struct json_object *taken;
	bool reused;
	struct failure failure;
};

static void claim(struct call *c);
static void authorize(struct call *c);

static int64_t
unix_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
call_free(struct call *c)
{
	loop_cancel(c->engine->loop, &c->timer);
	request_release(&c->request);
	secret_free(c->sent_header);
	json_object_put(c->body);
	json_object_put(c->spec.vars);
	json_object_put(c->options);
	json_object_put(c->taken);
	failure_release(&c->failure);
	free(c->subject);
	free(c->name);
	free(c->tag);
	free(c);
}

static void
deliver(struct call *c)
{
	struct call_result result = {.reused = c->reused};

	if (c->failure.err.code != CODE_NONE)
		result.failure = &c->failure;
	else
		result.taken = c->taken;
	result.body = c->body;
	if (c->has_turn)
		account_give_turn(c->spec.account);
	c->fn(c->arg, &result);
	call_free(c);
}

static void
settled(void *arg, const struct ledger_answer *answer)
{
	struct call *c = arg;

	if (answer->verdict == LEDGER_ERROR)
		warn(
		    "the ledger could not note an outcome, a later run will look it up: %s",
		    answer->err->message);
	deliver(c);
}

/* Ends the call: with what was taken, or with c->failure. */
static void
finish(struct call *c, enum ledger_outcome outcome)
{
	struct buf data = {0};
	const char *id = json_str(c->taken, "/id");

	c->state = SETTLING;
	if (!c->claimed) {
		deliver(c);
		return;
	}
	c->claimed = false;
	if (outcome == LEDGER_IS_MADE)
		json_write(&data, c->taken);
	ledger_settle(c->claim, outcome,
	    outcome == LEDGER_IS_MADE && id == NULL ? "" : id, data.data, settled, c);
	buf_release(&data);
}

static void
fail(struct call *c, const struct err *e, const char *created)
{
	failure_set(&c->failure, e, created);
	finish(c, LEDGER_IS_NOT_MADE);
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
	bool retryable;
	struct err e;

	err_set(&e, CODE_OUTCOME_UNKNOWN,
	    "%s; the service may have done it, and it is not sent again blindly", why);
	retryable = c->failure.retryable;
	failure_set(&c->failure, &e, "unknown");
	c->failure.retryable = retryable;
	finish(c, LEDGER_IS_UNKNOWN);
}

static void
sent_again(void *arg, const struct ledger_answer *answer)
{
	struct call *c = arg;

	if (answer->verdict == LEDGER_YOURS) {
		c->attempt = 0;
		if (c->spec.park != NULL)
			c->spec.park(c->arg, false);
		authorize(c);
		return;
	}
	c->claimed = false;
	fail(c, answer->err, "unknown");
}

static void
looked_up(void *arg, const struct lookup_result *result)
{
	struct call *c = arg;

	c->lookup = NULL;
	switch (result->verdict) {
	case LOOKUP_FOUND:
		c->claimed = false;
		c->taken = json_object_get(result->taken);
		failure_release(&c->failure);
		finish(c, LEDGER_IS_MADE);
		break;
	case LOOKUP_ABSENT:
		if (c->stop)
			interrupted(c);
		else
			ledger_resend(
			    c->claim, c->spec.account->clock_offset, sent_again, c);
		break;
	case LOOKUP_UNTOLD:
		err_set(&c->failure.err, CODE_OUTCOME_UNKNOWN,
		    "the service may have done it: %s; settle it with av-ledger",
		    result->why);
		c->failure.created = "unknown";
		c->failure.retryable = result->retryable;
		finish(c, LEDGER_IS_UNKNOWN);
		break;
	}
}

/* Looks the outcome up where the service's list can tell; otherwise it stays unknown. */
static void
doubt(struct call *c, const char *why)
{
	struct lookup_spec spec = {.account = c->spec.account,
	    .op = c->spec.op,
	    .vars = c->spec.vars,
	    .tag = c->tagged ? c->tag : NULL,
	    .claim = c->claim,
	    .sent_at = c->first_at,
	    .last_at = c->last_at};

	if (!c->claimed || c->engine->lookups == NULL || c->stop ||
	    !lookup_possible(c->spec.account, c->spec.op)) {
		unknown(c, why);
		return;
	}
	note("%s; looking it up in the service's list", why);
	c->state = LOOKING;
	if (c->spec.park != NULL)
		c->spec.park(c->arg, true);
	c->lookup = lookup_start(c->engine->lookups, &spec, looked_up, c);
}

static void
doubt_answered(struct call *c, const struct answer *a)
{
	char *why = mem_printf(
	    "the service answered %d, which does not say what happened", a->status);

	failure_answered(
	    &c->failure, CODE_OUTCOME_UNKNOWN, "unknown", a, c->spec.account->provider);
	doubt(c, why);
	free(why);
}

static void
pause_over(void *arg)
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
		finish(c, LEDGER_IS_NOT_MADE);
		return;
	}
	if (c->stop) {
		interrupted(c);
		return;
	}
	c->state = PAUSING;
	loop_at(c->engine->loop, &c->timer, now + ms, pause_over, c);
}

static void
back_off(struct call *c)
{
	pause_for(
	    c, backoff_ms(c->attempt++, RETRY_FIRST_MS, RETRY_MAX_MS, arc4random()));
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

	failure_answered(&c->failure, code, nothing_created(c), a, p);
	if (ms < 0) {
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
	failure_answered(&c->failure, CODE_UNAUTHORIZED, nothing_created(c), a,
	    c->spec.account->provider);
	if (c->renewed) {
		account_block(c->spec.account, &c->failure);
		finish(c, LEDGER_IS_NOT_MADE);
		return;
	}
	c->renewed = c->rejected = true;
	pause_for(c, 0);
}

static void
redirected(struct call *c, const struct answer *a)
{
	const char *created = nothing_created(c);
	struct err e;

	/* 307 and 308 say that nothing was done (RFC 9110, 15.4); the others do not. */
	if (created != NULL && a->status != 307 && a->status != 308)
		created = "unknown";
	err_set(&e, CODE_REDIRECTED,
	    "the service answered %d, a redirect, which is not followed; check the base URL %s",
	    a->status, c->spec.account->base_url);
	failure_set(&c->failure, &e, created);
	c->failure.http_status = a->status;
	finish(c, created != NULL && strcmp(created, "unknown") == 0
	              ? LEDGER_IS_UNKNOWN
	              : LEDGER_IS_NOT_MADE);
}

static void
succeed(struct call *c, const struct answer *a)
{
	bool known;

	c->taken = answer_taken(a, c->spec.op, &known);
	if (c->spec.op->repeatable)
		c->body = json_object_get(a->body);
	if (!known && !c->spec.account->warned) {
		c->spec.account->warned = true;
		warn("%s: unknown state '%s', taken as processing",
		    c->spec.account->provider->name,
		    json_str(c->taken, "/provider_status"));
	}
	failure_release(&c->failure);
	finish(c, LEDGER_IS_MADE);
}

static void
judge(struct call *c, const struct http_response *r)
{
	struct provider *p = c->spec.account->provider;
	struct answer a;

	answer_init(&a, r);
	switch (answer_judge(&a, p, c->spec.op)) {
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
		failure_answered(
		    &c->failure, CODE_ACCOUNT_BLOCKED, nothing_created(c), &a, p);
		account_block(c->spec.account, &c->failure);
		finish(c, LEDGER_IS_NOT_MADE);
		break;
	case OUTCOME_REFUSED:
		failure_answered(&c->failure, CODE_REFUSED, nothing_created(c), &a, p);
		finish(c, LEDGER_IS_NOT_MADE);
		break;
	case OUTCOME_REDIRECTED:
		redirected(c, &a);
		break;
	case OUTCOME_UNKNOWN:
		doubt_answered(c, &a);
		break;
	}
	answer_release(&a);
}

/* Keeps the server's clock, for looking at its lists. */
static void
note_date(struct account *a, const struct http_response *r)
{
	const char *date = http_header_of(r, "Date");
	time_t theirs = date != NULL ? curl_getdate(date, NULL) : -1;

	if (theirs >= 0)
		a->clock_offset = ((int64_t)theirs - (int64_t)time(NULL)) * 1000;
}

static void
responded(void *arg, const struct http_response *r)
{
	struct call *c = arg;
	bool ok = r->fate == HTTP_ANSWERED && r->status < 300;

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
		doubt(c, r->why);
}

static int
build(struct call *c, struct err *e)
{
	struct request_values values = {.base_url = c->spec.account->base_url,
	    .vars = c->spec.vars,
	    .photo = c->spec.photo,
	    .tag = c->tag};
	const char *name, *value = account_header(c->spec.account, &name);

	if (request_init(&c->request, c->spec.op, &values, e) < 0)
		return -1;
	c->tagged = c->request.tagged;
	secret_free(c->sent_header);
	c->sent_header = mem_str(value);
	if (value != NULL && *value != '\0')
		request_header(&c->request, name, c->sent_header);
	return 0;
}

/* The account's pace lets it go: nothing is between this and the wire. */
static void
send_now(void *arg, const struct err *ignored)
{
	struct call *c = arg;
	struct engine *engine = c->engine;
	struct err e;

	(void)ignored;
	c->state = SENDING;
	if (c->stop || c->spec.account->blocked || engine->stopping(engine->arg)) {
		account_leave(&c->wait, ACCOUNT_OTHER);
		authorize(c);
		return;
	}
	if (build(c, &e) < 0)
		goto failed;
	if (c->claimed && !ledger_sending(c->claim)) {
		err_set(&e, CODE_STATE_UNUSABLE,
		    "the ledger cannot note that a request is sent");
		goto failed;
	}
	if (c->counted && !c->begun && engine->creates_left > 0)
		engine->creates_left--;
	c->begun = true;
	c->last_at = unix_ms();
	if (c->first_at == 0)
		c->first_at = c->last_at;
	if (*c->spec.deadline == 0)
		*c->spec.deadline = loop_now(engine->loop) + c->spec.timeout_ms;
	c->wire = http_send(engine->http, &c->request.http, responded, c);
	return;
failed:
	account_leave(&c->wait, ACCOUNT_OTHER);
	fail(c, &e, nothing_created(c));
}

static void
authorized(void *arg, const struct err *e)
{
	struct call *c = arg;

	if (e == NULL) {
		c->rejected = false;
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
	finish(c, LEDGER_IS_NOT_MADE);
}

/* Whether the call may still begin; otherwise it is ended. */
static bool
may_begin(struct call *c)
{
	struct engine *engine = c->engine;
	struct err e;

	if (c->spec.account->blocked) {
		failure_copy(&c->failure, &c->spec.account->why);
		c->failure.created = nothing_created(c);
		finish(c, LEDGER_IS_NOT_MADE);
	} else if (c->stop || engine->stopping(engine->arg)) {
		interrupted(c);
	} else if (c->counted && !c->begun && engine->creates_left == 0) {
		err_set(
		    &e, CODE_MAX_CREATES, "--max-creates is reached; nothing was sent");
		fail(c, &e, "no");
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
	account_authorize(
	    c->spec.account, &c->wait, c->rejected ? c->sent_header : NULL, authorized, c);
}

static void
claim_again(void *arg)
{
	claim(arg);
}

static void
reuse(struct call *c, const struct ledger_answer *answer)
{
	struct err ignored;

	if (answer->data != NULL)
		c->taken = json_parse(answer->data, strlen(answer->data), &ignored);
	if (c->taken == NULL)
		c->taken = json_new_object();
	if (answer->id != NULL && *answer->id != '\0')
		json_put_str(c->taken, "id", answer->id);
	c->reused = true;
	deliver(c);
}

/* What an earlier process, or an earlier run, left in doubt. */
static void
doubt_earlier(struct call *c)
{
	struct err ignored;

	if (build(c, &ignored) == 0)
		request_release(&c->request);
	doubt(c, "an earlier request for the same had no answer");
}

static void
claim_answered(void *arg, const struct ledger_answer *answer)
{
	struct call *c = arg;

	switch (answer->verdict) {
	case LEDGER_YOURS:
		c->claimed = true;
		c->tag = mem_str(answer->tag);
		authorize(c);
		break;
	case LEDGER_MADE:
		c->claim = NULL;
		reuse(c, answer);
		break;
	case LEDGER_UNKNOWN:
		c->claimed = true;
		c->tag = mem_str(answer->tag);
		c->first_at = answer->first_at;
		c->last_at = answer->at;
		doubt_earlier(c);
		break;
	case LEDGER_BUSY:
		c->claim = NULL;
		if (c->stop) {
			interrupted(c);
			break;
		}
		c->state = PAUSING;
		loop_at(c->engine->loop, &c->timer, loop_now(c->engine->loop) + BUSY_MS,
		    claim_again, c);
		break;
	case LEDGER_ERROR:
		c->claim = NULL;
		fail(c, answer->err, "no");
		break;
	}
}

/* The options as the ledger takes them. The caller frees both. */
static struct ledger_option *
ledger_options(struct json_object *options, size_t *n)
{
	struct ledger_option *list;

	*n = 0;
	if (options == NULL)
		return NULL;
	list = mem_new((size_t)json_object_object_length(options), sizeof *list);
	json_object_object_foreach(options, name, value) list[(*n)++] =
	    (struct ledger_option){
	        name, json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN)};
	return list;
}

static void
claim(struct call *c)
{
	struct account *a = c->spec.account;
	struct ledger_ask ask = {
	    .again = c->engine->again, .clock_offset = a->clock_offset};
	struct ledger_option *options;
	struct err e;

	if (c->spec.op->repeatable) {
		authorize(c);
		return;
	}
	if (c->subject == NULL) {
		err_set(&e, CODE_INVALID_RECORD,
		    "nothing in the record tells what is asked for from anything else, so it "
		    "is not sent");
		fail(c, &e, "no");
		return;
	}
	if (!may_begin(c))
		return;
	c->state = CLAIMING;
	options = ledger_options(c->options, &ask.key.noptions);
	ask.key.options = options;
	ask.key.operation = c->spec.op->name;
	ask.key.provider = a->provider->name;
	ask.key.base = a->base_url;
	ask.key.account = a->label;
	ask.key.subject = c->subject;
	ask.key.name = c->name;
	c->claim = ledger_claim(c->engine->ledger, &ask, claim_answered, c);
	free(options);
}

static void
has_turn(void *arg, const struct err *ignored)
{
	struct call *c = arg;

	(void)ignored;
	c->has_turn = true;
	claim(c);
}

static void
started(void *arg)
{
	struct call *c = arg;
	bool exclusive = json_flag(c->spec.op->def, "/lookup/exclusive", false);

	c->state = QUEUEING;
	if (exclusive && c->spec.account->exclusive && !c->stop)
		account_take_turn(c->spec.account, &c->wait, has_turn, c);
	else
		claim(c);
}

struct call *
call_start(struct engine *engine, const struct call_spec *spec, call_fn *fn, void *arg)
{
	struct call *c = mem_new(1, sizeof *c);

	c->engine = engine;
	c->spec = *spec;
	c->spec.claim = NULL;
	c->spec.vars = json_object_get(spec->vars);
	c->fn = fn;
	c->arg = arg;
	if (spec->claim != NULL && !spec->op->repeatable) {
		c->subject = mem_str(spec->claim->subject);
		c->name = mem_str(spec->claim->name);
		c->options = json_object_get(spec->claim->options);
		c->counted = spec->claim->counted;
	}
	loop_defer(engine->loop, &c->deferred, started, c);
	return c;
}

void
call_stop(struct call *c, bool hard)
{
	c->stop = true;
	switch (c->state) {
	case CLAIMING:
		ledger_cancel(c->claim);
		c->claim = NULL;
		interrupted(c);
		break;
	case QUEUEING:
	case AUTHORIZING:
	case WAITING:
		account_cancel(&c->wait);
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
	case LOOKING:
		if (c->lookup != NULL && lookup_cancel(c->lookup)) {
			c->lookup = NULL;
			c->failure.retryable = true;
			unknown(c,
			    "stopped before the service's list was looked up; run it again");
		}
		break;
	case STARTING: /* ends by itself */
	case SETTLING:
		break;
	}
}
