#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "os/out.h"
#include "program/progress.h"
#include "program/run.h"
#include "program/steps.h"
#include "json/json.h"

/* How long after the first signal reading goes on and requests in flight may end. */
#define GRACE_MS   10000
#define PARKED_MAX 10000 /* items */

/* Reading stops while more bytes of output than this wait for their reader. */
#define BACKLOG_MAX ((size_t)1 << 18)

struct run {
	struct loop *loop;
	const struct opt_common *common;
	const struct run_step *step;
	size_t window;
	void *program;
	struct input input;
	struct out out;
	/* At work, in the input's order; with keep_order also done, not yet written. */
	TAILQ_HEAD(, item) items;
	size_t held, parked; /* of items */
	size_t n_failed;     /* records written */
	struct timer grace;
	struct deferred stop; /* stops all work once the output is lost */
	bool keep_steps;      /* in the records */
	bool wants_room;      /* run_emit returned false */
	enum seat_pays pays;
	bool reading; /* stdin is watched */
	bool input_over, output_lost, over;
	bool filling;  /* in fill_window: run_done must not call it again */
	bool stopping; /* in stop_all: run_done must not free items */
	int signo;     /* the signal to die of, or 0 */
	int status;
};

static void fill_window(struct run *run);

static int
more_severe(int a, int b)
{
	static const int order[] = {
	    EX_IOERR, EX_CONFIG, EX_NOPERM, EX_TEMPFAIL, EX_DATAERR};

	for (size_t i = 0; i < sizeof order / sizeof *order; i++)
		if (a == order[i] || b == order[i])
			return order[i];
	return EX_OK;
}

/* Counts the record, writes it and frees it. passes: it had failed before it came. */
static void
write_record(struct run *run, struct rec *rec, bool passes)
{
	char code[REC_CODE];
	bool retryable, failed = rec_error(rec, code, &retryable);

	progress_wrote(rec, passes);
	if (failed)
		run->n_failed++;
	if (failed && !run->common->exit_zero)
		run->status = more_severe(
		    run->status, code_exit_status(code_find(code), retryable));
	rec_write(rec, out_buf(&run->out));
	out_added(&run->out);
	rec_free(rec);
}

static void
write_item(struct run *run, struct item *item)
{
	TAILQ_REMOVE(&run->items, item, link);
	run->held--;
	write_record(run, item->rec, item->passes);
	free(item);
}

/* Writes what is done; with keep_order only up to the first item that is at work. */
static void
write_ready(struct run *run)
{
	struct item *item, *next;

	for (item = TAILQ_FIRST(&run->items); item != NULL; item = next) {
		next = TAILQ_NEXT(item, link);
		if (item->done)
			write_item(run, item);
		else if (run->common->keep_order)
			return;
	}
}

void
run_done(struct item *item)
{
	struct run *run = item->run;
	bool keep_order = run->common->keep_order;

	if (item->begun_at != 0)
		steps_put(item->rec, run->step->name, item->begun_at, item->charges);
	run_park(item, false);
	item->done = true;
	item->stop = NULL;
	/* A record that has to wait keeps only its bytes. */
	if (run->stopping || (keep_order && item != TAILQ_FIRST(&run->items)))
		rec_slim(item->rec);
	if (run->stopping)
		return;
	if (keep_order)
		write_ready(run);
	else
		write_item(run, item);
	if (!run->filling)
		fill_window(run);
}

static bool
has_room(struct run *run)
{
	if (out_backlog(&run->out) <= BACKLOG_MAX)
		return true;
	run->wants_room = true;
	return false;
}

bool
run_emit(struct item *item, struct rec *rec)
{
	write_record(item->run, rec, false);
	return has_room(item->run);
}

bool
run_emit_text(struct item *item, const struct buf *text)
{
	struct run *run = item->run;

	if (text->len > 0) {
		buf_add(out_buf(&run->out), text->data, text->len);
		out_added(&run->out);
	}
	return has_room(run);
}

void
run_drop(struct item *item)
{
	struct run *run = item->run;

	run_park(item, false);
	TAILQ_REMOVE(&run->items, item, link);
	run->held--;
	rec_free(item->rec);
	json_object_put(item->charges);
	free(item);
	if (!run->stopping && !run->filling)
		fill_window(run);
}

void
run_read_as(struct run *run, enum input_kind kind)
{
	run->input.kind = kind;
}

void
run_keep_steps(struct run *run)
{
	run->keep_steps = true;
}

void
run_pays(struct run *run, bool once)
{
	run->pays = once ? PAYS_ONCE : PAYS_AGAIN;
}

void
run_charge(struct item *item, const struct paid_charge *charge)
{
	for (; charge != NULL; charge = charge->next)
		steps_charge(&item->charges, charge);
}

void
run_fail(struct item *item, const struct err *e)
{
	rec_fail(item->rec, item->run->step->name, e);
	run_done(item);
}

void
run_park(struct item *item, bool parked)
{
	struct run *run = item->run;

	if (item->parked == parked)
		return;
	item->parked = parked;
	run->parked += parked ? 1 : (size_t)-1;
	if (parked && !run->filling)
		fill_window(run);
}

size_t
run_failed(const struct run *run)
{
	return run->n_failed;
}

static struct item *
add_item(struct run *run, struct rec *rec)
{
	struct item *item = mem_new(1, sizeof *item);

	*item = (struct item){.rec = rec, .run = run, .since = loop_now(run->loop)};
	TAILQ_INSERT_TAIL(&run->items, item, link);
	run->held++;
	return item;
}

/* True if a failed record begins again: this program can repair it, or --retry-failed is
 * given and the record failed here and is retryable, or was settled. */
static bool
retries(struct run *run, struct rec *rec)
{
	char code[REC_CODE];
	bool retryable;

	if (run->signo != 0)
		return false;
	if (run->step->mend != NULL && run->step->mend(run->program, rec))
		return true;
	if (!run->common->retry_failed || !rec_is(rec, "error", "/step", run->step->name))
		return false;
	if (rec_error(rec, code, &retryable) && !retryable &&
	    (run->step->settled == NULL || !run->step->settled(run->program, rec)))
		return false;
	rec_remove(rec, "error");
	return true;
}

static void
start_record(struct run *run, struct rec *rec)
{
	bool failed = rec_failed(rec) && !retries(run, rec),
	     passes = failed ||
	              (run->step->skip != NULL && run->step->skip(run->program, rec));
	struct item *item;
	struct err e;

	if (!passes)
		e = run->common->bad_config;
	if (!passes && run->signo != 0)
		err_set(&e, CODE_INTERRUPTED,
		    "the run was stopped before this record was begun; run it again");
	if (!passes && e.code == CODE_NONE) {
		item = add_item(run, rec);
		item->begun_at = run->keep_steps ? clock_unix_ms() : 0;
		run->step->begin(run->program, item);
		return;
	}
	if (!passes)
		rec_fail(rec, run->step->name, &e);
	if (run->common->keep_order && !TAILQ_EMPTY(&run->items)) {
		item = add_item(run, rec);
		item->passes = failed && !run->input.refused;
		run_done(item);
	} else {
		write_record(run, rec, failed && !run->input.refused);
	}
}

/* Starts a record that names no provider once for each provider of -p. */
static void
for_each_provider(struct run *run, struct rec *rec)
{
	const struct strings *names = &run->common->providers;

	if (names->n == 0 || rec_has(rec, "provider") || rec_failed(rec)) {
		start_record(run, rec);
		return;
	}
	for (size_t i = 0; i < names->n; i++) {
		struct rec *copy = i + 1 < names->n ? rec_clone(rec) : rec;
		rec_set_str(copy, "provider", names->v[i]);
		start_record(run, copy);
	}
}

/* True if no more input should be read now. After a signal, records pass through outside
 * the window; but with keep_order they wait in memory for the work before them. */
static bool
is_full(const struct run *run)
{
	if (out_backlog(&run->out) > BACKLOG_MAX)
		return true;
	if (run->signo != 0)
		return run->common->keep_order && run->held >= run->window + PARKED_MAX;
	return run->held - run->parked >= run->window || run->parked >= PARKED_MAX;
}

static void
on_input(void *arg, int fd, uint32_t events)
{
	struct run *run = arg;

	(void)fd;
	(void)events;
	if (lines_read(&run->input.lines) < 0) {
		warn("cannot read standard input:");
		run->status = more_severe(run->status, EX_IOERR);
		run->input_over = true;
	}
	fill_window(run);
}

/* Watches stdin while there is room for more records. */
static void
watch_input(struct run *run)
{
	bool reading = !run->input_over && !is_full(run);

	if (reading == run->reading)
		return;
	run->reading = reading;
	if (reading)
		loop_watch(run->loop, STDIN_FILENO, EPOLLIN, on_input, run);
	else
		loop_unwatch(run->loop, STDIN_FILENO);
}

/* Starts records while there is room. Stops the loop when all records are written. */
static void
fill_window(struct run *run)
{
	run->filling = true;
	while (!run->input_over && !is_full(run)) {
		struct rec *rec = run->output_lost ? NULL : input_next(&run->input);
		if (rec == NULL) {
			run->input_over = run->output_lost || input_is_over(&run->input);
			break;
		}
		for_each_provider(run, rec);
	}
	run->filling = false;
	watch_input(run);
	if (!run->input_over || run->held > 0 || out_backlog(&run->out) > 0)
		return;
	run->over = true;
	loop_cancel(run->loop, &run->grace);
	progress_stop();
	loop_stop(run->loop);
}

/* Asks all items at work to stop. Items that end meanwhile are written afterwards. */
static void
stop_all(struct run *run, bool hard)
{
	struct item *item;

	run->stopping = true;
	TAILQ_FOREACH (item, &run->items, link)
		if (item->stop != NULL)
			item->stop(item, hard);
	run->stopping = false;
	write_ready(run);
	fill_window(run);
}

static void
stop_lost(void *arg)
{
	stop_all(arg, false);
}

bool
run_stopping(struct run *run)
{
	if (!run->output_lost && out_broken(&run->out)) {
		run->output_lost = true;
		loop_defer(run->loop, &run->stop, stop_lost, run);
	}
	return run->signo != 0 || run->output_lost;
}

static void
give_room(struct run *run)
{
	struct item *item, *next;

	for (item = TAILQ_FIRST(&run->items); item != NULL; item = next) {
		next = TAILQ_NEXT(item, link);
		if (item->room != NULL)
			item->room(item);
	}
}

static void
on_output_room(void *arg)
{
	struct run *run = arg;

	(void)run_stopping(run); /* stops all work if the output is lost */
	if (run->wants_room) {
		run->wants_room = false;
		give_room(run);
	}
	fill_window(run);
}

static void
on_grace_over(void *arg)
{
	struct run *run = arg;

	run->input_over = true;
	stop_all(run, true);
}

static void
on_signal(void *arg, int signo)
{
	struct run *run = arg;

	if (run->signo != 0 && signo == SIGHUP)
		return;
	if (run->signo != 0)
		run_exit(-signo);
	run->signo = signo;
	note("stopping: waiting for requests in flight; other records pass through");
	loop_at(
	    run->loop, &run->grace, loop_now(run->loop) + GRACE_MS, on_grace_over, run);
	stop_all(run, false);
}

/* Tells what progress_wrote cannot count. */
static void
fill_seat(void *arg, struct seat *seat)
{
	struct run *run = arg;
	const struct item *first = TAILQ_FIRST(&run->items);

	seat->at_work = run->held;
	seat->oldest = first != NULL ? first->since : 0;
	seat->over = run->input_over;
	seat->signo = run->signo;
	seat->pays = (int32_t)run->pays;
}

struct run *
run_new(struct loop *loop, const struct opt_common *common, const struct run_step *step,
    size_t window, void *program)
{
	struct run *run = mem_new(1, sizeof *run);

	*run = (struct run){.loop = loop,
	    .common = common,
	    .step = step,
	    .window = window,
	    .program = program};
	TAILQ_INIT(&run->items);
	input_init(&run->input, step->name, step->input, common->nul);
	run->input.csv = common->csv;
	out_init(&run->out, loop, on_output_room, run);
	progress_join(common, step->name, step->doing, fill_seat, run);
	return run;
}

void
run_free(struct run *run)
{
	loop_undefer(run->loop, &run->stop);
	out_release(&run->out);
	input_release(&run->input);
	free(run);
}

/* How many records will be begun, or -1. */
static int64_t
expected(const struct run *run)
{
	int64_t copies =
	    run->common->providers.n > 1 ? (int64_t)run->common->providers.n : 1;
	int64_t lines = progress_is_on() ? input_count(&run->input) : -1;

	/* Records of a file may name their provider. */
	return lines < 0 || (copies > 1 && run->input.operands == NULL) ? -1
	                                                                : copies * lines;
}

int
run_records(struct run *run, char **operands)
{
	if (run->common->bad_config.code != CODE_NONE)
		warn("%s", run->common->bad_config.message);
	if (operands[0] == NULL && isatty(STDIN_FILENO))
		warn("reading %s from the terminal; end with Ctrl-D; see --help",
		    run->input.kind == INPUT_PHOTOS    ? "photo paths"
		    : run->input.kind == INPUT_AVATARS ? "avatar ids"
		                                       : "ids");
	signal(SIGPIPE, SIG_IGN);
	loop_on_signal(run->loop, on_signal, run);
	run->input.operands = operands[0] != NULL ? operands : NULL;
	progress_start(run->loop, expected(run));
	fill_window(run);
	if (!run->over)
		loop_run(run->loop);
	if (out_close(&run->out) < 0 && errno == EPIPE) {
		run->signo = SIGPIPE;
	} else if (run->out.failed != 0) {
		warn("cannot write standard output: %s; %s%s", strerror(run->out.failed),
		    err_after_write(run->out.failed),
		    run->pays == PAYS_ONCE ? "; nothing is paid twice" : "");
		return EX_IOERR;
	}
	return run->signo != 0 ? -run->signo : run->status;
}

void
run_exit(int status)
{
	sigset_t all;

	progress_leave(status < 0 ? -status : 0);
	if (status >= 0)
		exit(status);
	signal(-status, SIG_DFL);
	sigfillset(&all);
	sigprocmask(SIG_UNBLOCK, &all, NULL);
	raise(-status);
	_exit(128 - status);
}
