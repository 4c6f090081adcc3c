/*
 * av-delete: deletes what records name: avatars, or entries of another list.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "base/utf8.h"
#include "program/avatar_status.h"
#include "program/object.h"
#include "program/operate.h"
#include "provider/target.h"
#include "json/json.h"

#define TIMEOUT_MS (10 * 60 * 1000)

struct options {
	struct opt_common common;
	struct strings given;
	const char *list, *ledger;
	bool yes, hard, dry_run;
};

static const struct opt table[] = {
    {'y', "yes", NULL, "do not ask", OPT_FLAG, offsetof(struct options, yes)},
    {0, "hard", NULL, "purge for good, where the service has two ways", OPT_FLAG,
        offsetof(struct options, hard)},
    {0, "dry-run", NULL, "delete nothing; show what would be deleted", OPT_FLAG,
        offsetof(struct options, dry_run)},
    {0, "list", "LIST", "what ids are of (avatars)", OPT_STR,
        offsetof(struct options, list)},
    {0, "ledger", "FILE", "note it in this ledger, or none (AV_LEDGER)",
        OPT_STR | OPT_RARE, offsetof(struct options, ledger)},
    OPT_NETWORK(struct options),
    OPT_COMMON(struct options),
    {0},
};

static const struct opt_usage usage = {
    .synopsis = "av-delete [options] [ID|RECORD...]",
    .about =
        "Deletes avatars, or what av-list listed, at their service. It asks first, or\n"
        "needs --yes where nobody can be asked. The ledger notes what is gone.",
    .examples =
        "  av-delete -p anam 3f1f1d3e-5a0c-4a53-9d0e-0a5d7b1c2e01\n"
        "  av-list -p anam | jq -c 'select(.avatar.created_at < \"2026-01\")' |\n"
        "      av-delete --yes\n"
        "  av-list -p argil videos -O nameSearchQuery=test | av-delete --dry-run\n",
};

enum reply { NOT_ASKED, YES, NO, STOPPED };

struct delete_tool {
	struct session session;
	struct operate operate;
	const struct options *o;
	enum reply answer;
};

/* The list that the record is of; NULL if its service has no such list. */
static const struct operation *
list_of(const struct delete_tool *self, const struct provider *p, struct rec *rec)
{
	const char *name = rec_str(rec, "list");

	if (name == NULL)
		name = self->o->list != NULL ? self->o->list : "avatars";
	return provider_operation(p, name);
}

/* Notes that what is deleted must not be reused: the entries of all operations whose results
 * are in that list. */
static void
tell_ledger(
    struct session *s, struct account *a, const struct operation *list, const char *id)
{
	const struct provider *p = a->provider;

	for (size_t i = 0; i < p->n_operations; i++) {
		const struct operation *op = &p->operations[i];
		const char *in = json_str(op->def, "/lookup/operation");

		if (!op->repeatable && ((in != NULL && strcmp(in, list->name) == 0) ||
		                           (strcmp(op->name, "create") == 0 &&
		                               strcmp(list->name, "avatars") == 0)))
			status_mark(session_ledger(s), a, op->name, id, LEDGER_GONE);
	}
}

/* True if the service no longer has it: it may have been deleted by an earlier request whose
 * response was lost. A gateway's 404, which has no JSON, does not count. */
static bool
is_gone(const struct call_result *result)
{
	int status = result->failure->http_status;

	return (status == 404 || status == 410) && result->body != NULL;
}

static void
done(struct operate *operate, struct item *item, struct account *a,
    const struct operation *op, const struct call_result *result)
{
	struct delete_tool *self = operate->arg;
	const struct failure *f = result->failure;
	const char *sort = target_needed(op);
	struct json_object *deleted;
	struct err ignored;

	if (f != NULL && !is_gone(result)) {
		session_fail(&self->session, item, f);
		return;
	}
	deleted = json_object_get(object_of(item->rec, sort, &ignored));
	tell_ledger(&self->session, a, list_of(self, a->provider, item->rec),
	    json_str(deleted, "/id"));
	json_object_put(deleted);
	object_set_status(item->rec, sort, "deleted");
	run_done(item);
}

/* Waits for a line that is typed at the terminal. False: a signal came first. It stays
 * pending, and the loop gets it. */
static bool
wait_for_line(int tty)
{
	struct pollfd fds[] = {
	    {.fd = tty, .events = POLLIN}, {.fd = -1, .events = POLLIN}};
	sigset_t signals;
	bool typed;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	fds[1].fd = signalfd(-1, &signals, SFD_CLOEXEC);
	while (poll(fds, 2, -1) < 0 && errno == EINTR)
		;
	typed = fds[1].revents == 0;
	if (fds[1].fd >= 0)
		close(fds[1].fd);
	return typed;
}

/* Asks at the terminal about the first record, and all that follow. What was typed before
 * the question is no answer to it. */
static enum reply
ask(const struct delete_tool *self, const struct account *a, struct rec *rec,
    const char *sort, const char *id)
{
	int tty = open("/dev/tty", O_RDWR | O_CLOEXEC);
	const char *name = rec_str(rec, "name");
	char line[16] = "", question[1024], shown[1024];
	bool typed;

	if (tty < 0)
		return NO;
	snprintf(question, sizeof question,
	    "%s the %s %s%.256s%s%.256s of %s (account %s)",
	    self->o->hard ? "Purge" : "Delete", sort, name != NULL ? "'" : "",
	    name != NULL ? name : "", name != NULL ? "' " : "", id, a->provider->title,
	    a->label);
	utf8_show(shown, sizeof shown, question);
	tcflush(tty, TCIFLUSH);
	dprintf(tty, "%s, and all that follow? [y/N] ", shown);
	typed = wait_for_line(tty);
	if (!typed)
		dprintf(tty, "\n");
	else if (read(tty, line, sizeof line - 1) <= 0)
		line[0] = '\0';
	close(tty);
	if (!typed)
		return STOPPED;
	return line[0] == 'y' || line[0] == 'Y' ? YES : NO;
}

/* The operation that deletes what the record is; NULL: there is none, or nobody agreed. */
static const struct operation *
choose(struct delete_tool *self, struct account *a, struct rec *rec, struct err *e)
{
	const struct operation *list = list_of(self, a->provider, rec), *op;
	struct json_object *o;

	op = list != NULL ? target_delete(a->provider, list) : NULL;
	if (op == NULL) {
		const char *name = rec_str(rec, "list");
		err_set(e, CODE_NOT_OFFERED, "%s has no way to delete %s by its API",
		    a->provider->title,
		    name != NULL            ? name
		    : self->o->list != NULL ? self->o->list
		                            : "avatars");
		return NULL;
	}
	o = object_of(rec, target_needed(op), e);
	if (o == NULL)
		return NULL;
	if (self->answer == NOT_ASKED)
		self->answer = ask(self, a, rec, target_needed(op), json_str(o, "/id"));
	if (self->answer == YES)
		return op;
	if (self->answer == STOPPED)
		err_set(e, CODE_INTERRUPTED,
		    "stopped before the question was answered; run it again");
	else
		err_set(e, CODE_NOT_CONFIRMED,
		    "not deleted: the question was not answered with yes");
	return NULL;
}

static void
begin(void *arg, struct item *item)
{
	struct delete_tool *self = arg;
	struct account *a = session_account(&self->session, item);
	const struct operation *op;
	struct err e;

	if (a == NULL)
		return;
	op = choose(self, a, item->rec, &e);
	if (op != NULL) {
		operate_start(&self->operate, item, a, op);
		return;
	}
	self->session.dry_run.refused++;
	run_fail(item, &e);
}

/* True if the record says that it was deleted. */
static bool
skip(void *arg, struct rec *rec)
{
	struct json_object *rendering = json_item(rec_get(rec, "renderings"), 0);
	const char *status = json_str(rendering, "/status");

	(void)arg;
	if (!rec_has(rec, "list"))
		return rec_is(rec, "avatar", "/status", "deleted");
	return rec_is(rec, "item", "/status", "deleted") ||
	       (status != NULL && strcmp(status, "deleted") == 0);
}

/* The operation that deletes an entry of --list, for the provider of -p; or NULL. */
static const struct operation *
usual_operation(struct delete_tool *self)
{
	const struct provider *p = operate_provider(&self->session);
	const char *list = self->o->list != NULL ? self->o->list : "avatars";
	const struct operation *op = p != NULL ? provider_operation(p, list) : NULL;

	return op != NULL ? target_delete(p, op) : NULL;
}

int
main(int argc, char *argv[])
{
	static const struct run_step step = {.name = "delete",
	    .doing = "being deleted",
	    .input = INPUT_AVATARS,
	    .skip = skip,
	    .begin = begin};
	struct options o = {0};
	struct delete_tool self = {.o = &o};
	int first = opt_parse(argc, argv, &usage, table, &o), status;

	opt_common_finish(&o.common, &usage, argv, first);
	if (o.common.timeout_ms == 0)
		o.common.timeout_ms = TIMEOUT_MS;
	if (!o.yes && !o.dry_run &&
	    (!isatty(STDERR_FILENO) || access("/dev/tty", R_OK | W_OK) < 0))
		opt_misuse(&usage,
		    "no terminal can be asked, so nothing is deleted; look at it with "
		    "--dry-run, then give --yes");
	if (o.yes || o.dry_run)
		self.answer = YES;
	if (o.hard)
		strings_add(&o.given, "hard=true");
	self.operate = (struct operate){.session = &self.session,
	    .given = &o.given,
	    .dry_run = o.dry_run,
	    .done = done,
	    .arg = &self};
	session_open(&self.session, &o.common, &usage,
	    &(struct session_options){.window = 2 * (size_t)o.common.jobs,
	        .ledger_file = o.ledger,
	        .dry_run = o.dry_run},
	    &step, &self);
	status = run_records(self.session.run, operate_operands(&self.session, &usage,
	                                           usual_operation(&self), argv + first));
	session_close(&self.session, status);
	strings_release(&o.given);
	run_exit(status);
}
