/*
 * run: records in, N at a time, records out; the loop that all programs share.
 *
 * Reads operands or stdin as fast as work starts, makes each line a record, gives it to
 * `begin`, and writes it when run_done is called. What needs no work passes through: a record
 * that carries an error, one that `skip` knows as done. Each record that went in comes out.
 *
 * SIGINT and SIGTERM: nothing new is begun, what is under way is asked to stop, and input is
 * passed on with the error `interrupted` until it ends or 10 s are over; a second signal ends at
 * once. When the reader of stdout goes away, or the disk is full, nothing new is begun either and
 * no more is read. run_records then
 * returns minus the signal that the program has to die of (run_exit does both).
 */
#ifndef AV_PROGRAM_RUN_H
#define AV_PROGRAM_RUN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "os/loop.h"
#include "json/rec.h"

struct run;

/* A record at work. The tool keeps its own state in `state`. */
struct item {
	struct rec *rec;
	void *state;
	/* Called on a signal: finish soon, by run_done, giving back what is not begun. hard: the
	 * grace is over, finish now. The tool sets it in `begin`; NULL: it finishes soon anyway. */
	void (*stop)(struct item *item, bool hard);
	/* run's own */
	struct run *run;
	struct item *next, *prev;
	bool done, parked;
};

/* What a line that is no record stands for. */
enum run_bare { RUN_BARE_NONE, RUN_BARE_PHOTO, RUN_BARE_AVATAR };

struct run_options {
	const char *step;     /* "upload": error.step of what fails here */
	const char *provider; /* names to fill in, comma-separated, or NULL */
	enum run_bare bare;
	size_t window; /* records at work; with keep_order, held */
	bool keep_order, nul, retry_failed, exit_zero;
};

struct run_calls {
	/* Whether the record carries this program's result already and passes unchanged. */
	bool (*skip)(void *tool, struct rec *rec);
	/* Whether a failed record is taken up, error and all, because this program may mend what
	 * failed; NULL: none is. */
	bool (*mend)(void *tool, struct rec *rec);
	/* Starts work that ends in run_done, at once or later. */
	void (*begin)(void *tool, struct item *item);
};

struct run *run_new(struct loop *loop, const struct run_options *options,
    const struct run_calls *calls, void *tool);
void run_free(struct run *run);

/* How many records have come out failed. */
size_t run_failed(const struct run *run);

/* Reads all of operands (NULL-terminated; none: stdin) and runs the loop until all is
 * written. Returns an exit status, or minus a signal. */
int run_records(struct run *run, char **operands);

/* The item's record is complete: counts and writes it. The item is gone. */
void run_done(struct item *item);

/* The same for a record that failed: sets `error` first. */
void run_fail(struct item *item, const struct err *e);

/* The item waits for something long that needs nothing of ours: while it is parked, another one
 * may be at work in its place. */
void run_park(struct item *item, bool parked);

/* Whether nothing new may be begun: a signal came, or the output is lost (asked anew). */
bool run_stopping(struct run *run);

/* Ends the program as run_records said: by exit or by the signal. */
_Noreturn void run_exit(int status);

/* Puts `name` into exit statuses' order of weight: returns the weightier of two. */
int run_weightier(int a, int b);

#endif
