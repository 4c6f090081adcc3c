#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "os/lines.h"
#include "os/out.h"
#include "program/run.h"
#include "json/json.h"

/* How long a first signal lets the input go on, and what is in flight come back. */
#define GRACE_MS 10000

/* How many items may be parked. */
#define PARKED_MAX 10000

/* Reading stops while so much output waits for its reader. */
#define BACKLOG_MAX ((size_t)1 << 18)

struct run {
	struct loop *loop;
	struct run_options options;
	const struct run_calls *calls;
	void *tool;
	char **providers; /* of options.provider, NULL-terminated */
	char *provider_copy;
	struct out out;
	struct lines lines;
	char **operands; /* those to come; NULL: stdin */
	bool reading;    /* stdin is watched */
	bool input_over;
	bool filling;      /* within fill: run_done must not call it again */
	bool stopping_all; /* within stop_all: run_done must not free items */
	struct item *first,
	    *last; /* at work; with keep_order also done, in the input's order */
	size_t held, parked;
	struct timer grace;
	struct timer progress;
	size_t n_done, n_failed;
	struct deferred lost; /* the output is */
	bool output_lost, over;
	int signo; /* what the program has to die of, or 0 */
	int status;
};

/* How often progress is shown. */
#define PROGRESS_MS 200

static void fill(struct run *run);
static void output_lost(void *arg);
static void ready(void *arg, int fd, uint32_t events);

/* What to say when several things went wrong, weightiest first. */
int
run_weightier(int a, int b)
{
	static const int order[] = {
	    EX_IOERR, EX_SOFTWARE, EX_CONFIG, EX_NOPERM, EX_TEMPFAIL, EX_DATAERR};

	for (size_t i = 0; i < sizeof order / sizeof *order; i++)
		if (a == order[i] || b == order[i])
			return order[i];
	return a != 0 ? a : b;
}

/* Counts a failed record into the exit status. */
static void
count(struct run *run, struct rec *rec)
{
	struct json_object *error = rec_get(rec, "error");
	const char *name = json_str(error, "/code");
	enum code code = name != NULL ? code_find(name) : CODE_NONE;
	bool retryable = json_flag(error, "/retryable", false);

	if (error == NULL)
		return;
	run->n_failed++;
	if (!run->options.exit_zero)
		run->status =
		    run_weightier(run->status, code_exit_status(code, retryable));
}

static void
write_rec(struct run *run, struct rec *rec)
{
	count(run, rec);
	run->n_done++;
	rec_write(rec, out_buf(&run->out));
	out_added(&run->out);
}

static void
unlink_item(struct run *run, struct item *item)
{
	if (item->prev != NULL)
		item->prev->next = item->next;
	else
		run->first = item->next;
	if (item->next != NULL)
		item->next->prev = item->prev;
	else
		run->last = item->prev;
	run->held--;
	rec_free(item->rec);
	free(item);
}

/* Writes what is done and whose turn it is: the item, or with keep_order all up to the first
 * that is still at work. */
static void
release(struct run *run, struct item *item)
{
	if (!run->options.keep_order) {
		write_rec(run, item->rec);
		unlink_item(run, item);
		return;
	}
	while (run->first != NULL &&
	       run->first->done) { /* NOLINT(clang-analyzer-unix.Malloc) */
		write_rec(run, run->first->rec);
		unlink_item(run, run->first);
	}
}

void
run_done(struct item *item)
{
	struct run *run = item->run;

	run_park(item, false);
	item->done = true;
	item->stop = NULL;
	/* What cannot be written yet keeps its bytes alone. */
	if (run->stopping_all || (run->options.keep_order && item != run->first))
		rec_slim(item->rec);
	if (run->stopping_all)
		return;
	release(run, item);
	if (!run->filling)
		fill(run);
}

void
run_fail(struct item *item, const struct err *e)
{
	rec_fail(item->rec, item->run->options.step, e);
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
		fill(run);
}

bool
run_stopping(struct run *run)
{
	if (!run->output_lost && out_broken(&run->out)) {
		run->output_lost = true;
		loop_defer(run->loop, &run->lost, output_lost, run);
	}
	return run->signo != 0 || run->output_lost;
}

static struct item *
hold(struct run *run, struct rec *rec)
{
	struct item *item = mem_new(1, sizeof *item);

	item->rec = rec;
	item->run = run;
	item->prev = run->last;
	if (run->last != NULL)
		run->last->next = item;
	else
		run->first = item;
	run->last = item;
	run->held++;
	return item;
}

static void
pass(struct run *run, struct rec *rec)
{
	if (run->options.keep_order && run->first != NULL) {
		run_done(hold(run, rec));
		return;
	}
	write_rec(run, rec);
	rec_free(rec);
}

/* Takes a failed record up where the program mends it, or again where it failed here and is
 * worth it. */
static bool
take_up(struct run *run, struct rec *rec)
{
	struct json_object *error = rec_get(rec, "error");
	const char *step = json_str(error, "/step");

	if (run->calls->mend != NULL && run->signo == 0 &&
	    run->calls->mend(run->tool, rec))
		return true;
	if (!run->options.retry_failed || run->signo != 0 || step == NULL ||
	    strcmp(step, run->options.step) != 0 ||
	    !json_flag(error, "/retryable", false))
		return false;
	rec_remove(rec, "error");
	return true;
}

static void
start(struct run *run, struct rec *rec)
{
	struct err e;

	if ((rec_failed(rec) && !take_up(run, rec)) || run->calls->skip(run->tool, rec)) {
		pass(run, rec);
		return;
	}
	if (run->signo != 0) {
		err_set(&e, CODE_INTERRUPTED,
		    "stopped before this record was begun; run it again");
		rec_fail(rec, run->options.step, &e);
		pass(run, rec);
		return;
	}
	run->calls->begin(run->tool, hold(run, rec));
}

/* Fills in the provider, where it is absent, with each of those given. */
static void
fan_out(struct run *run, struct rec *rec)
{
	char **p = run->providers;

	if (p[0] == NULL || rec_has(rec, "provider") || rec_failed(rec)) {
		start(run, rec);
		return;
	}
	for (; p[1] != NULL; p++) {
		struct rec *twin = rec_clone(rec);
		rec_set_str(twin, "provider", p[0]);
		start(run, twin);
	}
	rec_set_str(rec, "provider", p[0]);
	start(run, rec);
}

/* A line that is no record, as one. */
static struct rec *
bare(struct run *run, const char *text, size_t len, struct err *e)
{
	struct rec *rec;
	char *word;

	if (run->options.bare == RUN_BARE_NONE) {
		err_set(e, CODE_INVALID_RECORD, "the line is no JSON object");
		return NULL;
	}
	if (!utf8_valid(text, len) || memchr(text, '\0', len) != NULL) {
		err_set(e, CODE_PATH_NOT_UTF8,
		    "the path is not UTF-8, so no record can hold it; rename the file");
		return NULL;
	}
	rec = rec_new();
	word = mem_strn(text, len);
	if (run->options.bare == RUN_BARE_PHOTO)
		rec_set_str(rec, "file", word);
	else
		json_put_str(rec_edit(rec, "avatar"), "id", word);
	free(word);
	return rec;
}

/* Makes a record of one line; blank lines are nothing. */
static void
take(struct run *run, const struct line *line)
{
	size_t blanks = 0;
	struct rec *rec;
	struct err e;

	while (blanks < line->len && memchr(" \t\r\n", line->text[blanks], 4) != NULL)
		blanks++;
	if (blanks == line->len)
		return;
	if (line->too_long) {
		err_set(&e, CODE_RECORD_TOO_LONG, "the line is longer than 16 MiB");
		rec = NULL;
	} else if (line->text[blanks] == '{') {
		rec = rec_parse(line->text, line->len, &e);
	} else {
		rec = bare(run, line->text, line->len, &e);
	}
	if (rec != NULL)
		fan_out(run, rec);
	else
		pass(run, rec_bad(run->options.step, line->text, line->len, &e));
}

/* The next line in memory, or operand. */
static bool
next_line(struct run *run, struct line *line)
{
	if (run->operands == NULL)
		return lines_next(&run->lines, line);
	if (*run->operands == NULL)
		return false;
	line->text = *run->operands++;
	line->len = strlen(line->text);
	line->too_long = line->len > REC_MAX;
	return true;
}

/* Whether to leave the input alone for now. After a signal records pass by what is under way, so
 * that there is room however full the window is; only with keep_order they wait for it. */
static bool
full(const struct run *run)
{
	if (out_backlog(&run->out) > BACKLOG_MAX)
		return true;
	if (run->signo != 0)
		return run->options.keep_order &&
		       run->held >= run->options.window + PARKED_MAX;
	return run->held - run->parked >= run->options.window ||
	       run->parked >= PARKED_MAX;
}

/* Counts for a person who waits: on a terminal, and only by the last program of a pipe, so that
 * one line is enough for all. */
static void
show_progress(void *arg)
{
	struct run *run = arg;

	err_status("%s: %zu done, %zu failed, %zu at work", program_invocation_short_name,
	    run->n_done, run->n_failed, run->held);
	loop_at(run->loop, &run->progress, loop_now(run->loop) + PROGRESS_MS,
	    show_progress, run);
}

static void
start_progress(struct run *run)
{
	struct stat st;

	if (err_level() >= 0 && isatty(STDERR_FILENO) && fstat(STDOUT_FILENO, &st) == 0 &&
	    S_ISREG(st.st_mode))
		loop_at(run->loop, &run->progress, loop_now(run->loop) + PROGRESS_MS,
		    show_progress, run);
}

static void
finish_if_over(struct run *run)
{
	if (run->input_over && run->held == 0 && out_backlog(&run->out) == 0) {
		run->over = true;
		loop_cancel(run->loop, &run->grace);
		loop_cancel(run->loop, &run->progress);
		err_status("%s", "");
		loop_stop(run->loop);
	}
}

static void
end_input(struct run *run)
{
	if (run->reading)
		loop_unwatch(run->loop, STDIN_FILENO);
	run->reading = false;
	run->input_over = true;
}

/* Starts work while there is room, and sees to it that more input comes. */
static void
fill(struct run *run)
{
	struct line line;

	run->filling = true;
	while (!run->input_over && !full(run)) {
		if (run->output_lost)
			end_input(run);
		else if (next_line(run, &line))
			take(run, &line);
		else if (run->operands != NULL || run->lines.eof)
			end_input(run);
		else
			break;
	}
	run->filling = false;
	if (!run->input_over && full(run) == run->reading) {
		run->reading = !run->reading;
		if (run->reading)
			loop_watch(run->loop, STDIN_FILENO, EPOLLIN, ready, run);
		else
			loop_unwatch(run->loop, STDIN_FILENO);
	}
	finish_if_over(run);
}

static void
ready(void *arg, int fd, uint32_t events)
{
	struct run *run = arg;

	(void)fd;
	(void)events;
	if (lines_read(&run->lines) < 0) {
		warn("cannot read standard input:");
		run->status = run_weightier(run->status, EX_IOERR);
		end_input(run);
	}
	fill(run);
}

/* Asks all that is at work to stop. What ends meanwhile is released afterwards. */
static void
stop_all(struct run *run, bool hard)
{
	struct item *item, *next;

	run->stopping_all = true;
	for (item = run->first; item != NULL; item = item->next)
		if (item->stop != NULL)
			item->stop(item, hard);
	run->stopping_all = false;
	for (item = run->first; item != NULL; item = next) {
		next = item->next;
		if (item->done && !run->options.keep_order)
			release(run, item);
	}
	if (run->options.keep_order)
		release(run, NULL);
}

static void
output_lost(void *arg)
{
	struct run *run = arg;

	stop_all(run, false);
	fill(run);
}

static void
has_room(void *arg)
{
	struct run *run = arg;

	(void)run_stopping(run); /* sees to it that all stops where it is lost */
	fill(run);
}

static void
grace_over(void *arg)
{
	struct run *run = arg;

	end_input(run);
	stop_all(run, true);
	fill(run);
}

static void
on_signal(void *arg, int signo)
{
	struct run *run = arg;

	if (run->signo != 0)
		run_exit(-signo);
	run->signo = signo;
	note("stopping; what is under way is finished, the rest passed on");
	loop_at(run->loop, &run->grace, loop_now(run->loop) + GRACE_MS, grace_over, run);
	stop_all(run, false);
	fill(run);
}

/* "a,b" as {"a", "b", NULL}. */
static void
split_providers(struct run *run)
{
	char *rest = run->provider_copy = mem_str(run->options.provider), *name;
	size_t n = 0;

	run->providers = mem_new(1, sizeof *run->providers);
	while (rest != NULL && (name = strsep(&rest, ",")) != NULL) {
		if (*name == '\0')
			continue;
		run->providers =
		    mem_resize(run->providers, (n + 2) * sizeof *run->providers);
		run->providers[n++] = name;
		run->providers[n] = NULL;
	}
}

struct run *
run_new(struct loop *loop, const struct run_options *options,
    const struct run_calls *calls, void *tool)
{
	struct run *run = mem_new(1, sizeof *run);

	run->loop = loop;
	run->options = *options;
	run->calls = calls;
	run->tool = tool;
	split_providers(run);
	lines_init(&run->lines, STDIN_FILENO, options->nul ? '\0' : '\n', REC_MAX);
	out_init(&run->out, loop, has_room, run);
	return run;
}

size_t
run_failed(const struct run *run)
{
	return run->n_failed;
}

void
run_free(struct run *run)
{
	if (run == NULL)
		return;
	loop_undefer(run->loop, &run->lost);
	out_release(&run->out);
	lines_release(&run->lines);
	free(run->providers);
	free(run->provider_copy);
	free(run);
}

int
run_records(struct run *run, char **operands)
{
	signal(SIGPIPE, SIG_IGN);
	loop_on_signal(run->loop, on_signal, run);
	run->operands = operands[0] != NULL ? operands : NULL;
	start_progress(run);
	fill(run);
	if (!run->over)
		loop_run(run->loop);
	if (out_close(&run->out) < 0 && errno == EPIPE) {
		run->signo = SIGPIPE;
	} else if (run->out.failed != 0) {
		errno = run->out.failed;
		warn("cannot write standard output:");
		return EX_IOERR;
	}
	return run->signo != 0 ? -run->signo : run->status;
}

void
run_exit(int status)
{
	sigset_t all;

	if (status >= 0)
		exit(status);
	signal(-status, SIG_DFL);
	sigfillset(&all);
	sigprocmask(SIG_UNBLOCK, &all, NULL);
	raise(-status);
	_exit(128 - status);
}
