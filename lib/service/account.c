#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "auth/auth.h"
#include "auth/secret.h"
#include "auth/token.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/units.h"
#include "http/http.h"
#include "http/url.h"
#include "provider/load.h"
#include "service/account.h"
#include "service/pace.h"
#include "json/json.h"

/* How long to look again for a place where the account is full of requests. */
#define FULL_MS 50

/* How long to look again for a turn that another process has. */
#define TURN_MS 50

/* Those who wait, in the order of asking. */
struct queue {
	struct account_wait *first, **last;
};

struct account_rest {
	struct accounts *all;
	struct account account;
	struct account_rest *next;
	/* credentials */
	struct auth auth;
	struct creds creds;
	bool creds_loaded;
	struct token token;
	char *header_value;
	int64_t renew_at; /* unix seconds; 0: never by itself */
	struct queue for_token;
	bool renewing;
	char *rejected; /* token that the renewal under way is to replace */
	struct token new_token;
	struct err token_err;
	bool token_failed;
	/* pace */
	struct pace *pace;
	struct queue for_slot;
	bool reserved; /* the first in for_slot has its time */
	struct timer timer;
	struct queue for_turn;
	bool turn_taken;
	struct deferred hand_on;
	struct timer turn_timer;
};

struct accounts {
	struct loop *loop;
	struct account_options options;
	struct account_rest *first;
};

static void
push(struct queue *q, struct account_wait *w)
{
	if (q->first == NULL)
		q->last = &q->first;
	w->next = NULL;
	w->waiting = true;
	*q->last = w;
	q->last = &w->next;
}

static struct account_wait *
pop(struct queue *q)
{
	struct account_wait *w = q->first;

	if (w != NULL) {
		q->first = w->next;
		w->waiting = false;
	}
	return w;
}

static bool
drop(struct queue *q, struct account_wait *w)
{
	for (struct account_wait **p = &q->first; *p != NULL; p = &(*p)->next) {
		if (*p != w)
			continue;
		*p = w->next;
		if (q->last == &w->next)
			q->last = p;
		w->waiting = false;
		return true;
	}
	return false;
}

static char *
without_slash(const char *url)
{
	size_t len = strlen(url);

	while (len > 0 && url[len - 1] == '/')
		len--;
	return mem_strn(url, len);
}

static void
open_pace(struct account_rest *r)
{
	struct account *a = &r->account;
	const char *env = provider_env(a->provider, "RATE");
	double rate = a->provider->rate;
	struct pace_limits limits = {.burst = (unsigned)a->provider->burst};

	if (env != NULL && !units_rate(env, &rate))
		warn("%s: NAME_RATE is '%s', which is no rate such as 5/s; ignored",
		    a->provider->name, env);
	if (r->all->options.rate > 0)
		rate = r->all->options.rate;
	limits.rate = rate;
	r->pace = pace_open(a->provider->name, a->base_url, a->label, &limits);
}

static int
choose_url(struct account *a, const char *option, struct err *e)
{
	const char *url = option != NULL ? option : provider_env(a->provider, "API_URL");

	a->base_url = without_slash(url != NULL ? url : a->provider->base_url);
	return url_check(a->base_url, e);
}

static struct account *
add(struct accounts *all, struct provider *p, struct err *e)
{
	const char *url_for = all->options.url_for;
	struct account_rest *r = mem_new(1, sizeof *r);
	struct account *a = &r->account;

	a->provider = p;
	a->rest = r;
	a->exclusive = provider_env(p, "EXCLUSIVE") != NULL &&
	               strcmp(provider_env(p, "EXCLUSIVE"), "1") == 0;
	a->label = provider_env(p, "ACCOUNT");
	if (a->label == NULL)
		a->label = "default";
	if (choose_url(a,
	        url_for != NULL && provider_is(p, url_for) ? all->options.url : NULL,
	        e) < 0) {
		e->code = CODE_BAD_PROVIDER;
		free(a->base_url);
		free(r);
		provider_free(p);
		return NULL;
	}
	r->all = all;
	auth_init(&r->auth, json_at(p->def, "/auth"));
	r->next = all->first;
	all->first = r;
	return a;
}

struct accounts *
accounts_new(struct loop *loop, const struct account_options *options)
{
	struct accounts *all = mem_new(1, sizeof *all);

	all->loop = loop;
	all->options = *options;
	return all;
}

static void
rest_free(struct account_rest *r)
{
	loop_cancel(r->all->loop, &r->timer);
	loop_cancel(r->all->loop, &r->turn_timer);
	loop_undefer(r->all->loop, &r->hand_on);
	token_release(&r->token);
	secret_free(r->header_value);
	secret_free(r->rejected);
	if (r->creds_loaded)
		creds_release(&r->creds);
	auth_release(&r->auth);
	pace_free(r->pace);
	failure_release(&r->account.why);
	provider_free(r->account.provider);
	free(r->account.base_url);
	free(r);
}

void
accounts_free(struct accounts *all)
{
	if (all == NULL)
		return;
	while (all->first != NULL) {
		struct account_rest *r = all->first;
		all->first = r->next;
		rest_free(r);
	}
	free(all);
}

struct account *
accounts_get(struct accounts *all, const char *name, struct err *e)
{
	struct provider *p;

	for (struct account_rest *r = all->first; r != NULL; r = r->next)
		if (strcmp(r->account.provider->name, name) == 0)
			return &r->account;
	p = provider_load(name, e);
	if (p == NULL)
		return NULL;
	for (struct account_rest *r = all->first; r != NULL; r = r->next)
		if (strcmp(r->account.provider->name, p->name) == 0) {
			provider_free(p);
			return &r->account;
		}
	return add(all, p, e);
}

void
account_block(struct account *a, const struct failure *f)
{
	if (a->blocked)
		return;
	a->blocked = true;
	failure_copy(&a->why, f);
	warn("%s: nothing more is sent in this run: %s", a->provider->name,
	    f->err.message);
}

/* Takes over a new token: from when on it is to be asked for again, and the header's value. */
static void
use_token(struct account_rest *r)
{
	int64_t now = (int64_t)time(NULL), left = r->new_token.expires_at - now;
	struct buf line = {0};
	char *value;

	token_release(&r->token);
	r->token = r->new_token;
	r->new_token = (struct token){0};
	r->renew_at = 0;
	if (r->token.expires_at != 0)
		r->renew_at = now + (left > 2 * TOKEN_MIN_VALID ? left - TOKEN_MIN_VALID
		                                                : left / 2);
	token_header(&r->auth, &r->token, &line);
	value = strchr(line.data, ' ');
	secret_free(r->header_value);
	r->header_value = mem_str(value != NULL ? value + 1 : "");
	explicit_bzero(line.data, line.len);
	buf_release(&line);
}

/* On a thread of its own: only this account's token members are touched. */
static void
get_token(void *arg)
{
	struct account_rest *r = arg;
	struct token_want want = {.auth = &r->auth,
	    .creds = &r->creds,
	    .rejected = r->rejected,
	    .min_valid = TOKEN_MIN_VALID};

	r->token_failed = token_get(&want, &r->new_token, &r->token_err) < 0;
}

static void
got_token(void *arg)
{
	struct account_rest *r = arg;
	struct account_wait *w;

	r->renewing = false;
	secret_free(r->rejected);
	r->rejected = NULL;
	if (r->token_failed)
		token_release(&r->new_token);
	else
		use_token(r);
	while (!r->renewing && (w = pop(&r->for_token)) != NULL)
		w->fn(w->arg, r->token_failed ? &r->token_err : NULL);
}

static int
load_creds(struct account_rest *r, struct err *e)
{
	struct creds_from from = {.fd = -1,
	    .oauth = r->auth.kind == AUTH_OAUTH,
	    .aliases = json_at(r->account.provider->def, "/aliases")};

	if (r->creds_loaded)
		return 0;
	if (creds_load(&r->creds, r->account.provider->name, &from, e) < 0)
		return -1;
	r->creds_loaded = true;
	return 0;
}

int
account_has_credentials(struct account *a, struct err *e)
{
	struct account_rest *r = a->rest;

	if (load_creds(r, e) < 0)
		return -1;
	if (r->auth.kind == AUTH_KEY && r->creds.value[CRED_API_KEY] == NULL)
		return err_set(e, CODE_NO_CREDENTIALS,
		    "%s: no key; set %s or put it into the credentials file (av-token(1))",
		    a->provider->name, r->creds.name[CRED_API_KEY]);
	return 0;
}

static bool
token_is_good(const struct account_rest *r, const char *rejected)
{
	return r->token.access_token != NULL &&
	       (r->renew_at == 0 || (int64_t)time(NULL) < r->renew_at) &&
	       (rejected == NULL || strcmp(rejected, r->header_value) != 0);
}

void
account_authorize(struct account *a, struct account_wait *w, const char *rejected,
    void (*fn)(void *arg, const struct err *e), void *arg)
{
	struct account_rest *r = a->rest;
	struct err e;

	*w = (struct account_wait){.account = a, .fn = fn, .arg = arg};
	/* A key is what it is: it is shown once more, and then it is refused for good. */
	if (r->auth.kind != AUTH_OAUTH)
		rejected = NULL;
	if (!r->renewing && token_is_good(r, rejected)) {
		fn(arg, NULL);
		return;
	}
	if (load_creds(r, &e) < 0) {
		fn(arg, &e);
		return;
	}
	push(&r->for_token, w);
	if (r->renewing)
		return;
	if (rejected != NULL && r->token.access_token != NULL &&
	    strcmp(rejected, r->header_value) == 0)
		r->rejected = mem_str(r->token.access_token);
	r->renewing = true;
	if (r->auth.kind == AUTH_OAUTH) {
		loop_work(r->all->loop, get_token, got_token, r);
	} else {
		get_token(r);
		got_token(r);
	}
}

const char *
account_header(const struct account *a, const char **name)
{
	*name = a->rest->auth.header;
	return a->rest->header_value;
}

static void serve(void *arg);

static void
later(struct account_rest *r, int64_t ms)
{
	struct loop *loop = r->all->loop;

	loop_at(loop, &r->timer, loop_now(loop) + ms, serve, r);
}

/* Lets those go whose time has come, first come, first served. */
static void
serve(void *arg)
{
	struct account_rest *r = arg;

	while (r->for_slot.first != NULL) {
		struct account_wait *w = r->for_slot.first;

		if (!r->reserved || pace_paused(r->pace)) {
			int64_t ms = pace_reserve(r->pace);
			r->reserved = true;
			if (ms > 0) {
				later(r, ms);
				return;
			}
		}
		w->slot = pace_enter(r->pace);
		if (w->slot < 0) {
			later(r, FULL_MS);
			return;
		}
		r->reserved = false;
		pop(&r->for_slot);
		w->fn(w->arg, NULL);
	}
}

void
account_enter(struct account *a, struct account_wait *w,
    void (*fn)(void *arg, const struct err *e), void *arg)
{
	struct account_rest *r = a->rest;
	bool first = r->for_slot.first == NULL;

	if (r->pace == NULL)
		open_pace(r);
	*w = (struct account_wait){.account = a, .fn = fn, .arg = arg};
	push(&r->for_slot, w);
	if (first && r->timer.pos == 0)
		serve(r);
}

void
account_leave(struct account_wait *w, enum account_report report)
{
	struct pace *pace = w->account->rest->pace;

	if (report == ACCOUNT_OK)
		pace_ok(pace, w->slot);
	else if (report == ACCOUNT_CROWDED)
		pace_crowded(pace, w->slot);
	pace_leave(pace, w->slot);
}

/* Gives the turn to the first who waits for it, once no other process has it. */
static void
hand_on_turn(void *arg)
{
	struct account_rest *r = arg;
	struct loop *loop = r->all->loop;
	struct account_wait *w;

	if (r->turn_taken)
		return;
	if (r->for_turn.first == NULL) {
		pace_give_turn(r->pace);
	} else if (!pace_take_turn(r->pace)) {
		loop_at(loop, &r->turn_timer, loop_now(loop) + TURN_MS, hand_on_turn, r);
	} else {
		r->turn_taken = true;
		w = pop(&r->for_turn);
		w->fn(w->arg, NULL);
	}
}

void
account_take_turn(struct account *a, struct account_wait *w,
    void (*fn)(void *arg, const struct err *e), void *arg)
{
	struct account_rest *r = a->rest;

	if (r->pace == NULL)
		open_pace(r);
	*w = (struct account_wait){.account = a, .fn = fn, .arg = arg};
	push(&r->for_turn, w);
	if (r->turn_timer.pos == 0)
		hand_on_turn(r);
}

/* Not at once: each of many that end without a request would else call the next. And after the
 * other processes that wait: they look less often. */
void
account_give_turn(struct account *a)
{
	struct account_rest *r = a->rest;
	struct loop *loop = r->all->loop;

	r->turn_taken = false;
	if (pace_give_turn(r->pace))
		loop_at(
		    loop, &r->turn_timer, loop_now(loop) + 2 * TURN_MS, hand_on_turn, r);
	else
		loop_defer(loop, &r->hand_on, hand_on_turn, r);
}

void
account_pause(struct account *a, int64_t ms)
{
	pace_pause(a->rest->pace, ms);
}

void
account_cancel(struct account_wait *w)
{
	struct account_rest *r;

	if (!w->waiting)
		return;
	r = w->account->rest;
	drop(&r->for_token, w);
	drop(&r->for_slot, w);
	drop(&r->for_turn, w);
}
