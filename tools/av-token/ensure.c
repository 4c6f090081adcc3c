#include <stdlib.h>

#include "base/mem.h"
#include "ensure.h"
#include "program/session.h"

/* A record that waits for its account. */
struct waiting {
	struct tool *tool;
	struct item *item;
	struct account *account;
	struct account_wait wait;
};

static bool
skip(void *self, struct rec *rec)
{
	(void)self;
	(void)rec;
	return false;
}

static void
authorized(void *arg, const struct err *e)
{
	struct waiting *w = arg;
	struct tool *tool = w->tool;
	struct item *item = w->item;
	struct failure failure = {0};

	if (e == NULL) {
		run_done(item);
	} else {
		/* the next record of the account is not made to wait for the same answer */
		failure_set(&failure, e, NULL);
		account_block(w->account, &failure);
		tool_fail(tool, item, &failure);
		failure_release(&failure);
	}
	free(w);
}

static void
stop(struct item *item, bool hard)
{
	struct waiting *w = item->state;
	struct err e;

	(void)hard;
	account_cancel(&w->wait);
	free(w);
	err_set(&e, CODE_INTERRUPTED, "stopped before the token came; run it again");
	run_fail(item, &e);
}

static void
begin(void *arg, struct item *item)
{
	struct tool *tool = arg;
	struct account *a = tool_account(tool, item);
	struct waiting *w;

	if (a == NULL)
		return;
	if (a->blocked) {
		tool_fail(tool, item, &a->why);
		return;
	}
	w = mem_new(1, sizeof *w);
	*w = (struct waiting){.tool = tool, .item = item, .account = a};
	item->state = w;
	item->stop = stop;
	account_authorize(a, &w->wait, NULL, authorized, w);
}

int
ensure(const struct opt_common *common, const struct opt_usage *usage, char **operands)
{
	static const struct run_calls calls = {.skip = skip, .begin = begin};
	struct tool tool;
	int status;

	tool_open(&tool, common, usage,
	    &(struct tool_options){
	        .step = "token", .bare = RUN_BARE_PHOTO, .window = (size_t)common->jobs},
	    &calls, &tool);
	status = run_records(tool.run, operands);
	tool_close(&tool, status);
	return status;
}
