#include <stdlib.h>

#include "auth/secret.h"
#include "base/backoff.h"
#include "base/mem.h"
#include "service/attempt.h"

#define RETRY_FIRST_MS 500
#define RETRY_MAX_MS   30000
#define HTTP_TIMEOUT   408
#define HTTP_LOCKED    423
#define HTTP_TOO_MANY  429
#define HTTP_BROKEN    500
#define HTTP_OVERLOAD  503

/* A warning tells of so many failures in a row; one or two are common. */
#define TELL_AFTER 3

static void
set_interrupted(struct attempt *a)
{
	struct err e;

	err_set(&e, CODE_INTERRUPTED, "stopped before this was done; run it again");
	failure_set(&a->failure, &e, a->created);
}

void
attempt_interrupt(struct attempt *a)
{
	set_interrupted(a);
	a->calls->end(a->arg);
}

/* Whether the attempt may go on; otherwise a->failure says why not. */
static bool
may_go_on(struct attempt *a)
{
	if (a->calls->check(a->arg) < 0)
		return false;
	if (!a->stop && !a->engine->stopping(a->engine->arg))
		return true;
	set_interrupted(a);
	return false;
}

static void
leave_pace(struct attempt *a, enum account_report report)
{
	if (!a->anonymous)
		account_leave(&a->wait, report);
}

static void
set_deadline(struct attempt *a)
{
	loop_deadline(a->engine->loop, a->deadline, a->timeout_ms);
}

/* True if the response says that too much is in flight. A host of photos has no
 * documented rate: we learn it so. */
static bool
is_crowded(const struct attempt *a, int status)
{
	return status == HTTP_LOCKED ||
	       (a->account->host && (status == HTTP_TOO_MANY || status == HTTP_OVERLOAD));
}

/* False if the service may have too much to do. */
static bool
went_well(const struct http_response *r)
{
	if (r->fate != HTTP_ANSWERED)
		return r->fate == HTTP_CANCELLED || r->late;
	return r->status < HTTP_BROKEN && r->status != HTTP_TIMEOUT &&
	       r->status != HTTP_LOCKED && r->status != HTTP_TOO_MANY;
}

static void begin(void *arg);

static bool
has_slot(const struct engine *engine)
{
	return slots_free(&engine->slots) && !keeper_is_full(&engine->keeper);
}

void
attempt_go_on(struct engine *engine)
{
	struct attempt *a;

	while (has_slot(engine) && (a = TAILQ_FIRST(&engine->waiting)) != NULL) {
		TAILQ_REMOVE(&engine->waiting, a, entry);
		begin(a);
	}
}

/* Gives a slot back, and begins attempts that wait for one. */
static void
return_slot(struct engine *engine, bool well)
{
	slots_return(&engine->slots, well, loop_now(engine->loop));
	attempt_go_on(engine);
}

/* The send time was over before the first byte: sent now, the request could be one too many in
 * its second. It gets another send time. */
static void
missed(struct attempt *a)
{
	struct err e;

	a->wait.late++;
	err_set(&e, CODE_RATE_LIMITED,
	    "%s: the request was late for its send time each time; run it again",
	    a->account->provider->name);
	failure_set(&a->failure, &e, a->created);
	attempt_again(a, 0);
}

static void
responded(void *arg, const struct http_response *r)
{
	struct attempt *a = arg;
	struct engine *engine = a->engine;
	bool ok = r->fate == HTTP_ANSWERED && r->status < 300, well = went_well(r);

	a->wire = NULL;
	if (!a->anonymous && !a->account->host && r->not_public)
		a->account->local = true;
	leave_pace(a, is_crowded(a, r->status) ? ACCOUNT_CROWDED
	              : ok                     ? ACCOUNT_OK
	                                       : ACCOUNT_OTHER);
	if (r->late)
		missed(a);
	else
		a->calls->responded(a->arg, r);
	/* Release the slot last: the response may have blocked the account. `a` may be
	 * freed. */
	return_slot(engine, well);
}

/* Sends the request; the caller has taken a slot. */
static void
send_now(struct attempt *a)
{
	struct http_header credentials = {0};
	struct http_request request = {0};
	struct err e;

	set_deadline(a);
	if (!a->anonymous) {
		credentials.value = account_header(a->account, &credentials.name);
		secret_free(a->sent_header);
		a->sent_header = mem_str(credentials.value);
		credentials.value = a->sent_header;
	}
	if (a->calls->build(a->arg,
	        credentials.value != NULL && *credentials.value != '\0' ? &credentials
	                                                                : NULL,
	        &request, &e) < 0) {
		leave_pace(a, ACCOUNT_OTHER);
		return_slot(a->engine, true);
		failure_set(&a->failure, &e, a->created);
		if (e.code == CODE_NETWORK) /* of the ledger, which may come back */
			attempt_back_off(a, 0);
		else
			a->calls->end(a->arg);
		return;
	}
	if (!a->anonymous)
		request.begin_by = a->wait.begin_by;
	a->state = ATTEMPT_SENDING;
	a->wire = http_send(a->engine->http, &request, responded, a);
}

/* All slots are busy. Do not reserve pace yet: a reservation that cannot be used is
 * lost. */
static void
wait_for_slot(struct attempt *a)
{
	a->state = ATTEMPT_QUEUED;
	TAILQ_INSERT_TAIL(&a->engine->waiting, a, entry);
}

/* The account's pace lets the request go, or it needs none; or its wait is too long. */
static void
paced(void *arg, const struct err *e)
{
	struct attempt *a = arg;
	bool may;

	if (e != NULL) {
		if (a->failure.err.code == CODE_NONE)
			failure_set(&a->failure, e, a->created);
		a->calls->end(a->arg);
		return;
	}
	may = may_go_on(a);
	if (may && has_slot(a->engine) &&
	    slots_take(&a->engine->slots, loop_now(a->engine->loop))) {
		send_now(a);
		return;
	}
	leave_pace(a, ACCOUNT_OTHER);
	if (may)
		wait_for_slot(a);
	else
		a->calls->end(a->arg);
}

/* The credentials are there, or cannot be had. */
static void
authorized(void *arg, const struct err *e)
{
	struct attempt *a = arg;

	if (e == NULL) {
		a->rejected = false;
		/* Before its send time, and before the ledger notes that it is sent. */
		http_open(a->engine->http);
		if (!has_slot(a->engine)) {
			wait_for_slot(a);
			return;
		}
		a->wait.deadline = a->deadline;
		a->wait.timeout_ms = a->timeout_ms;
		account_enter(a->account, &a->wait, paced, a);
		return;
	}
	failure_set(&a->failure, e, a->created);
	if (e->code == CODE_NETWORK || e->code == CODE_UNAVAILABLE ||
	    e->code == CODE_RATE_LIMITED || e->code == CODE_TOKEN_BUSY) {
		set_deadline(a);
		attempt_back_off(a, 0);
		return;
	}
	account_block(a->account, &a->failure);
	a->calls->end(a->arg);
}

static void
begin(void *arg)
{
	struct attempt *a = arg;

	if (!may_go_on(a)) {
		a->calls->end(a->arg);
	} else if (a->anonymous) {
		http_open(a->engine->http);
		paced(a, NULL);
	} else {
		a->state = ATTEMPT_IN_ACCOUNT;
		account_authorize(a->account, &a->wait,
		    a->rejected ? a->sent_header : NULL, authorized, a);
	}
}

void
attempt_start(struct attempt *a)
{
	loop_defer(a->engine->loop, &a->deferred, begin, a);
}

void
attempt_release(struct attempt *a)
{
	loop_cancel(a->engine->loop, &a->timer);
	secret_free(a->sent_header);
	failure_release(&a->failure);
}

void
attempt_again(struct attempt *a, int64_t ms)
{
	int64_t at = loop_now(a->engine->loop) + ms;

	if (*a->deadline != 0 && at > *a->deadline) {
		a->calls->end(a->arg);
	} else if (a->stop) {
		attempt_interrupt(a);
	} else {
		a->state = ATTEMPT_PAUSING;
		loop_at(a->engine->loop, &a->timer, at, begin, a);
	}
}

void
attempt_back_off(struct attempt *a, int64_t asked_ms)
{
	int64_t ms = backoff_ms(a->failed++, RETRY_FIRST_MS, RETRY_MAX_MS, arc4random());

	if (asked_ms > 0)
		ms = asked_ms;
	if ((a->failed >= TELL_AFTER || ms > ACCOUNT_TELL_MS) && !a->stop &&
	    loop_now(a->engine->loop) + ms <= *a->deadline)
		account_tell_retry(a->account, &a->failure.err, ms);
	attempt_again(a, ms);
}

bool
attempt_renew(struct attempt *a)
{
	if (a->renewed)
		return false;
	a->renewed = a->rejected = true;
	attempt_again(a, 0);
	return true;
}

void
attempt_stop(struct attempt *a, bool hard)
{
	a->stop = true;
	switch (a->state) {
	case ATTEMPT_IN_ACCOUNT:
		account_cancel(&a->wait);
		attempt_interrupt(a);
		break;
	case ATTEMPT_QUEUED:
		TAILQ_REMOVE(&a->engine->waiting, a, entry);
		attempt_interrupt(a);
		break;
	case ATTEMPT_PAUSING:
		loop_cancel(a->engine->loop, &a->timer);
		attempt_interrupt(a);
		break;
	case ATTEMPT_SENDING:
		if (hard && a->wire != NULL)
			http_cancel(a->wire);
		break;
	case ATTEMPT_STARTING: /* ends by itself */
		break;
	}
}
