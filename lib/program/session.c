#include <stdio.h>
#include <string.h>

#include "base/version.h"
#include "ledger/entries.h"
#include "program/session.h"
#include "program/steps.h"
#include "json/json.h"

static bool
is_stopping(void *arg)
{
	struct session *s = arg;

	return run_stopping(s->run);
}

/* Says at once that a provider of -p is unusable; its records say it too. Credentials are
 * left to the first request. */
static void
check_providers(struct session *s)
{
	const struct strings *names = &s->common->providers;
	struct err e;

	for (size_t i = 0; i < names->n; i++)
		if (accounts_get(s->engine.accounts, names->v[i], &e) == NULL)
			warn("%s", e.message);
}

static void
open_ledger(struct session *s)
{
	s->paid.ledger = ledger_open(s->ledger_file, s->engine.loop, &s->paid.no_ledger);
	s->no_ledger = s->paid.ledger == NULL;
}

/* True for a ledger of many hosts, which also has the pace of accounts. */
static bool
is_shared(const char *option)
{
	const char *name = ledger_choose(option, NULL);

	return name != NULL && ledger_is_remote(name);
}

void
session_open(struct session *s, const struct opt_common *common,
    const struct opt_usage *usage, const struct session_options *options,
    const struct run_step *step, void *program)
{
	struct account_options account_options = {.url = common->url,
	    .url_for = common->provider,
	    .rate = common->rate,
	    .private_hosts = options->private_hosts};
	size_t jobs = (size_t)common->jobs,
	       most = options->most_jobs > jobs && !common->jobs_given
	                  ? options->most_jobs
	                  : jobs;
	struct http_options http_options = {
	    .user_agent = av_user_agent, .max_in_flight = (unsigned)most};
	struct engine *engine = &s->engine;

	if (common->url != NULL &&
	    (common->provider == NULL || strchr(common->provider, ',')))
		opt_misuse(usage, "--url needs exactly one provider; add -p NAME");
	*s = (struct session){
	    .common = common, .step = step, .ledger_file = options->ledger_file};
	engine->loop = loop_new();
	s->run = run_new(engine->loop, common, step, options->window, program);
	if (!options->dry_run)
		run_keep_steps(s->run);
	slots_init(&engine->slots, jobs, most);
	TAILQ_INIT(&engine->waiting);
	s->paid = (struct paid_context){
	    .engine = engine, .again = options->again, .creates_left = -1};
	if (options->ledger || is_shared(s->ledger_file))
		open_ledger(s);
	account_options.ledger = s->paid.ledger;
	engine->accounts = accounts_new(engine->loop, &account_options);
	s->dry_run.in_flight = (size_t)common->jobs;
	if (options->dry_run)
		s->paid.dry_run = &s->dry_run;
	else
		check_providers(s);
	if (options->ledger) {
		s->paid.lookups = lookups_new(engine, options->pictures);
		s->paid.choices = choices_new(engine);
		poller_init(&s->steps, engine, common->timeout_ms, 0);
		s->steps.patient = true;
		run_pays(s->run, !options->again && ledger_lasts(s->ledger_file));
		if (s->no_ledger && common->bad_config.code == CODE_NONE)
			warn("no paid request is sent: %s", s->paid.no_ledger.message);
	}
	http_options.line_seconds = ledger_line_seconds(s->paid.ledger);
	engine->http = http_new(engine->loop, &http_options);
	engine->stopping = is_stopping;
	engine->arg = s;
}

/* The plan of a dry run: in words, or as a line of JSON where the progress is. */
static void
tell_plan(struct session *s)
{
	struct json_object *o;
	struct buf line = {0};

	if (s->common->way != PROGRESS_JSON) {
		dry_run_report(s->paid.dry_run, s->paid.ledger, run_failed(s->run));
		return;
	}
	o = json_new_object();
	json_put(
	    o, "plan", dry_run_json(&s->dry_run, s->paid.ledger, run_failed(s->run)));
	json_write(&line, o);
	(void)fprintf(stderr, "%s\n", line.data);
	buf_release(&line);
	json_object_put(o);
}

void
session_close(struct session *s, int status)
{
	if (s->paid.dry_run != NULL)
		tell_plan(s);
	run_free(s->run);
	dry_run_release(&s->dry_run);
	lookups_free(s->paid.lookups);
	choices_free(s->paid.choices);
	if (s->steps.engine != NULL)
		poller_release(&s->steps);
	http_free(s->engine.http);
	ledger_free(s->paid.ledger);
	if (status < 0)
		return;
	loop_await_work(s->engine.loop); /* a token is perhaps being fetched */
	accounts_free(s->engine.accounts);
	loop_free(s->engine.loop);
}

struct account *
session_account(struct session *s, struct item *item)
{
	const char *name = rec_str(item->rec, "provider");
	struct err e;
	struct account *a =
	    name != NULL ? accounts_get(s->engine.accounts, name, &e) : NULL;

	if (name == NULL)
		err_set(&e, CODE_NO_PROVIDER,
		    "the record names no provider; give one with -p");
	if (a == NULL) {
		s->dry_run.refused++;
		run_fail(item, &e);
	}
	return a;
}

struct ledger *
session_ledger(struct session *s)
{
	if (s->paid.ledger != NULL || s->no_ledger)
		return s->paid.ledger;
	open_ledger(s);
	if (s->no_ledger)
		warn("failed and deleted avatars are not noted for later runs: %s",
		    s->paid.no_ledger.message);
	return s->paid.ledger;
}

static bool
is_settled(void *arg, const char *key)
{
	struct err ignored;

	return ledger_is_settled(arg, key, &ignored) == 1;
}

bool
session_settled(struct session *s, struct rec *rec)
{
	const char *created = json_str(rec_get(rec, "error"), "/created");

	return created != NULL && strcmp(created, "unknown") == 0 &&
	       s->paid.ledger != NULL &&
	       steps_unknown(rec, s->step->name, is_settled, s->paid.ledger);
}

void
session_fail(struct session *s, struct item *item, const struct failure *f)
{
	s->dry_run.refused++;
	failure_put(f, item->rec, s->step->name);
	run_done(item);
}
