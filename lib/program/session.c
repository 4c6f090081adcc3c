#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/mem.h"
#include "base/version.h"
#include "program/session.h"

static bool
stopping(void *arg)
{
	struct session *t = arg;

	return run_stopping(t->run);
}

/* Loads each provider that was named and looks for its key. */
static void
check_providers(struct session *t)
{
	char *names = mem_str(t->common->provider), *rest = names, *name;
	struct account *a;
	struct err e;

	while (rest != NULL && (name = strsep(&rest, ",")) != NULL) {
		if (*name == '\0')
			continue;
		a = accounts_get(t->engine.accounts, name, &e);
		if (a == NULL || account_has_credentials(a, &e) < 0)
			die(EX_CONFIG, "%s", e.message);
	}
	free(names);
}

void
session_open(struct session *t, const struct opt_common *common,
    const struct opt_usage *usage, const struct session_options *options,
    const struct run_calls *calls, void *self)
{
	struct account_options account_options = {
	    .url = common->url, .url_for = common->provider, .rate = common->rate};
	struct http_options http_options = {
	    .user_agent = av_user_agent, .max_in_flight = (unsigned)common->jobs};
	struct run_options run_options = {.step = options->step,
	    .provider = common->provider,
	    .bare = options->bare,
	    .window = options->window,
	    .keep_order = common->keep_order,
	    .nul = common->nul,
	    .retry_failed = common->retry_failed,
	    .exit_zero = common->exit_zero};
	struct err e;

	if (common->url != NULL &&
	    (common->provider == NULL || strchr(common->provider, ',')))
		opt_misuse(usage, "--url needs exactly one provider (-p)");
	*t = (struct session){.common = common,
	    .usage = usage,
	    .step = options->step,
	    .ledger_file = options->ledger_file};
	t->engine.loop = loop_new();
	slots_init(&t->engine.slots, (size_t)common->jobs);
	t->paid = (struct paid_context){.engine = &t->engine, .creates_left = -1};
	t->engine.accounts = accounts_new(t->engine.loop, &account_options);
	if (options->dry_run)
		t->paid.dry_run = &t->dry_run;
	else
		check_providers(t);
	if (options->ledger) {
		t->paid.lookups = lookups_new(&t->engine);
		t->paid.ledger = ledger_open(options->ledger_file, t->engine.loop, &e);
		if (t->paid.ledger == NULL)
			die(EX_CONFIG, "%s", e.message);
	}
	t->engine.http = http_new(t->engine.loop, &http_options);
	t->run = run_new(t->engine.loop, &run_options, calls, self);
	t->engine.stopping = stopping;
	t->engine.arg = t;
}

void
session_close(struct session *t, int status)
{
	if (t->paid.dry_run != NULL)
		dry_run_report(t->paid.dry_run, run_failed(t->run));
	run_free(t->run);
	dry_run_release(&t->dry_run);
	lookups_free(t->paid.lookups);
	http_free(t->engine.http);
	ledger_free(t->paid.ledger);
	if (status < 0)
		return;
	accounts_free(t->engine.accounts);
	loop_free(t->engine.loop);
}

struct account *
session_account(struct session *t, struct item *item)
{
	const char *name = rec_str(item->rec, "provider");
	struct account *a = NULL;
	struct err e;

	if (name == NULL)
		err_set(&e, CODE_NO_PROVIDER,
		    "the record names no provider; give one with -p");
	else
		a = accounts_get(t->engine.accounts, name, &e);
	if (a == NULL) {
		t->dry_run.refused++;
		run_fail(item, &e);
	}
	return a;
}

struct ledger *
session_ledger(struct session *t)
{
	struct err e;

	if (t->paid.ledger != NULL || t->no_ledger)
		return t->paid.ledger;
	t->paid.ledger = ledger_open(t->ledger_file, t->engine.loop, &e);
	t->no_ledger = t->paid.ledger == NULL;
	if (t->no_ledger)
		warn("what fails or is gone is not noted for later runs: %s", e.message);
	return t->paid.ledger;
}

void
session_fail(struct session *t, struct item *item, const struct failure *f)
{
	t->dry_run.refused++;
	failure_put(f, item->rec, t->step);
	run_done(item);
}
