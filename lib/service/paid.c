#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "os/pipeline.h"
#include "service/idempotency.h"
#include "service/match.h"
#include "service/paid.h"
#include "service/similar.h"
#include "json/json.h"

#define BUSY_MS 100

#define STEP_LASTS_MS 60000

/* Resends per run. If the list is wrong, every resend is paid, so keep it small. */
#define RESENDS 2

enum state {
	STARTING,
	QUEUEING,
	SIMILAR,
	CLAIMING,
	BUSY,
	CHOOSING,
	PREPARING,
	CALLING,
	LOOKING,
	RESENDING,
	SETTLING
};

struct paid {
	struct paid_context *context;
	struct paid_spec spec;
	call_fn *fn;
	void *arg;
	enum state state;
	bool stop;
	unsigned resends;
	bool begun;       /* counted against --max-creates */
	bool sent_before; /* with the key at hand, and its outcome is unknown */
	bool expired;     /* what was made has no id and is over: makes another one */
	struct deferred deferred;
	struct timer timer;
	struct account_wait wait;
	bool has_turn; /* of an account that makes one at a time */
	char *subject, *name, *file, *source, *sent_name, *tag, *expires_at;
	char mark[LEDGER_KEY_MARK]; /* of the request that is looked up */
	bool marked;                /* the name has its mark */
	struct idempotency key;     /* of the claimed entry */
	struct ledger_claim *claim;
	bool claimed; /* the claim is ours to settle */
	bool lost;    /* perhaps it is not any more */
	/* What a lookup has to know of the request. We own match, and tag is set when the
	 * lookup starts. */
	struct lookup_spec sought;
	struct choice *choice;
	struct call *call;
	struct lookup *lookup;
	struct similar *similar;
	struct json_object *taken, *plan;
	bool reused;
	struct paid_charge charge; /* without a key: there is none */
	struct failure failure;
};

static void claim(void *arg);

/* Tells the progress what was paid for, or reused. */
static void
count(const struct paid *p)
{
	if (p->failure.err.code != CODE_NONE || p->plan != NULL ||
	    p->spec.call.op->repeatable)
		return;
	pipeline_paid(p->spec.call.account->provider->name, p->charge.amount,
	    p->charge.unit, p->reused || p->sought.earlier);
}

static void
deliver(struct paid *p)
{
	struct call_result result = {
	    .taken = p->taken, .reused = p->reused, .plan = p->plan};

	if (p->failure.err.code != CODE_NONE)
		result.failure = &p->failure;
	p->charge.reused = p->reused;
	if (p->charge.key[0] != '\0')
		result.charge = &p->charge;
	count(p);
	if (p->has_turn)
		account_give_turn(p->spec.call.account);
	p->fn(p->arg, &result);
	json_object_put(p->spec.call.vars);
	json_object_put(p->spec.options);
	json_object_put(p->sought.match);
	json_object_put(p->taken);
	json_object_put(p->plan);
	failure_release(&p->failure);
	free(p->subject);
	free(p->name);
	free(p->file);
	free(p->source);
	free(p->sent_name);
	free(p->tag);
	free(p->expires_at);
	free(p);
}

static void
settled(void *arg, const struct ledger_answer *answer)
{
	struct paid *p = arg;

	if (answer->verdict == LEDGER_ERROR)
		warn(
		    "the ledger could not note an outcome; a later run will look it up: %s",
		    answer->err->message);
	deliver(p);
}

/* Ends it: with what was taken, or with p->failure. */
static void
finish(struct paid *p, enum ledger_outcome outcome)
{
	bool made = outcome == LEDGER_IS_MADE;
	struct json_object *data = made                           ? p->taken
	                           : outcome == LEDGER_IS_UNKNOWN ? p->sought.match
	                                                          : NULL;
	const char *id = json_str(p->taken, "/id");
	struct buf text = {0};

	p->charge.charged = made                           ? "yes"
	                    : outcome == LEDGER_IS_UNKNOWN ? "unknown"
	                                                   : "no";
	p->state = SETTLING;
	if (!p->claimed) {
		deliver(p);
		return;
	}
	p->claimed = false;
	if (data != NULL)
		json_write(&text, data);
	ledger_settle(
	    p->claim, outcome, made && id == NULL ? "" : id, text.data, settled, p);
	buf_release(&text);
}

static void
fail(struct paid *p, enum code code, const char *why)
{
	failure_release(&p->failure);
	err_set(&p->failure.err, code, "%s", why);
	p->failure.created = "no";
	finish(p, LEDGER_IS_NOT_MADE);
}

static void
interrupted(struct paid *p)
{
	fail(p, CODE_INTERRUPTED, "stopped before it was made; run it again");
}

/* Nothing tells the outcome. The message of a redirect is better than ours: it says what
 * to correct. */
static void
stay_unknown(struct paid *p, const char *why, bool retryable)
{
	bool lives = idempotency_lives(&p->key);

	if (p->failure.err.code != CODE_REDIRECTED)
		err_set(&p->failure.err, CODE_OUTCOME_UNKNOWN,
		    "the service may have done it: %s; %s", why,
		    !retryable
		        ? "it is not sent again; settle it with av-ledger, then use --retry-failed"
		    : lives
		        ? "run it again to send it again, with the same idempotency key"
		        : "it is not sent again; run it again to look it up");
	p->failure.created = "unknown";
	p->failure.retryable = retryable;
	finish(p, LEDGER_IS_UNKNOWN);
}

static int
before_send(void *arg, struct err *e)
{
	struct paid *p = arg;
	int64_t *left = &p->context->creates_left;
	bool counts = p->spec.counted && !p->begun && *left >= 0;
	int noted;

	if (counts && *left == 0)
		return err_set(
		    e, CODE_MAX_CREATES, "--max-creates is reached; nothing was sent");
	noted = ledger_sending(p->claim);
	if (noted < 0)
		return err_set(e, CODE_NETWORK, "the ledger is out of reach");
	p->lost = noted == 0;
	if (p->lost)
		return err_set(e, CODE_STATE_UNUSABLE,
		    "the ledger cannot note that a request is sent");
	if (counts)
		--*left;
	p->begun = true;
	p->sought.lost_at = 0;
	if (p->sought.sent_at == 0)
		p->sought.sent_at = clock_unix_ms();
	return 0;
}

static bool
may_send(void *arg)
{
	const struct paid *p = arg;

	return ledger_may_send(p->claim);
}

static void look_up(struct paid *p, const char *why);

/* The claim that was lost has ended: claims again, and sees what the other process did. */
static void
claim_again(void *arg, const struct ledger_answer *ignored)
{
	(void)ignored;
	claim(arg);
}

static void
called(void *arg, const struct call_result *result)
{
	struct paid *p = arg;
	const struct failure *f = result->failure;

	if (p->lost && ledger_line_seconds(p->context->ledger) > 0) {
		/* This process was frozen or cut off for longer than its lease. */
		p->lost = p->claimed = false;
		p->state = SETTLING;
		ledger_settle(p->claim, LEDGER_IS_NOT_MADE, NULL, NULL, claim_again, p);
		return;
	}

	if (f == NULL) {
		p->taken = json_object_get(result->taken);
		finish(p, LEDGER_IS_MADE);
		return;
	}
	failure_release(&p->failure);
	failure_copy(&p->failure, f);
	if (f->created == NULL || strcmp(f->created, "unknown") != 0)
		finish(p, LEDGER_IS_NOT_MADE);
	else if (idempotency_lives(&p->key) && !result->unclear &&
	         f->err.code != CODE_REDIRECTED)
		stay_unknown(p, f->err.message, true);
	else
		look_up(p, f->err.message);
}

/* Takes over what identifies the entry: its tag, and the idempotency key. */
static void
identify(struct paid *p, const struct ledger_answer *answer)
{
	struct json_object *vars = p->spec.call.vars;

	free(p->tag);
	p->tag = mem_str(answer->tag);
	idempotency_init(&p->key, p->spec.call.op, answer->tag, answer->at);
	if (p->key.key[0] != '\0')
		json_put_str(vars, "idempotency_key", p->key.key);
}

static void
call(struct paid *p)
{
	struct call_spec spec = p->spec.call;

	spec.tag = p->tag;
	spec.before_send = before_send;
	spec.may_send = may_send;
	spec.sent_before = p->sent_before;
	if (p->key.key[0] != '\0')
		spec.idempotency = &p->key;
	p->state = CALLING;
	p->call = call_start(p->context->engine, &spec, called, p);
	if (p->stop)
		call_stop(p->call, false);
}

/* Sends the request, once the owner has what it needs. */
static void
prepare(struct paid *p, bool sent_before)
{
	p->sent_before = sent_before;
	if (p->spec.prepare == NULL) {
		call(p);
		return;
	}
	p->state = PREPARING;
	p->spec.prepare(p->arg);
}

void
paid_go_on(struct paid *p, const struct failure *failure)
{
	if (failure == NULL) {
		call(p);
		return;
	}
	failure_release(&p->failure);
	failure_copy(&p->failure, failure);
	if (p->failure.created == NULL)
		p->failure.created = "no";
	if (p->sent_before)
		stay_unknown(p, failure->err.message, true);
	else
		finish(p, LEDGER_IS_NOT_MADE);
}

/* The option values are known to be right, or to be wrong. */
static void
chosen(void *arg, const struct err *e)
{
	struct paid *p = arg;
	struct engine *engine = p->context->engine;

	if (p->stop || engine->stopping(engine->arg))
		interrupted(p);
	else if (e != NULL)
		fail(p, e->code, e->message);
	else
		prepare(p, false);
}

/* Checks the option values that a list of the service can tell, then calls. */
static void
choose(struct paid *p)
{
	p->state = CHOOSING;
	p->choice = choices_check(p->context->choices, &p->spec.call, chosen, p);
}

/* Notes what the list will show, by the record as it is now. */
static void
note_match(struct paid *p)
{
	json_object_put(p->sought.match);
	p->sought.match = match_of_request(p->spec.call.op, p->spec.call.vars);
}

static void
resend(void *arg, const struct ledger_answer *answer)
{
	struct paid *p = arg;

	if (answer->verdict != LEDGER_YOURS) {
		p->claimed = false;
		fail(p, answer->err->code, answer->err->message);
		return;
	}
	if (p->spec.park != NULL)
		p->spec.park(p->arg, false);
	failure_release(&p->failure);
	note_match(p);
	identify(p, answer);
	prepare(p, false);
}

/* Proved not made: resends, if there is still time and the address is right. */
static void
absent(struct paid *p)
{
	int64_t deadline = *p->spec.call.deadline;
	bool late = deadline != 0 && loop_now(p->context->engine->loop) >= deadline;
	int status = p->failure.http_status;
	/* A status that no description lists, and that no later request changes. */
	bool refused = status >= 400 && answer_by_status(status) != OUTCOME_WAIT;

	if (status >= 200 && status < 300) {
		stay_unknown(p,
		    "it answered that it was done, but its list does not have the result",
		    false);
	} else if (refused || p->failure.err.code == CODE_REDIRECTED) {
		if (refused)
			failure_recode(&p->failure, CODE_REFUSED); /* the list agrees */
		p->failure.created = "no";
		p->failure.retryable = !refused;
		finish(p, LEDGER_IS_NOT_MADE);
	} else if (p->stop) {
		interrupted(p);
	} else if (late || p->resends == RESENDS) {
		fail(p, CODE_NETWORK,
		    "the response was lost, and the service's list shows that nothing was made; run it again");
	} else {
		p->state = RESENDING;
		p->resends++;
		ledger_resend(p->claim, p->spec.call.account->clock_offset, resend, p);
	}
}

static void
looked_up(void *arg, const struct lookup_result *result)
{
	struct paid *p = arg;

	p->claimed =
	    result->verdict == LOOKUP_ABSENT || result->verdict == LOOKUP_UNKNOWN;
	if (result->verdict == LOOKUP_FOUND) {
		p->taken = json_object_get(result->taken);
		failure_release(&p->failure);
		finish(p, LEDGER_IS_MADE);
	} else if (result->verdict == LOOKUP_ABSENT) {
		absent(p);
	} else {
		stay_unknown(p, result->why, result->retryable);
	}
}

/* True if the request carries the tag of the ledger's entry. */
static bool
is_tagged(const struct paid *p)
{
	const struct call_spec *spec = &p->spec.call;
	struct request_values values = {.base_url = spec->account->base_url,
	    .vars = spec->vars,
	    .photo = spec->photo,
	    .tag = p->tag};
	struct request request;
	struct err ignored;
	bool tagged;

	if (request_init(&request, spec->op, &values, &ignored) < 0)
		return false;
	tagged = request.tagged;
	request_release(&request);
	return tagged;
}

static int64_t
deadline(struct paid *p)
{
	return loop_deadline(
	    p->context->engine->loop, p->spec.call.deadline, p->spec.call.timeout_ms);
}

/* Looks up an unknown outcome if the service's list can tell. */
static void
look_up(struct paid *p, const char *why)
{
	bool possible;

	p->sought.tag = is_tagged(p) ? p->tag : NULL;
	p->sought.claim = p->claim;
	p->sought.deadline = deadline(p);
	p->sought.photo = p->file;
	p->sought.sha256 = p->subject;
	possible = lookup_possible(&p->sought);
	if (!possible || p->stop) {
		stay_unknown(p, why, possible);
		return;
	}
	note("%s; looking it up in the service's list", why);
	p->state = LOOKING;
	if (p->spec.park != NULL)
		p->spec.park(p->arg, true);
	ledger_claim_mark(p->claim, p->mark);
	p->lookup = lookup_start(p->context->lookups, &p->sought, looked_up, p);
}

/* What has expired was marked as gone: makes another one. */
static void
retired(void *arg, const struct ledger_answer *answer)
{
	struct paid *p = arg;

	if (answer->verdict == LEDGER_ERROR)
		fail(p, answer->err->code, answer->err->message);
	else
		claim(p);
}

static void
retire(struct paid *p, const char *id)
{
	struct account *a = p->spec.call.account;
	struct ledger_key where = {.operation = p->spec.call.op->name,
	    .provider = a->provider->name,
	    .base = a->base_url,
	    .account = a->label};

	if (*id == '\0') {
		p->expired = true;
		claim(p);
		return;
	}
	p->state = SETTLING;
	ledger_retire(p->context->ledger, &where, id, LEDGER_GONE, retired, p);
}

/* True if the service has deleted by now what expires then. What a step made has to last
 * until the request that needs it. */
static bool
is_over(const struct paid *p, const char *text)
{
	int64_t ahead = p->spec.step ? STEP_LASTS_MS : 0, at;
	bool zoned;

	return text != NULL && clock_read(text, &at, &zoned) &&
	       clock_unix_ms() + ahead + p->spec.call.account->clock_offset >= at;
}

static void
reuse(struct paid *p, const struct ledger_answer *answer)
{
	p->taken = ask_kept(answer);
	if (answer->id != NULL && is_over(p, json_str(p->taken, "/expires_at"))) {
		json_object_put(p->taken);
		p->taken = NULL;
		retire(p, answer->id);
		return;
	}
	if (p->taken == NULL)
		p->taken = json_new_object();
	if (answer->id != NULL && *answer->id != '\0')
		json_put_str(p->taken, "id", answer->id);
	p->reused = true;
	p->charge.charged = "no";
	deliver(p);
}

/* An earlier request for the same had no response: sends it again, if it has a key that the
 * service still knows; otherwise looks for what it made. */
static void
resume(struct paid *p, const struct ledger_answer *answer)
{
	ask_seek(&p->sought, answer);
	if (p->spec.call.op->repeatable) {
		prepare(p, false);
	} else if (idempotency_lives(&p->key)) {
		note(
		    "an earlier request for the same had no response; sending it again with the same idempotency key");
		prepare(p, true);
	} else {
		look_up(p, "an earlier request for the same had no response");
	}
}

static void
claim_answered(void *arg, const struct ledger_answer *answer)
{
	struct paid *p = arg;
	struct loop *loop = p->context->engine->loop;

	p->claimed = answer->verdict == LEDGER_YOURS || answer->verdict == LEDGER_UNKNOWN;
	if (p->claimed)
		identify(p, answer);
	if (p->claimed || answer->verdict == LEDGER_MADE)
		strcpy(p->charge.key, answer->key);
	switch (answer->verdict) {
	case LEDGER_YOURS:
		if (is_over(p, p->expires_at))
			fail(p, CODE_AVATAR_GONE,
			    "the service has deleted the avatar at its expires_at; upload the photo again");
		else
			choose(p);
		break;
	case LEDGER_MADE:
		reuse(p, answer);
		break;
	case LEDGER_UNKNOWN:
		resume(p, answer);
		break;
	case LEDGER_BUSY:
		p->claim = NULL;
		p->expired = false; /* that process makes another one */
		p->state = BUSY;
		pipeline_wait(
		    clock_unix_ms() + 1000, "another process makes the same avatar");
		loop_at(loop, &p->timer, loop_now(loop) + BUSY_MS, claim, p);
		break;
	case LEDGER_ERROR:
		fail(p, answer->err->code, answer->err->message);
		break;
	}
}

/* A dry run ends here. answer: of the ledger, or NULL. */
static void
plan(struct paid *p, const struct ledger_answer *answer)
{
	p->plan = dry_run_add(p->context->dry_run, p->spec.call.account, p->spec.call.op,
	    p->charge.amount, answer, p->spec.step);
	deliver(p);
}

static void
peeked(void *arg, const struct ledger_answer *answer)
{
	struct paid *p = arg;
	struct ledger_answer now = *answer;
	struct json_object *data = ask_kept(answer);

	if ((now.verdict == LEDGER_MADE && is_over(p, json_str(data, "/expires_at"))) ||
	    (now.verdict == LEDGER_UNKNOWN && p->spec.call.op->repeatable))
		now.verdict = LEDGER_YOURS;
	json_object_put(data);
	if (now.verdict == LEDGER_ERROR)
		fail(p, now.err->code, now.err->message);
	else
		plan(p, &now);
}

/* True if the request may be claimed. If not, it is ended. */
static bool
may_claim(struct paid *p)
{
	struct engine *engine = p->context->engine;
	struct account *a = p->spec.call.account;

	if (p->subject == NULL && !p->spec.ahead) {
		fail(p, CODE_INVALID_RECORD,
		    "the record has no photo, URL or id to tell this request from others");
	} else if (p->context->ledger == NULL) {
		fail(p, p->context->no_ledger.code, p->context->no_ledger.message);
	} else if (a->blocked) {
		failure_copy(&p->failure, &a->why);
		p->failure.created = "no";
		finish(p, LEDGER_IS_NOT_MADE);
	} else if (p->stop || engine->stopping(engine->arg)) {
		interrupted(p);
	} else {
		return true;
	}
	return false;
}

/* What the ledger is asked. Marks the name, once, and notes what the list will show. */
static struct ask
ask_of(struct paid *p)
{
	struct call_spec *call = &p->spec.call;
	struct ask ask = {.account = call->account,
	    .op = call->op,
	    .vars = call->vars,
	    .options = p->spec.options,
	    .subject = p->subject,
	    .name = p->name,
	    .sent_name = p->sent_name,
	    .file = p->source,
	    .unit = p->charge.unit,
	    .amount = p->charge.amount,
	    .again = p->context->again || p->expired};
	char mark[LEDGER_KEY_MARK];

	if (p->context->unique_names && !p->spec.step && !p->marked) {
		ask_mark(&ask, mark);
		request_vars_mark_name(call->vars, call->account->provider, mark);
		p->marked = true;
	}
	note_match(p);
	ask.match = p->sought.match;
	return ask;
}

static void
claim(void *arg)
{
	struct paid *p = arg;
	struct ledger *ledger = p->context->ledger;
	struct ask ask;
	struct ask_words words;

	if (!may_claim(p))
		return;
	if (p->spec.ahead) {
		p->state = SETTLING;
		plan(p, NULL);
		return;
	}
	ask = ask_of(p);
	ask_init(&words, &ask);
	if (p->context->dry_run != NULL) {
		p->state = SETTLING;
		ledger_peek(ledger, &words.ledger, peeked, p);
	} else {
		p->state = CLAIMING;
		p->claim = ledger_claim(ledger, &words.ledger, claim_answered, p);
	}
	ask_release(&words);
}

static void settle_similar(struct paid *p);

static void
similar_settled(void *arg, enum similar_verdict verdict, const struct err *e)
{
	struct paid *p = arg;

	p->similar = NULL;
	switch (verdict) {
	case SIMILAR_SETTLED:
		settle_similar(p);
		break;
	case SIMILAR_UNKNOWN:
		p->context->similar_unknown = true;
		claim(p);
		break;
	case SIMILAR_NONE:
		claim(p);
		break;
	case SIMILAR_FAILED:
		fail(p, e->code, e->message);
		break;
	}
}

/* Settles open requests that look the same in the list: once this request is lost too, the
 * list could not tell them apart. */
static void
settle_similar(struct paid *p)
{
	if (p->context->similar_unknown) {
		claim(p);
	} else if (may_claim(p)) {
		p->state = SIMILAR;
		p->similar =
		    similar_start(&(struct similar_spec){.ledger = p->context->ledger,
		                      .lookups = p->context->lookups,
		                      .ask = ask_of(p),
		                      .loop = p->context->engine->loop,
		                      .deadline = p->spec.call.deadline,
		                      .timeout_ms = p->spec.call.timeout_ms},
		        similar_settled, p);
	}
}

static void
got_turn(void *arg, const struct err *ignored)
{
	struct paid *p = arg;

	(void)ignored;
	p->has_turn = true;
	settle_similar(p);
}

static void
started(void *arg)
{
	struct paid *p = arg;
	struct account *a = p->spec.call.account;
	struct err e;

	if (option_file_resolve(p->spec.call.op, p->spec.call.vars, &e) < 0)
		fail(p, e.code, e.message);
	else if (account_takes_turns(a, p->spec.call.op) && p->context->dry_run == NULL &&
	         !p->spec.step && !p->stop) {
		p->state = QUEUEING;
		account_take_turn(a, &p->wait, got_turn, p);
	} else {
		claim(p);
	}
}

struct paid *
paid_start(
    struct paid_context *context, const struct paid_spec *spec, call_fn *fn, void *arg)
{
	struct paid *p = mem_new(1, sizeof *p);

	*p = (struct paid){.context = context,
	    .spec = *spec,
	    .fn = fn,
	    .arg = arg,
	    .subject = mem_str(spec->subject),
	    .expires_at = mem_str(spec->expires_at),
	    .name = mem_str(spec->name),
	    .file = mem_str(spec->file),
	    .source = mem_str(spec->source),
	    .sent_name = spec->step ? NULL : mem_str(json_str(spec->call.vars, "/name")),
	    .charge = {.amount = operation_cost(
	                   spec->call.op, json_member(spec->call.vars, "options")),
	        .unit = spec->call.op->unit},
	    .sought = {.account = spec->call.account,
	        .op = spec->call.op,
	        .vars = spec->call.vars,
	        .mark = p->mark}};
	json_object_get(spec->call.vars);
	json_object_get(spec->options);
	loop_defer(context->engine->loop, &p->deferred, started, p);
	return p;
}

void
paid_stop(struct paid *p, bool hard)
{
	p->stop = true;
	switch (p->state) {
	case QUEUEING:
		account_cancel(&p->wait);
		interrupted(p);
		break;
	case CLAIMING:
		ledger_cancel(p->claim);
		interrupted(p);
		break;
	case BUSY:
		loop_cancel(p->context->engine->loop, &p->timer);
		interrupted(p);
		break;
	case CHOOSING:
		choices_stop(p->choice);
		break;
	case CALLING:
		call_stop(p->call, hard);
		break;
	case LOOKING:
		if (lookup_cancel(p->lookup))
			stay_unknown(
			    p, "stopped before the service's list was looked up", true);
		break;
	case SIMILAR:
		if (similar_cancel(p->similar))
			interrupted(p);
		break;
	case STARTING: /* ends by itself, or by paid_go_on */
	case PREPARING:
	case RESENDING:
	case SETTLING:
		break;
	}
}
