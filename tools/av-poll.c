/*
 * av-poll: waits until avatars, and renderings that were asked for, are ready or have failed.
 */
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "av-poll/events.h"
#include "base/mem.h"
#include "program/avatar_status.h"
#include "program/session.h"
#include "provider/request.h"
#include "service/poll.h"
#include "json/json.h"

#define TIMEOUT_MS (60 * 60 * 1000)
#define WATCH      100000

/* Without -j, as many requests in flight as bring more responses a second, up to so many. */
#define MOST_JOBS 64

struct options {
	struct opt_common common;
	int64_t watch, interval_ms;
	bool final;
	const char *ledger, *events;
};

static const struct opt table[] = {
    {0, "events", "FILE", "ask when an event of av-listen comes, or - (stdin)", OPT_STR,
        offsetof(struct options, events)},
    {0, "final", NULL, "also wait while a ready avatar is still improved", OPT_FLAG,
        offsetof(struct options, final)},
    OPT_WATCH(struct options),
    {0, "ledger", "FILE", "mark failed avatars here, or none (AV_LEDGER)",
        OPT_STR | OPT_RARE, offsetof(struct options, ledger)},
    OPT_NETWORK_JOBS(struct options, "requests in flight (4 to 64, as more are faster)"),
    OPT_COMMON(struct options),
    {0},
};

static const struct opt_usage usage = {
    .synopsis = "av-poll [options] [ID|RECORD...]",
    .about =
        "Waits until the avatars in the records are ready or have failed. It also waits\n"
        "for renderings that av-render --ask requested.",
    .examples = "  av-poll --events <(av-listen -p argil --register URL) <made.jsonl\n"
                "  av-upload -p avtr1 ann.jpg | av-poll | jq -r .avatar.status\n"
                "  av-poll -p avtr1 av_01J00000000000000000000002\n"
                "  av-poll --retry-failed --timeout 2h <done.jsonl >again.jsonl\n",
};

struct poll_tool {
	struct session session;
	struct poller poller;
	struct events events;
};

/* A record at work: polls the avatar first, then each rendering that is processing. */
struct waiting {
	struct poll_tool *self;
	struct item *item;
	struct poll poll;
	int rendering; /* index of the one watched; -1: the avatar */
};

static void next(struct waiting *p);

static bool
is_processing(struct json_object *o)
{
	const char *status = json_str(o, "/status");

	return status == NULL || strcmp(status, "processing") == 0 ||
	       strcmp(status, "needs_action") == 0;
}

/* True for a rendering that is processing, or of which only the id is known. */
static bool
is_open(struct json_object *entry)
{
	const char *status = json_str(entry, "/status");

	return status != NULL
	           ? is_processing(entry)
	           : json_str(entry, "/id") != NULL && !json_has(entry, "/file");
}

/* The first rendering, from `from` on, that is to be waited for; -1 if none is. */
static int
unsettled(struct rec *rec, int from)
{
	struct json_object *all = rec_get(rec, "renderings");
	int n = json_object_is_type(all, json_type_array)
	            ? (int)json_object_array_length(all)
	            : 0;

	for (int i = from; i < n; i++)
		if (is_open(json_object_array_get_idx(all, (size_t)i)))
			return i;
	return -1;
}

/* True for an avatar that is ready but still improved, if that is waited for. */
static bool
is_unfinished(const struct poll_tool *self, struct rec *rec)
{
	struct json_object *avatar = self->poller.final ? rec_get(rec, "avatar") : NULL;
	const char *status = json_str(avatar, "/status"),
	           *final = json_str(avatar, "/final_status");

	return status != NULL && strcmp(status, "ready") == 0 && final != NULL &&
	       strcmp(final, "processing") == 0;
}

static bool
skip(void *self, struct rec *rec)
{
	bool no_avatar = !rec_has(rec, "avatar") && rec_has(rec, "renderings");

	if (is_unfinished(self, rec))
		return false;
	return (no_avatar || (rec_is(rec, "avatar", "/id", NULL) &&
	                         (rec_is(rec, "avatar", "/status", "ready") ||
	                             rec_is(rec, "avatar", "/status", "failed")))) &&
	       (!rec_has(rec, "renderings") || unsettled(rec, 0) < 0);
}

static void
end(struct waiting *p, const struct failure *f)
{
	struct item *item = p->item;
	struct session *session = &p->self->session;

	free(p);
	if (f != NULL)
		session_fail(session, item, f);
	else
		run_done(item);
}

static struct json_object *
rendering_of(const struct waiting *p)
{
	return json_object_array_get_idx(
	    rec_get(p->item->rec, "renderings"), (size_t)p->rendering);
}

static struct json_object *
vars(void *arg)
{
	struct waiting *p = arg;
	struct rec *rec = p->item->rec;
	bool takes = json_has(p->poll.op->def, "/options");
	struct json_object *v =
	    request_vars(rec, p->poll.op, takes ? rec_get(rec, "options") : NULL);

	if (p->rendering >= 0)
		request_vars_rendering(v, "", NULL, rendering_of(p));
	rec_slim(p->item->rec);
	return v;
}

/* Polling an avatar or a rendering has ended. */
static void
settled(void *arg, const struct call_result *result)
{
	struct waiting *p = arg;
	struct rec *rec = p->item->rec;
	struct failure failure = {0};

	if (p->rendering < 0)
		status_put_avatar(
		    &p->self->session, p->poll.account, rec, result, &failure);
	else
		status_put_rendering(&p->self->session, p->poll.account, rec,
		    p->rendering, result, &failure);
	if (failure.err.code != CODE_NONE)
		end(p, &failure);
	else
		next(p);
	failure_release(&failure);
}

/* The operation that asks for the state of the present rendering, or NULL. */
static const struct operation *
asks_about_rendering(const struct waiting *p)
{
	const char *name = json_str(rendering_of(p), "/kind");
	const struct kind *kind =
	    name != NULL ? provider_kind(p->poll.account->provider, name) : NULL;

	return kind != NULL ? kind->status : NULL;
}

/* Sets by what events and lists tell that they are about this. */
static void
identify(struct waiting *p, const char *id)
{
	if (id != NULL)
		p->poll.hint.hash = hints_hash(p->poll.account->provider->name, id);
}

/* Polls the next rendering that is processing; ends the record if there is none. */
static void
next(struct waiting *p)
{
	do {
		p->rendering = unsettled(p->item->rec, p->rendering + 1);
		if (p->rendering < 0) {
			end(p, NULL);
			return;
		}
		p->poll.op = asks_about_rendering(p);
	} while (p->poll.op == NULL);
	identify(p, json_str(rendering_of(p), "/id"));
	poll_start(&p->self->poller, &p->poll, true);
}

static void
stop(struct item *item, bool hard)
{
	struct waiting *p = item->state;

	poll_stop(&p->poll, hard);
}

/* A service without states: an avatar is ready once it is made. */
static void
ready_at_once(struct waiting *p)
{
	json_put_str(rec_edit(p->item->rec, "avatar"), "status", "ready");
	next(p);
}

/* True if the avatar was made since av-listen listens: the event that it is ready cannot
 * have been missed. */
static bool
is_new(const struct waiting *p)
{
	struct json_object *steps = rec_get(p->item->rec, "steps");
	struct json_object *last = json_item(steps, json_len(steps) - 1);
	const char *at = json_str(last, "/started_at");

	const char *since = p->self->events.since;

	return since[0] != '\0' && at != NULL && strcmp(at, since) > 0 &&
	       json_has(last, "/cost") && !json_has(last, "/cost/reused");
}

/* The record waits now: keep its bytes and drop everything parsed. */
static void
poll_avatar(struct waiting *p)
{
	bool at_once = !is_new(p);

	identify(p, json_str(rec_get(p->item->rec, "avatar"), "/id"));
	rec_slim(p->item->rec);
	poll_start(&p->self->poller, &p->poll, at_once);
}

static void
begin(void *arg, struct item *item)
{
	static const struct poll_calls calls = {.vars = vars, .settled = settled};
	struct poll_tool *self = arg;
	struct account *a = session_account(&self->session, item);
	struct json_object *avatar;
	struct waiting *p;
	struct err e;

	if (a == NULL)
		return;
	avatar = rec_get(item->rec, "avatar");
	if (json_str(avatar, "/id") == NULL && unsettled(item->rec, 0) < 0) {
		err_set(&e, CODE_NO_AVATAR,
		    "the record has no avatar.id; run av-upload first");
		run_fail(item, &e);
		return;
	}
	p = mem_new(1, sizeof *p);
	*p = (struct waiting){.self = self, .item = item, .rendering = -1};
	p->poll = (struct poll){.account = a,
	    .op = provider_operation(a->provider, "status"),
	    .calls = &calls,
	    .arg = p};
	item->state = p;
	item->stop = stop;
	if (avatar == NULL || (!is_processing(avatar) && !is_unfinished(self, item->rec)))
		next(p);
	else if (p->poll.op == NULL)
		ready_at_once(p);
	else
		poll_avatar(p);
}

int
main(int argc, char *argv[])
{
	static const struct run_step step = {.name = "poll",
	    .doing = "in training",
	    .input = INPUT_AVATARS,
	    .skip = skip,
	    .begin = begin};
	struct options o = {.watch = WATCH};
	struct poll_tool self = {0};
	int first = opt_parse(argc, argv, &usage, table, &o), status;
	char **operands = argv + first;
	bool patient;
	struct err e;

	opt_common_finish(&o.common, &usage, argv, first);
	patient = o.common.timeout_ms == 0;
	if (o.common.timeout_ms == 0)
		o.common.timeout_ms = TIMEOUT_MS;
	session_open(&self.session, &o.common, &usage,
	    &(struct session_options){.window = (size_t)o.watch,
	        .most_jobs = MOST_JOBS,
	        .ledger_file = o.ledger},
	    &step, &self);
	poller_init(
	    &self.poller, &self.session.engine, o.common.timeout_ms, o.interval_ms);
	self.poller.patient = patient;
	self.poller.final = o.final;
	if (o.events != NULL && strcmp(o.events, "-") == 0 && operands[0] == NULL)
		opt_misuse(&usage, "with --events - the records are operands");
	if (o.events != NULL && events_open(&self.events, o.events, &self.poller, &e) < 0)
		die(EX_NOINPUT, "%s", e.message);
	status = run_records(self.session.run, operands);
	events_close(&self.events);
	poller_release(&self.poller);
	session_close(&self.session, status);
	run_exit(status);
}
