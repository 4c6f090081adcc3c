#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "program/block.h"
#include "program/progress.h"
#include "program/receipt.h"
#include "json/json.h"

#define TICK_MS   200
#define JSON_MS   1000
#define PLAIN_MS  10000
#define LONG_MS   600000 /* from then on, a plain line in a minute is enough */
#define SCRIPT_MS 10000  /* a pipe within a script gets a receipt from then on */

/* The rate is that of the last seconds. */
#define SAMPLES     16
#define SAMPLE_MS   1000
#define RATE_MIN_MS 2000

/* How to show progress, in seat.how: as opt_progress has it, and these. What is above
 * PROGRESS_AUTO was asked for. */
enum { HOW_QUIET = PROGRESS_WAYS, HOW_BLOCK };

/* In seat.flags. */
enum {
	FLAG_SUMMARY = 1,
	FLAG_JOB = 2,   /* the pipe is a process group of its own */
	FLAG_TYPED = 4, /* records are typed at the terminal */
};

/* What a line of the block had done at some times. */
struct history {
	char step[16];
	int32_t level;
	size_t n; /* samples */
	struct {
		int64_t at;
		uint64_t done;
	} samples[SAMPLES];
};

static struct {
	struct loop *loop; /* NULL: not started, or stopped */
	struct timer timer;
	void (*fill)(void *arg, struct seat *seat);
	void *arg;
	int how;
	bool terminal; /* stderr is one */
	bool moves;    /* and its cursor may be moved */
	unsigned ticks;
	int64_t periods; /* of JSON or plain lines, that were shown */
	struct seat lines[PIPELINE_SEATS];
	struct view views[PIPELINE_SEATS];
	struct history histories[PIPELINE_SEATS];
} * own;

/* Without a terminal: what this program alone tells of the records that failed here. NULL:
 * it tells nothing. */
static struct {
	struct seat seat;
	char subject[256]; /* the photo or avatar that failed first */
} * alone;

/* True if the terminal can move its cursor, and the user wants that. */
static bool
can_move(void)
{
	const char *term = getenv("TERM"), *accessible = getenv("AV_ACCESSIBLE");

	return term != NULL && *term != '\0' && strcmp(term, "dumb") != 0 &&
	       (accessible == NULL || *accessible == '\0');
}

/* False if the shell has put the pipe into the background. */
static bool
in_foreground(void)
{
	pid_t group = tcgetpgrp(STDERR_FILENO);

	return group == getpgrp() || (group < 0 && errno == ENOTTY);
}

/* Removes the block: the cursor rests at its start. */
static const char *
lead(void)
{
	return own->moves && in_foreground() ? "\r\033[J" : "";
}

/* The file that the output goes to, if it is one. */
static void
find_file(struct seat *seat)
{
	char here[PATH_MAX], path[sizeof seat->file];
	struct stat st;
	ssize_t n;
	size_t len;

	if (fstat(STDOUT_FILENO, &st) != 0 || !S_ISREG(st.st_mode) || st.st_nlink == 0)
		return;
	n = readlink("/proc/self/fd/1", path, sizeof path - 1);
	if (n < 0 || n == (ssize_t)sizeof path - 1 || getcwd(here, sizeof here) == NULL)
		return;
	path[n] = '\0';
	len = strlen(here);
	if (strncmp(path, here, len) == 0 && path[len] == '/')
		memmove(path, path + len + 1, strlen(path + len));
	memcpy(seat->file, path, sizeof path);
}

/* True if progress may be shown, by this program or others. */
static bool
is_asked_for(const struct opt_common *common)
{
	return isatty(STDERR_FILENO) || common->summary || common->way == PROGRESS_JSON ||
	       common->way == PROGRESS_PLAIN;
}

/* Tells of this program what does not change. */
static void
describe(struct seat *seat, const struct opt_common *common)
{
	opt_line(common, seat->options, sizeof seat->options);
	find_file(seat);
}

void
progress_join(const struct opt_common *common, const char *step, const char *doing,
    void (*fill)(void *arg, struct seat *seat), void *arg)
{
	bool terminal = isatty(STDERR_FILENO);
	struct seat *seat;

	if (!is_asked_for(common) || !pipeline_join(step)) {
		if (common->quiet)
			return;
		alone = mem_new(1, sizeof *alone);
		snprintf(alone->seat.step, sizeof alone->seat.step, "%s", step);
		describe(&alone->seat, common);
		return;
	}
	own = mem_new(1, sizeof *own);
	own->fill = fill;
	own->arg = arg;
	own->how =
	    common->quiet && common->way == PROGRESS_AUTO ? HOW_QUIET : (int)common->way;
	own->terminal = terminal;
	own->moves = terminal && can_move();
	seat = pipeline_seat();
	seat->how = (uint32_t)own->how;
	seat->flags = (common->summary ? FLAG_SUMMARY : 0) |
	              (getpgid(getppid()) != getpgrp() ? FLAG_JOB : 0);
	snprintf(seat->doing, sizeof seat->doing, "%s", doing != NULL ? doing : "");
	describe(seat, common);
	pipeline_publish();
	err_set_lead(lead);
}

static void
count_alone(struct rec *rec)
{
	const char *name;

	if (!rec_failed(rec)) {
		alone->seat.out++;
		return;
	}
	receipt_count(&alone->seat, rec, false);
	if (*alone->subject != '\0')
		return;
	name = rec_str(rec, "file");
	if (name == NULL)
		name = rec_str(rec, "url");
	if (name == NULL)
		name = json_str(rec_get(rec, "avatar"), "/id");
	if (name != NULL)
		snprintf(alone->subject, sizeof alone->subject, "%s", name);
}

void
progress_wrote(struct rec *rec, bool before)
{
	if (own != NULL) {
		receipt_count(pipeline_seat(), rec, before);
		receipt_count_costs(pipeline_seat(), rec);
	} else if (alone != NULL && !before) {
		count_alone(rec);
	}
}

/* The line's history; a new one if it has none. */
static struct history *
history_of(const struct seat *s)
{
	struct history *h = own->histories;

	for (size_t i = 0; i < PIPELINE_SEATS; i++, h++) {
		if (h->n == 0) {
			memcpy(h->step, s->step, sizeof h->step);
			h->level = s->level;
			return h;
		}
		if (h->level == s->level && strcmp(h->step, s->step) == 0)
			return h;
	}
	return own->histories;
}

/* Sets the rate and the time left. */
static void
measure(struct view *v)
{
	const struct seat *s = v->seat;
	struct history *h = history_of(s);
	int64_t now = clock_monotonic_ms(), since = s->began;
	uint64_t then = 0;

	if (h->n == 0 || now - h->samples[h->n - 1].at >= SAMPLE_MS) {
		if (h->n == SAMPLES)
			memmove(
			    h->samples, h->samples + 1, (--h->n) * sizeof h->samples[0]);
		h->samples[h->n].at = now;
		h->samples[h->n++].done = v->done;
	}
	if (now - h->samples[0].at >= RATE_MIN_MS) {
		since = h->samples[0].at;
		then = h->samples[0].done;
	}
	if (s->state == SEAT_LIVE && now - since >= RATE_MIN_MS && v->done > then)
		v->rate = (double)(v->done - then) * 1000 / (double)(now - since);
	if (v->rate > 0 && v->expect > (int64_t)v->done)
		v->left_s = (int64_t)((double)(v->expect - (int64_t)v->done) / v->rate);
}

/* Writes at once, so that nothing of other processes comes between. False if the terminal
 * is gone. */
static bool
write_out(struct buf *out)
{
	ssize_t n = 0;

	if (out->len > 0)
		n = write(STDERR_FILENO, out->data, out->len);
	buf_release(out);
	return n >= 0 || errno == EAGAIN || errno == EINTR;
}

/* How the pipe shows its progress: what was asked for last, in the order of the pipe. */
static int
how_of_pipe(const struct seat *lines, size_t n)
{
	bool foreign = false, typed = false;

	for (size_t i = n; i > 0; i--) {
		if (lines[i - 1].how > PROGRESS_AUTO && lines[i - 1].how <= HOW_QUIET)
			return (int)lines[i - 1].how;
		foreign = foreign || lines[i - 1].foreign != 0;
		typed = typed || ((lines[i - 1].flags & FLAG_TYPED) != 0 &&
		                     lines[i - 1].over < lines[i - 1].processes);
	}
	if (typed)
		return PROGRESS_NONE;
	return own->moves && !foreign ? HOW_BLOCK : PROGRESS_PLAIN;
}

/* True if this process can show it so. */
static bool
can_show(int how)
{
	struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};

	if (how == PROGRESS_JSON || (how == PROGRESS_PLAIN && !own->terminal))
		return own->how == how;
	/* A terminal that is stopped (Ctrl-S) must not stop the work. */
	return (how == HOW_BLOCK || how == PROGRESS_PLAIN) && own->terminal &&
	       in_foreground() && poll(&p, 1, 0) == 1;
}

static void
write_json(struct buf *out, const char *name, struct json_object *value)
{
	struct json_object *o = json_new_object();

	json_put(o, name, value);
	json_write(out, o);
	buf_chr(out, '\n');
	json_object_put(o);
}

/* Shows the progress if its time has come. False if the terminal is gone. */
static bool
show(int how, size_t n)
{
	int64_t age = clock_monotonic_ms() - pipeline_seat()->began,
	        periods = how == PROGRESS_JSON ? age / JSON_MS
	                  : age < LONG_MS      ? age / PLAIN_MS
	                                  : LONG_MS / PLAIN_MS + (age - LONG_MS) / 60000;
	struct buf out = {0};
	struct style style;

	if (how == HOW_BLOCK) {
		style_read(&style);
		block_write(&out, own->views, n, &style);
	} else if (periods > own->periods && how == PROGRESS_JSON) {
		write_json(&out, "progress", block_json(own->views, n));
	} else if (periods > own->periods) {
		block_write_plain(&out, own->views, n);
		buf_chr(&out, '\n');
	}
	own->periods = periods;
	return write_out(&out);
}

static void
tick(void *arg)
{
	int how;
	size_t n;

	(void)arg;
	/* Now and then: on a busy machine the others begin late. */
	if ((own->ticks & (own->ticks - 1)) == 0)
		pipeline_find_next();
	own->ticks++;
	own->fill(own->arg, pipeline_seat());
	pipeline_publish();
	loop_at(own->loop, &own->timer, loop_now(own->loop) + TICK_MS, tick, NULL);
	n = pipeline_look(own->lines);
	how = how_of_pipe(own->lines, n);
	if (!pipeline_draws(can_show(how)))
		return;
	views_count(own->views, own->lines, n);
	for (size_t i = 0; i < n; i++)
		measure(&own->views[i]);
	if (!show(how, n))
		own->terminal = own->moves = false;
}

bool
progress_is_on(void)
{
	return own != NULL;
}

void
progress_start(struct loop *loop, int64_t total)
{
	if (own == NULL)
		return;
	own->loop = loop;
	pipeline_seat()->total = total;
	if (total < 0 && isatty(STDIN_FILENO))
		pipeline_seat()->flags |= FLAG_TYPED;
	loop_at(loop, &own->timer, loop_now(loop) + TICK_MS, tick, NULL);
}

void
progress_stop(void)
{
	if (own == NULL || own->loop == NULL)
		return;
	pipeline_find_next_at_end();
	own->fill(own->arg, pipeline_seat());
	own->fill = NULL;
	loop_cancel(own->loop, &own->timer);
	own->loop = NULL;
}

/* True if the receipt has to be written. */
static bool
is_wanted(int how, size_t n)
{
	uint32_t flags = 0;

	for (size_t i = 0; i < n; i++)
		flags |= own->lines[i].flags;
	if (flags & FLAG_SUMMARY)
		return true;
	if (!own->terminal || how == HOW_QUIET || how == PROGRESS_JSON)
		return false;
	return receipt_has_news(own->lines, n) &&
	       ((flags & FLAG_JOB) || receipt_time(own->lines, n) >= SCRIPT_MS);
}

/* Says in a line what failed here. */
static void
complain(void)
{
	struct buf out = {0};

	receipt_complain(
	    &out, &alone->seat, *alone->subject != '\0' ? alone->subject : NULL);
	(void)write_out(&out);
	free(alone);
	alone = NULL;
}

/* The last program removes the block and writes the receipt. */
static void
close_pipe(size_t n)
{
	int how = how_of_pipe(own->lines, n);
	struct buf out = {0};
	struct style style;

	if (own->how == PROGRESS_JSON)
		write_json(&out, "receipt", receipt_json(own->lines, n));
	buf_str(&out, lead());
	if (is_wanted(how, n)) {
		style_read(&style);
		style.colour = style.colour && own->moves;
		receipt_write(&out, own->lines, n, &style);
	} else if (n > 0 && how != HOW_QUIET && how != PROGRESS_JSON) {
		receipt_complain(&out, &own->lines[n - 1], NULL);
	}
	(void)write_out(&out);
}

void
progress_leave(int signo)
{
	struct seat *seat = pipeline_seat();
	size_t n;

	if (alone != NULL)
		complain();
	if (own == NULL)
		return;
	if (own->fill != NULL)
		own->fill(own->arg, seat);
	if (signo != SIGPIPE)
		seat->signo = signo;
	if (pipeline_leave(own->lines, &n))
		close_pipe(n);
	/* `own` is not freed: a thread that goes on may be in lead(). */
	err_set_lead(NULL);
}
