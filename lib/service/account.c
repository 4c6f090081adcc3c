#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>
#include <time.h>

#include "auth/secret.h"
#include "auth/token.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/units.h"
#include "base/utf8.h"
#include "http/http.h"
#include "http/url.h"
#include "os/pipeline.h"
#include "provider/load.h"
#include "service/account.h"
#include "service/pace.h"
#include "json/json.h"

/* How soon to look again for a slot or a turn that others have. */
#define LOOK_MS 50

/* A request that misses its send time (pace_late) gets another one. If it misses more than
 * LATE_OFTEN, it is not by chance: opening a connection may take seconds. The time that it has
 * doubles from then on. */
#define LATE_OFTEN 2
#define LATE_MAX   8

/* At 500 requests a second and more, one that is late makes no difference. */
#define FAST_MS 2

/* Shorter waits are not shown in the progress. */
#define SHOW_MS 1000

/* Each host has a descriptor of its pace open. */
#define HOSTS_KEPT 64

/* The pace of the account, or of one class of its operations, and who waits for it. */
struct lane {
	struct account_rest *rest;
	struct lane *chosen; /* itself, or the account's instead; NULL: not used yet */
	struct pace *pace;
	struct account_queue waiting;
	struct account_queue too_late; /* of them, those who give up */
	int64_t send_at;               /* of the first in waiting; 0: it has none yet */
	bool paused;                   /* until then, because the service asked for it */
	struct timer timer;
};

struct account_rest {
	struct accounts *all;
	struct account account;
	SLIST_ENTRY(account_rest) entry;
	size_t uses; /* of a host of photos */
	/* credentials */
	struct auth auth;
	struct creds creds;
	bool creds_loaded;
	struct token token;
	char *header_value;
	int64_t renew_at; /* unix seconds; 0: only when the service refuses it */
	struct account_queue for_token;
	bool renewing;
	char *rejected; /* the token that the renewal under way replaces */
	struct token new_token;
	struct err token_err; /* why the last renewal failed; CODE_NONE: it did not */
	/* pace */
	struct lane *lanes; /* one for each pace of the provider */
	struct account_queue for_turn;
	bool turn_taken;
	struct timer turn_timer;
};

struct accounts {
	struct loop *loop;
	struct account_options options;
	struct providers providers;
	SLIST_HEAD(, account_rest) list, hosts;
	size_t n_hosts;
};

static void
wait_in(struct account_queue *q, struct account *a, struct account_wait *w,
    account_fn *fn, void *arg)
{
	w->account = a;
	w->fn = fn;
	w->arg = arg;
	w->queue = q;
	TAILQ_INSERT_TAIL(q, w, entry);
}

void
account_cancel(struct account_wait *w)
{
	if (w->queue != NULL)
		TAILQ_REMOVE(w->queue, w, entry);
	w->queue = NULL;
}

/* Takes the first waiter out of a queue and calls it. */
static void
call_first(struct account_queue *q, const struct err *e)
{
	struct account_wait *w = TAILQ_FIRST(q);

	account_cancel(w);
	w->fn(w->arg, e);
}

/* The rate that the user gives: NAME_RATE_CLASS or NAME_RATE; 0: none. */
static double
rate_given(const struct provider *p, const char *of)
{
	char *suffix = of != NULL ? mem_printf("RATE_%s", of) : mem_str("RATE");
	const char *text;
	double rate = 0;

	for (char *c = suffix; *c != '\0'; c++)
		*c = (char)toupper((unsigned char)*c);
	text = provider_env(p, suffix);
	if (text != NULL && !units_rate(text, &rate)) {
		rate = 0;
		warn("%s: NAME_%s is '%s', which is no rate such as 5/s; ignored",
		    p->name, suffix, text);
	}
	free(suffix);
	return rate;
}

/* A rate that is given for the whole account holds for all its operations together. */
struct account_pace
account_pace(const struct account *a, size_t which)
{
	const struct account_options *options = &a->rest->all->options;
	const struct provider_pace *pace = &a->provider->paces[which];
	double all = options->rate > 0 ? options->rate : rate_given(a->provider, NULL);
	double given = which > 0 ? rate_given(a->provider, pace->of) : all;

	if (given <= 0 && all > 0) {
		given = all;
		pace = a->provider->paces;
	}
	return (struct account_pace){
	    .pace = pace, .rate = given > 0 ? given : pace->rate, .given = given > 0};
}

/* The lane of an operation, chosen and opened at the first use. */
static struct lane *
need_lane(struct account_rest *r, size_t which)
{
	const struct account *a = &r->account;
	struct lane *lane = &r->lanes[which];
	struct account_pace chosen;

	if (lane->chosen != NULL)
		return lane->chosen;
	chosen = account_pace(a, which);
	lane = lane->chosen = &r->lanes[chosen.pace - a->provider->paces];
	if (lane->pace == NULL)
		lane->pace = pace_open(a->provider->name, a->base_url, a->label,
		    &(struct pace_limits){.ledger = r->all->options.ledger,
		        .of = chosen.pace->of,
		        .rate = chosen.rate,
		        .burst = (unsigned)chosen.pace->burst});
	return lane;
}

static int
choose_url(struct account *a, const struct account_options *options, struct err *e)
{
	bool given = options->url != NULL && provider_is(a->provider, options->url_for);

	a->base_url = url_canonical(config_choose(given ? options->url : NULL,
	    provider_env(a->provider, "API_URL"), NULL, a->provider->base_url,
	    &a->url_from));
	return url_check(a->base_url, e);
}

static void
rest_free(struct account_rest *r)
{
	for (size_t i = 0; i < r->account.provider->n_paces; i++) {
		loop_cancel(r->all->loop, &r->lanes[i].timer);
		pace_free(r->lanes[i].pace);
	}
	free(r->lanes);
	loop_cancel(r->all->loop, &r->turn_timer);
	token_release(&r->token);
	secret_free(r->header_value);
	secret_free(r->rejected);
	if (r->creds_loaded)
		creds_release(&r->creds);
	auth_release(&r->auth);
	failure_release(&r->account.why);
	if (r->account.host)
		provider_free(r->account.provider);
	free(r->account.base_url);
	free(r);
}

static struct account_rest *
rest_new(struct accounts *all, struct provider *p)
{
	struct account_rest *r = mem_new(1, sizeof *r);

	r->all = all;
	r->account = (struct account){.provider = p, .label = "default", .rest = r};
	r->lanes = mem_new(p->n_paces, sizeof *r->lanes);
	for (size_t i = 0; i < p->n_paces; i++) {
		r->lanes[i].rest = r;
		TAILQ_INIT(&r->lanes[i].waiting);
		TAILQ_INIT(&r->lanes[i].too_late);
	}
	TAILQ_INIT(&r->for_token);
	TAILQ_INIT(&r->for_turn);
	return r;
}

static struct account *
add(struct accounts *all, struct provider *p, struct err *e)
{
	struct account_rest *r = rest_new(all, p);
	const char *exclusive = provider_env(p, "EXCLUSIVE");
	const char *of_file = provider_config(p, "account");

	r->account.exclusive = exclusive != NULL && strcmp(exclusive, "1") == 0;
	r->account.label = config_choose(NULL, provider_env(p, "ACCOUNT"),
	    of_file != NULL ? of_file : config_get("account"), "default",
	    &r->account.label_from);
	if (choose_url(&r->account, &all->options, e) < 0) {
		e->code = CODE_BAD_PROVIDER;
		rest_free(r);
		return NULL;
	}
	auth_init(&r->auth, json_at(p->def, "/auth"));
	SLIST_INSERT_HEAD(&all->list, r, entry);
	return &r->account;
}

struct accounts *
accounts_new(struct loop *loop, const struct account_options *options)
{
	struct accounts *all = mem_new(1, sizeof *all);

	all->loop = loop;
	all->options = *options;
	return all;
}

void
accounts_free(struct accounts *all)
{
	struct account_rest *r;

	while (all != NULL && (r = SLIST_FIRST(&all->list)) != NULL) {
		SLIST_REMOVE_HEAD(&all->list, entry);
		rest_free(r);
	}
	while (all != NULL && (r = SLIST_FIRST(&all->hosts)) != NULL) {
		SLIST_REMOVE_HEAD(&all->hosts, entry);
		rest_free(r);
	}
	if (all != NULL)
		providers_release(&all->providers);
	free(all);
}

static struct account *
find(struct accounts *all, const char *name)
{
	struct account_rest *r;

	SLIST_FOREACH (r, &all->list, entry)
		if (strcmp(r->account.provider->name, name) == 0)
			return &r->account;
	return NULL;
}

struct account *
accounts_get(struct accounts *all, const char *name, struct err *e)
{
	struct account *a = find(all, name);
	struct provider *p = a == NULL ? providers_get(&all->providers, name, e) : NULL;

	if (p == NULL)
		return a;
	a = find(all, p->name); /* name was an alias */
	return a != NULL ? a : add(all, p, e);
}

/* The least that describes a host. */
static struct provider *
describe_host(const char *origin)
{
	struct json_object *def = json_new_object();
	const char *host = strstr(origin, "://") + 3, *text;
	struct provider *p;
	struct err ignored;

	json_put_str(def, "name", host);
	json_put_str(def, "title", host);
	json_put_str(def, "base_url", origin);
	text = mem_checked((void *)json_object_to_json_string(def));
	p = provider_parse(text, strlen(text), host, &ignored);
	json_object_put(def);
	return p;
}

struct account *
accounts_host(struct accounts *all, const char *url)
{
	char *origin = url_origin(url);
	struct account_rest *r;

	if (origin == NULL)
		return NULL;
	SLIST_FOREACH (r, &all->hosts, entry)
		if (strcmp(r->account.base_url, origin) == 0)
			break;
	if (r == NULL) {
		r = rest_new(all, describe_host(origin));
		r->account.base_url = mem_str(origin);
		r->account.host = true;
		r->account.local = all->options.private_hosts;
		SLIST_INSERT_HEAD(&all->hosts, r, entry);
		all->n_hosts++;
	}
	r->uses++;
	free(origin);
	return &r->account;
}

void
account_leave_host(struct account *a)
{
	struct accounts *all = a->rest->all;

	if (--a->rest->uses > 0 || all->n_hosts <= HOSTS_KEPT)
		return;
	SLIST_REMOVE(&all->hosts, a->rest, account_rest, entry);
	all->n_hosts--;
	rest_free(a->rest);
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

/* Takes over a new token: sets the header's value and when to renew it. */
static void
use_token(struct account_rest *r)
{
	int64_t now = (int64_t)time(NULL), left = r->new_token.expires_at - now;
	struct buf line = {0};
	char *value;

	token_release(&r->token);
	r->token = r->new_token;
	r->new_token = (struct token){0};
	r->renew_at = r->token.expires_at == 0     ? 0
	              : left > 2 * TOKEN_MIN_VALID ? now + left - TOKEN_MIN_VALID
	                                           : now + left / 2;
	token_header(&r->auth, &r->token, &line);
	value = strchr(line.data, ' ');
	secret_free(r->header_value);
	r->header_value = mem_str(value != NULL ? value + 1 : "");
	secret_buf_release(&line);
}

/* Runs on a thread of its own, so it touches only the token members of the account. */
static void
get_token(void *arg)
{
	struct account_rest *r = arg;
	struct token_want want = {.auth = &r->auth,
	    .creds = &r->creds,
	    .rejected = r->rejected,
	    .min_valid = TOKEN_MIN_VALID};

	r->token_err.code = CODE_NONE;
	(void)token_get(&want, &r->new_token, &r->token_err);
}

static void
got_token(void *arg)
{
	struct account_rest *r = arg;
	bool failed = r->token_err.code != CODE_NONE;

	r->renewing = false;
	secret_free(r->rejected);
	r->rejected = NULL;
	if (failed)
		token_release(&r->new_token);
	else
		use_token(r);
	while (!r->renewing && !TAILQ_EMPTY(&r->for_token))
		call_first(&r->for_token, failed ? &r->token_err : NULL);
}

/* Reads the credentials at the first use. -1: no_credentials, unsafe_secret. */
static int
load_credentials(struct account_rest *r, struct err *e)
{
	const struct provider *p = r->account.provider;
	struct creds_from from = {.fd = -1,
	    .oauth = r->auth.kind == AUTH_OAUTH,
	    .aliases = json_at(p->def, "/aliases"),
	    .given = r->all->options.given};

	if (!r->creds_loaded && creds_load(&r->creds, p->name, &from, e) < 0)
		return -1;
	r->creds_loaded = true;
	auth_choose(&r->auth, &r->creds);
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
    account_fn *fn, void *arg)
{
	struct account_rest *r = a->rest;
	struct err e;

	if (r->auth.kind == AUTH_NONE) {
		fn(arg, NULL);
		return;
	}
	/* A key cannot be renewed: one retry after 401, then the account is blocked. */
	if (r->auth.kind != AUTH_OAUTH)
		rejected = NULL;
	if (!r->renewing && token_is_good(r, rejected)) {
		fn(arg, NULL);
		return;
	}
	if (load_credentials(r, &e) < 0) {
		fn(arg, &e);
		return;
	}
	wait_in(&r->for_token, a, w, fn, arg);
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

void
account_refused(const struct account *a, const char *words, struct err *e)
{
	const struct account_rest *r = a->rest;
	const struct creds *c = &r->creds;
	enum cred which = r->auth.kind == AUTH_KEY              ? r->auth.cred
	                  : c->value[CRED_ACCESS_TOKEN] != NULL ? CRED_ACCESS_TOKEN
	                                                        : CRED_CLIENT_ID;
	char *command = creds_replace_by(c, which), shown[160];

	snprintf(shown, sizeof shown, "%s", words);
	utf8_cut(shown);
	err_set(e, CODE_UNAUTHORIZED,
	    "the service does not accept %s%s from %s%s; account '%s'%s%s",
	    which == CRED_CLIENT_ID ? "the token that it issued for " : "",
	    c->used[which], c->place[which], shown, a->label,
	    command != NULL ? "; to replace it: " : "", command != NULL ? command : "");
	free(command);
}

/* The local time in ms from now. */
static const char *
local_time(int64_t ms, char text[32])
{
	time_t at = (time_t)((clock_unix_ms() + ms) / 1000);
	struct tm tm;

	if (localtime_r(&at, &tm) == NULL ||
	    strftime(text, 32, "%Y-%m-%d %H:%M:%S", &tm) == 0)
		*text = '\0';
	return text;
}

/* Shows a wait in the progress. */
static void
show_wait(const struct account *a, const char *what, int64_t ms)
{
	char at[32];

	local_time(ms, at);
	if (ms >= SHOW_MS && strlen(at) > 11)
		pipeline_wait(
		    clock_unix_ms() + ms, "%s: %s %s", a->provider->name, what, at + 11);
}

/* Tells a long wait, and again when it gets longer. */
static void
tell_wait(const struct lane *lane, const char *why, int64_t ms)
{
	struct account_rest *r = lane->rest;
	int64_t until = clock_unix_ms() + ms;
	const char *file = pace_file(lane->pace);
	char at[32];

	if (ms <= ACCOUNT_TELL_MS || until < r->account.told_until + ACCOUNT_TELL_MS)
		return;
	r->account.told_until = until;
	warn("%s: %s; nothing is sent before %s%s%s%s", r->account.provider->name, why,
	    local_time(ms, at), file != NULL ? ", as kept in '" : "",
	    file != NULL ? file : "", file != NULL ? "'" : "");
}

/* Ends waits whose deadline comes before the account may be used. The service's pause
 * concerns all; otherwise the first waits for its send time, and the rest for the first. */
static void
give_up(struct lane *lane, int64_t ms)
{
	struct loop *loop = lane->rest->all->loop;
	int64_t at = loop_now(loop) + ms;
	struct account_wait *w, *next;
	struct err e;
	char text[32];

	for (w = TAILQ_FIRST(&lane->waiting); w != NULL; w = next) {
		next = TAILQ_NEXT(w, entry);
		if (loop_deadline(loop, w->deadline, w->timeout_ms) < at) {
			account_cancel(w);
			TAILQ_INSERT_TAIL(&lane->too_late, w, entry);
			w->queue = &lane->too_late;
		} else if (!lane->paused) {
			break;
		}
	}
	err_set(&e, CODE_RATE_LIMITED,
	    "%s before %s, which is after --timeout; run it again then",
	    lane->paused ? "the service wants no request"
	                 : "the account's pace allows no request",
	    local_time(ms, text));
	while (!TAILQ_EMPTY(&lane->too_late))
		call_first(&lane->too_late, &e);
}

static void serve(void *arg);

/* Nothing can be sent for so long. */
static void
wait_for_pace(struct lane *lane, int64_t ms)
{
	struct account_rest *r = lane->rest;
	struct loop *loop = r->all->loop;

	loop_at(loop, &lane->timer, clock_monotonic_ms() + ms, serve, lane);
	show_wait(&r->account, lane->paused ? "rate limit until" : "paced until", ms);
	if (lane->paused)
		tell_wait(lane, "the service asked for a wait", ms);
	else if (r->account.told_until == 0)
		tell_wait(lane, "its requests are paced", ms);
	if (lane->paused || ms > pace_interval(lane->pace))
		give_up(lane, ms);
}

/* The time until when the first waiter may begin to send. */
static int64_t
begin_by(const struct lane *lane)
{
	unsigned late = TAILQ_FIRST(&lane->waiting)->late;
	unsigned often = late > LATE_OFTEN ? late - LATE_OFTEN : 0;

	return lane->send_at +
	       (pace_late(lane->pace) << (often < LATE_MAX ? often : LATE_MAX));
}

/* Gets a send time. Asking for it may take a while: it counts from the response. */
static void
reserve(struct lane *lane)
{
	int64_t ms = pace_reserve(lane->pace);

	lane->send_at = clock_monotonic_ms() + ms;
}

/* Calls the first waiter, whose send time has come. False: there is no slot, or a pause. */
static bool
let_go(struct lane *lane)
{
	struct account_wait *w = TAILQ_FIRST(&lane->waiting);
	int slot = pace_enter(lane->pace);

	if (slot < 0)
		return false;
	w->slot = slot;
	w->begin_by = pace_interval(lane->pace) > FAST_MS ? begin_by(lane) : 0;
	lane->send_at = 0;
	call_first(&lane->waiting, NULL);
	return true;
}

/* Calls the waiters whose send time has come, first come, first served. */
static void
serve(void *arg)
{
	struct lane *lane = arg;
	bool paced = pace_interval(lane->pace) > 0, tried;
	int64_t now, pause, ms;

	while (!TAILQ_EMPTY(&lane->waiting)) {
		now = clock_monotonic_ms();
		if (paced && lane->send_at != 0 && now > begin_by(lane))
			lane->send_at = 0; /* this process was busy or frozen */
		tried = !paced || (lane->send_at != 0 && lane->send_at <= now);
		if (tried && let_go(lane))
			continue;
		pause = pace_paused(lane->pace);
		lane->paused = pause > 0;
		if (lane->paused) { /* first, since a send time that nobody uses is lost */
			wait_for_pace(lane, pause);
			if (TAILQ_EMPTY(&lane->waiting))
				return;
		}
		if (paced && (lane->send_at == 0 ||
		                 (pause > 0 && now + pause > lane->send_at + LOOK_MS)))
			reserve(lane);
		ms = paced ? lane->send_at - clock_monotonic_ms() : 0;
		if (ms < pause)
			ms = pause;
		if (ms > 0 || tried || !let_go(lane)) {
			wait_for_pace(lane, ms > 0 ? ms : LOOK_MS);
			return;
		}
	}
}

void
account_enter(struct account *a, struct account_wait *w, account_fn *fn, void *arg)
{
	struct lane *lane = need_lane(a->rest, w->pace);
	struct loop *loop = a->rest->all->loop;
	bool first = TAILQ_EMPTY(&lane->waiting);

	wait_in(&lane->waiting, a, w, fn, arg);
	if (first && lane->timer.pos == 0)
		serve(lane);
	else if (first || lane->paused) /* the deadline may come first */
		loop_at(loop, &lane->timer, loop_now(loop), serve, lane);
}

void
account_leave(struct account_wait *w, enum account_report report)
{
	struct pace *pace = need_lane(w->account->rest, w->pace)->pace;

	if (report == ACCOUNT_OK) {
		w->account->told_retry = false;
		pace_ok(pace, w->slot);
	} else if (report == ACCOUNT_CROWDED) {
		pace_crowded(pace, w->slot);
	}
	pace_leave(pace, w->slot);
}

/* Gives the turn to the first waiter, once no other process has it. */
static void
hand_on_turn(void *arg)
{
	struct account_rest *r = arg;
	struct loop *loop = r->all->loop;

	if (r->turn_taken)
		return;
	if (TAILQ_EMPTY(&r->for_turn)) {
		pace_give_turn(r->lanes[0].pace);
	} else if (!pace_take_turn(r->lanes[0].pace)) {
		loop_at(loop, &r->turn_timer, loop_now(loop) + LOOK_MS, hand_on_turn, r);
	} else {
		r->turn_taken = true;
		call_first(&r->for_turn, NULL);
	}
}

bool
account_takes_turns(const struct account *a, const struct operation *op)
{
	return a->exclusive && json_flag(op->def, "/lookup/exclusive", false) &&
	       !json_has(op->def, "/idempotency");
}

void
account_take_turn(struct account *a, struct account_wait *w, account_fn *fn, void *arg)
{
	struct account_rest *r = a->rest;

	need_lane(r, 0);
	wait_in(&r->for_turn, a, w, fn, arg);
	if (r->turn_timer.pos == 0)
		hand_on_turn(r);
}

/* By a timer, so that many calls ending at once do not recurse. It gives other processes
 * that wait, which look every LOOK_MS, the time to be first. */
void
account_give_turn(struct account *a)
{
	struct account_rest *r = a->rest;
	struct loop *loop = r->all->loop;
	int64_t ms = pace_give_turn(r->lanes[0].pace) ? 2 * LOOK_MS : 0;

	r->turn_taken = false;
	loop_at(loop, &r->turn_timer, loop_now(loop) + ms, hand_on_turn, r);
}

void
account_pause(struct account *a, size_t pace, int64_t ms)
{
	struct lane *lane = need_lane(a->rest, pace);

	if (ms <= 0)
		return;
	pace_pause(lane->pace, ms);
	show_wait(a, "rate limit until", ms);
	tell_wait(lane, "the service asked for a wait", pace_paused(lane->pace));
}

void
account_tell_retry(struct account *a, const struct err *e, int64_t ms)
{
	char at[32];

	show_wait(a, "trying again at", ms);
	if (a->told_retry || clock_unix_ms() + ms < a->told_until + ACCOUNT_TELL_MS)
		return;
	a->told_retry = true;
	warn("%s: %s; trying again at %s", a->provider->name, e->message,
	    local_time(ms, at));
}

bool
account_may_be_local(const struct account *a)
{
	return a->local || (!a->host && strncasecmp(a->base_url, "http:", 5) == 0);
}

int
account_not_public(const struct account *a, struct err *e)
{
	if (a->host)
		return err_set(e, CODE_PRIVATE_ADDRESS,
		    "%s has a private or special address; if you trust the URL, add --allow-private",
		    a->provider->name);
	return err_set(e, CODE_URL_REFUSED,
	    "the address that the service gave is of a private or special network, and the API's is not");
}

int
account_check_url(const struct account *a, const char *url, struct err *e)
{
	if (url_check(url, e) < 0)
		return -1;
	/* url_check refuses NULL. NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker) */
	if (strncasecmp(url, "http:", 5) == 0 &&
	    strncasecmp(a->base_url, "http:", 5) != 0)
		return err_set(e, CODE_URL_REFUSED,
		    "the address that the service gave is plain http");
	if (!account_may_be_local(a) && (a->host || !url_same_origin(url, a->base_url)) &&
	    !url_may_be_public(url))
		return account_not_public(a, e);
	return 0;
}
