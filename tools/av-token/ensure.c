#include <stdlib.h>

#include "base/mem.h"
#include "ensure.h"
#include "program/session.h"

/* A record that waits until its account is authorized. */
struct waiting {
	struct session *session;
	struct item *item;
	struct account *account;
	struct account_wait wait;
};

static void
authorized(void *arg, const struct err *e)
{
	struct waiting *w = arg;
	struct session *session = w->session;
	struct item *item = w->item;
	struct failure failure = {0};

	if (e == NULL) {
		run_done(item);
	} else {
		/* The next records of the account fail with the same reason at once. */
		failure_set(&failure, e, NULL);
		account_block(w->account, &failure);
		session_fail(session, item, &failure);
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
	err_set(&e, CODE_INTERRUPTED, "stopped before the token arrived; run it again");
	run_fail(item, &e);
}

static void
begin(void *arg, struct item *item)
{
	struct session *session = arg;
	struct account *a = session_account(session, item);
	struct waiting *w;

	if (a == NULL)
		return;
	if (a->blocked) {
		session_fail(session, item, &a->why);
		return;
	}
	w = mem_new(1, sizeof *w);
	*w = (struct waiting){.session = session, .item = item, .account = a};
	item->state = w;
	item->stop = stop;
	account_authorize(a, &w->wait, NULL, authorized, w);
}

int
ensure(const struct opt_common *common, const struct opt_usage *usage, char **operands)
{
	static const struct run_step step = {
	    .name = "token", .input = INPUT_PHOTOS, .begin = begin};
	struct session session;
	int status;

	session_open(&session, common, usage,
	    &(struct session_options){.window = (size_t)common->jobs}, &step, &session);
	status = run_records(session.run, operands);
	session_close(&session, status);
	return status;
}
