#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/failpoint.h"
#include "base/file.h"
#include "base/mem.h"
#include "provider/answer.h"
#include "provider/findings.h"
#include "service/call.h"
#include "json/json.h"

/* What a repeatable request has for its response at the deadline, where the last poll of
 * an avatar begins. */
#define LAST_MS 10000

/* A service may keep an answer that tells nothing, such as 500, with an idempotency key and
 * repeat it as long as the key lives. So many of them are enough. */
#define UNCLEAR_MAX 5

struct call {
	struct attempt attempt;
	struct call_spec spec;
	call_fn *fn;
	void *arg;
	struct request request;
	/* the result */
	struct json_object *taken, *body;
	size_t bytes;
	unsigned unclear; /* answers that did not tell the outcome */
	char *url, *next;
};

/* Ends the call: with what was taken, or with attempt.failure. */
static void
finish(struct call *c)
{
	struct failure *failure = &c->attempt.failure;

	c->fn(c->arg, &(struct call_result){.taken = c->taken,
	                  .body = c->body,
	                  .bytes = c->bytes,
	                  .findings = json_member(c->taken, "findings"),
	                  .unclear = c->unclear >= UNCLEAR_MAX,
	                  .url = c->url,
	                  .next = c->next,
	                  .failure = failure->err.code != CODE_NONE ? failure : NULL});
	attempt_release(&c->attempt);
	request_release(&c->request);
	json_object_put(c->spec.vars);
	json_object_put(c->taken);
	json_object_put(c->body);
	free(c->url);
	free(c->next);
	free(c);
}

/* No attempt follows. A service that was out of reach until the deadline is not tried
 * by every further record. */
static void
ended(void *arg)
{
	struct call *c = arg;

	if (c->attempt.failure.err.code == CODE_NETWORK && !c->spec.op->repeatable)
		account_block(c->spec.account, &c->attempt.failure);
	finish(c);
}

/* Takes over the error that the service tells, without our credentials if it repeats
 * them. */
static void
blame(struct call *c, enum code code, const char *created, const struct answer *a)
{
	const char *header = c->attempt.sent_header;
	const char *secret = header != NULL ? strrchr(header, ' ') : NULL;

	failure_answered(&c->attempt.failure, code, created, a, c->spec.account->provider,
	    secret != NULL ? secret + 1 : header);
}

/* Adds to a refusal to create that an account holds only so many avatars: services say so
 * in words of their own, or not at all. */
static void
tell_ceiling(struct call *c)
{
	struct failure *f = &c->attempt.failure;
	int64_t max = c->spec.account->provider->max_avatars;
	struct err e;

	if (max == 0 || strcmp(c->spec.op->name, "create") != 0)
		return;
	err_set(&e, f->err.code,
	    "%s; an account holds at most %jd avatars: av-list shows yours",
	    f->err.message, (intmax_t)max);
	f->err = e;
}

/* The credentials are refused for good: says which. */
static void
name_credential(struct call *c)
{
	struct failure *f = &c->attempt.failure;
	size_t len = strlen(code_info(CODE_UNAUTHORIZED)->text);
	char *words = mem_str(f->err.message + len);

	account_refused(c->spec.account, words, &f->err);
	free(words);
}

/* The service was not reached. */
static void
unreached(struct call *c, const struct http_response *r)
{
	struct err e;

	if (r->no_socket != 0) { /* retries would take what others need */
		errno = r->no_socket;
		file_too_many(&e, "cannot connect");
		failure_set(&c->attempt.failure, &e, c->attempt.created);
		finish(c);
		return;
	}
	err_set(&e, r->untrusted ? CODE_UNTRUSTED : CODE_NETWORK, "cannot reach %s: %s",
	    c->attempt.anonymous ? "the address that the service gave"
	                         : c->spec.account->base_url,
	    r->why);
	failure_set(&c->attempt.failure, &e, c->attempt.created);
	if (!r->untrusted) {
		attempt_back_off(&c->attempt, 0);
		return;
	}
	/* A repeatable call can succeed in another run, once the certificate is right. */
	c->attempt.failure.retryable = c->spec.op->repeatable;
	account_block(c->spec.account, &c->attempt.failure);
	finish(c);
}

/* The service asks to wait: obeys Retry-After, which pauses all that keeps the same
 * pace. */
static void
wait_as_told(struct call *c, const struct answer *a)
{
	struct provider *p = c->spec.account->provider;
	int64_t ms = answer_wait_ms(a, p, (int64_t)time(NULL));
	enum code code = a->status >= 200 && a->status < 300 ? CODE_BAD_ANSWER
	                 : a->status >= 500                  ? CODE_UNAVAILABLE
	                                                     : CODE_RATE_LIMITED;

	blame(c, code, c->attempt.created, a);
	if (!c->attempt.anonymous)
		account_pause(c->spec.account, c->spec.op->pace, ms);
	attempt_back_off(&c->attempt, ms);
}

/* The service may have done it, as attempt.failure says. With a key that lives, it is sent
 * again, and from now on no failure but a refusal proves that nothing was made. */
static void
unknown(struct call *c, int64_t asked_ms)
{
	const struct idempotency *key = c->spec.idempotency;

	if (key == NULL || !idempotency_lives(key) || c->unclear >= UNCLEAR_MAX) {
		finish(c);
		return;
	}
	c->attempt.created = "unknown";
	attempt_back_off(&c->attempt, asked_ms);
}

static void
redirected(struct call *c, const struct answer *a)
{
	/* 307 and 308 say that nothing was done (RFC 9110, 15.4); the others do not. */
	bool unsure = c->attempt.created != NULL && a->status != 307 && a->status != 308;
	struct err e;

	err_set(&e, CODE_REDIRECTED,
	    "the service answered %d, a redirect, which is not followed; check the base URL %s",
	    a->status, c->spec.account->base_url);
	failure_set(&c->attempt.failure, &e, unsure ? "unknown" : c->attempt.created);
	c->attempt.failure.http_status = a->status;
	c->attempt.failure.retryable = !unsure;
	finish(c);
}

/* Takes the findings of the service's own check of a photo. False: the photo did not pass,
 * and the call has ended. */
static bool
take_findings(struct call *c, const struct answer *a)
{
	const char *title = c->spec.account->provider->title;
	bool passed;
	struct json_object *found = findings_of(a, c->spec.op, &passed);
	const char *first = json_str(found, "/0/message");
	struct failure *f = &c->attempt.failure;
	struct err e;

	json_put(c->taken, "findings", found);
	if (passed)
		return true;
	err_set(&e, CODE_PHOTO_REFUSED, "%s would refuse the photo%s%s", title,
	    first != NULL ? ": " : "", first != NULL ? first : "");
	if (json_len(found) > 1)
		err_set(&e, CODE_PHOTO_REFUSED,
		    "%s would refuse the photo: %s (and %zu more)", title, first,
		    json_len(found) - 1);
	failure_set(f, &e, c->attempt.created);
	f->problems = json_object_get(found);
	json_object_put(c->taken);
	c->taken = NULL;
	finish(c);
	return false;
}

static void
succeed(struct call *c, const struct answer *a)
{
	bool known;

	c->taken = answer_taken(a, c->spec.op, &known);
	c->body = json_object_get(a->body);
	if (findings_has(c->spec.op) && !take_findings(c, a))
		return;
	if (!known && !c->spec.account->warned) {
		c->spec.account->warned = true;
		warn("%s: unknown state '%s', taken as processing",
		    c->spec.account->provider->name,
		    json_str(c->taken, "/provider_status"));
	}
	failure_release(&c->attempt.failure);
	finish(c);
}

/* Warns of a body that was mended, once for each account. */
static void
tell_odd(struct account *account, const struct answer *a)
{
	if (!account->told_odd)
		warn("%s: the response is read although it is %s",
		    account->provider->name, a->odd.message);
	account->told_odd = true;
}

/* True if an earlier attempt with the key may have taken effect. */
static bool
is_unknown(const struct call *c)
{
	return c->attempt.created != NULL && strcmp(c->attempt.created, "unknown") == 0;
}

/* Another origin knows no account of ours. */
static enum outcome
outcome_of(const struct call *c, const struct answer *a)
{
	enum outcome outcome = answer_outcome(a, c->spec.account->provider, c->spec.op);

	return c->attempt.anonymous &&
	               (outcome == OUTCOME_AUTH || outcome == OUTCOME_ACCOUNT)
	           ? OUTCOME_REFUSED
	           : outcome;
}

static void
act_on_answer(struct call *c, const struct http_response *r)
{
	const char *created = c->attempt.created;
	struct answer a;

	answer_init(&a, r, c->spec.op);
	a.vars = c->spec.vars;
	if (c->attempt.engine->look != NULL)
		c->attempt.engine->look(c->attempt.engine->arg, c->spec.op, &a);
	if (a.is_odd)
		tell_odd(c->spec.account, &a);
	switch (outcome_of(c, &a)) {
	case OUTCOME_OK:
		succeed(c, &a);
		break;
	case OUTCOME_WAIT:
		wait_as_told(c, &a);
		break;
	case OUTCOME_AUTH:
		blame(c, CODE_UNAUTHORIZED, created, &a);
		if (attempt_renew(&c->attempt))
			break;
		name_credential(c);
		account_block(c->spec.account, &c->attempt.failure);
		finish(c);
		break;
	case OUTCOME_ACCOUNT:
		blame(c, CODE_ACCOUNT_BLOCKED, created, &a);
		tell_ceiling(c);
		account_block(c->spec.account, &c->attempt.failure);
		finish(c);
		break;
	case OUTCOME_REFUSED:
		/* With a key, the service has seen what became of it before; what a
		 * gateway in front of it answers tells nothing. */
		if (is_unknown(c) && a.body == NULL) {
			c->unclear++;
			blame(c, CODE_OUTCOME_UNKNOWN, "unknown", &a);
			unknown(c, 0);
			break;
		}
		blame(c, CODE_REFUSED, created != NULL ? "no" : NULL, &a);
		if (c->spec.op->repeatable)
			c->body = json_object_get(a.body);
		finish(c);
		break;
	case OUTCOME_REDIRECTED:
		redirected(c, &a);
		break;
	case OUTCOME_UNKNOWN:
		c->unclear++;
		blame(c, CODE_OUTCOME_UNKNOWN, "unknown", &a);
		unknown(c, 0);
		break;
	case OUTCOME_IN_FLIGHT:
		blame(c, CODE_OUTCOME_UNKNOWN, "unknown", &a);
		unknown(c,
		    answer_wait_ms(&a, c->spec.account->provider, (int64_t)time(NULL)));
		break;
	}
	answer_release(&a);
}

/* Notes the server's clock offset from Date (once a second is enough). */
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

/* Notes where the next page of a list may be. */
static void
note_next(struct call *c, const struct http_response *r)
{
	free(c->url);
	free(c->next);
	c->url = mem_str(c->request.http.url);
	c->next = r->fate == HTTP_ANSWERED ? http_link_of(r, "next") : NULL;
}

static void
responded(void *arg, const struct http_response *r)
{
	struct call *c = arg;
	const struct err *unread = request_broken(&c->request, c->spec.photo);
	struct err broken = unread != NULL ? *unread : (struct err){0};
	const char *created = c->attempt.created;
	bool repeatable = c->spec.op->repeatable;
	struct err e;

	failpoint("answer");
	if (c->spec.op->pages)
		note_next(c, r);
	request_release(&c->request);
	c->bytes = r->len;
	note_date(c->spec.account, r);
	if (r->fate == HTTP_ANSWERED) {
		act_on_answer(c, r);
	} else if (c->attempt.anonymous && r->not_public) {
		account_not_public(c->attempt.account, &e);
		failure_set(&c->attempt.failure, &e, created);
		finish(c);
	} else if (!r->sent && broken.code != CODE_NONE) {
		failure_set(&c->attempt.failure, &broken, created);
		finish(c);
	} else if (r->fate == HTTP_CANCELLED && (!r->sent || repeatable)) {
		attempt_interrupt(&c->attempt);
	} else if (r->fate == HTTP_NOT_SENT || repeatable) {
		unreached(c, r);
	} else {
		err_set(&e, CODE_OUTCOME_UNKNOWN, "%s", r->why);
		failure_set(&c->attempt.failure, &e, "unknown");
		unknown(c, 0);
	}
}

/* Nothing more is sent for an account that is blocked, nor what may have been done with a
 * key that the service has forgotten. */
static int
check(void *arg)
{
	struct call *c = arg;
	const struct idempotency *key = c->spec.idempotency;
	struct err e;

	if (key != NULL && strcmp(c->attempt.created, "unknown") == 0 &&
	    !idempotency_lives(key)) {
		err_set(
		    &e, CODE_OUTCOME_UNKNOWN, "the life of its idempotency key is over");
		failure_set(&c->attempt.failure, &e, "unknown");
		return -1;
	}
	if (!c->spec.account->blocked)
		return 0;
	failure_release(&c->attempt.failure);
	failure_copy(&c->attempt.failure, &c->spec.account->why);
	c->attempt.failure.created = c->attempt.created;
	return -1;
}

static int
build(void *arg, const struct http_header *credentials, struct http_request *request,
    struct err *e)
{
	struct call *c = arg;
	struct request_values values = {.base_url = c->spec.account->base_url,
	    .url = c->spec.url,
	    .vars = c->spec.vars,
	    .photo = c->spec.photo,
	    .tag = c->spec.tag};
	int64_t left;

	request_release(&c->request); /* of an attempt that came too late */
	if (request_init(&c->request, c->spec.op, &values, e) < 0)
		return -1;
	if (c->attempt.anonymous) {
		if (account_check_url(c->spec.account, c->request.http.url, e) < 0)
			return -1;
		c->request.http.public_only = !account_may_be_local(c->spec.account);
	}
	if (credentials != NULL)
		request_header(&c->request, credentials->name, credentials->value);
	if (c->spec.before_send != NULL && c->spec.before_send(c->arg, e) < 0)
		return -1;
	failpoint("send");
	c->request.http.may_send = c->spec.may_send;
	c->request.http.may_send_arg = c->arg;
	*request = c->request.http;
	/* The outcome of a paid request is worth waiting for. */
	left = *c->spec.deadline - loop_now(c->attempt.engine->loop);
	if (c->spec.op->repeatable)
		request->answer_ms = left > LAST_MS ? left : LAST_MS;
	return 0;
}

struct call *
call_start(struct engine *engine, const struct call_spec *spec, call_fn *fn, void *arg)
{
	static const struct attempt_calls calls = {check, build, responded, ended};
	struct call *c = mem_new(1, sizeof *c);

	*c = (struct call){.spec = *spec,
	    .fn = fn,
	    .arg = arg,
	    .attempt = {.calls = &calls,
	        .arg = c,
	        .engine = engine,
	        .account = spec->account,
	        .anonymous = operation_is_elsewhere(spec->op),
	        .created = spec->op->repeatable ? NULL
	                   : spec->sent_before  ? "unknown"
	                                        : "no",
	        .deadline = spec->deadline,
	        .wait = {.pace = spec->op->pace},
	        .timeout_ms = spec->timeout_ms}};
	json_object_get(spec->vars);
	attempt_start(&c->attempt);
	return c;
}

void
call_stop(struct call *c, bool hard)
{
	attempt_stop(&c->attempt, hard);
}
