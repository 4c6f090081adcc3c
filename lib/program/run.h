/*
 * run: reads records, works on several at a time, writes each when it is done.
 *
 *	run_new -> run_records -> run_free -> run_exit
 *
 * Each record is given to the step's `begin`, and is written when the program
 * calls run_done. A record needs no work and passes through unchanged if it
 * carries an error, or if the step's `skip` says so. Each record that is read
 * is also written, except one that others were written for (run_drop).
 *
 * SIGINT, SIGTERM and SIGHUP: no new work is begun, and work under way is asked
 * to stop. Records still read pass through with the error `interrupted`, until
 * the input ends or 10 s are over. A second signal ends the program at once,
 * unless it is SIGHUP, which a terminal that is closed sends twice.
 * When stdout cannot be written (the reader is gone, the disk is full), no new
 * work is begun and no more is read.
 */
#ifndef AV_PROGRAM_RUN_H
#define AV_PROGRAM_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

#include "base/err.h"
#include "os/loop.h"
#include "program/input.h"
#include "program/opt.h"
#include "json/rec.h"

struct run;
struct paid_charge;

/* A record at work. */
struct item {
	struct rec *rec;
	void *state; /* the program's own; run does not touch it */
	/* Called on a signal: finish soon by run_done, and begin nothing new.
	 * hard: the 10 s are over, finish now. `begin` sets it; NULL: the item
	 * finishes soon anyway. */
	void (*stop)(struct item *item, bool hard);
	/* Called when there is room again after run_emit returned false. */
	void (*room)(struct item *item);
	/* private to run */
	struct run *run;
	TAILQ_ENTRY(item) link;
	int64_t since; /* when it began, in the loop's time; for progress */
	bool done, parked;
	bool passes; /* it had failed before it came */
	int64_t begun_at;
	struct json_object *charges; /* of run_charge, or NULL */
};

/* What one program does with each record: its step in a pipeline. `program` is
 * the pointer given to run_new, the program's own struct. */
struct run_step {
	const char *name;  /* "upload": error.step of records that fail here */
	const char *doing; /* what happens at work, for progress; or NULL */
	enum input_kind input;
	/* True: the record has this program's result already and passes
	 * through. NULL: none has. */
	bool (*skip)(void *program, struct rec *rec);
	/* True: this program can repair what failed, so the record is begun
	 * with its error. NULL: it repairs nothing. */
	bool (*mend)(void *program, struct rec *rec);
	/* True: a record that failed here, and is not retryable, can be retried
	 * all the same; asked with --retry-failed. NULL: none can. */
	bool (*settled)(void *program, struct rec *rec);
	/* Starts the work. It ends in run_done, at once or later. */
	void (*begin)(void *program, struct item *item);
};

/* window: how many records are at work at once, or held with --keep-order.
 * Everything given is borrowed until run_free. */
struct run *run_new(struct loop *loop, const struct opt_common *common,
    const struct run_step *step, size_t window, void *program);
void run_free(struct run *run);

/* Reads the operands (NULL-terminated; if there are none, stdin) and runs the
 * loop until all is written. Returns an exit status, or minus the signal that
 * the program has to die of; run_exit takes both. */
int run_records(struct run *run, char **operands);

/* What lines without JSON are, if not what the step says. Before
 * run_records. */
void run_read_as(struct run *run, enum input_kind kind);

/* From now on, each record that is begun gets an entry in `steps`. */
void run_keep_steps(struct run *run);

/* The program pays for things: each once, or (once false) perhaps again. */
void run_pays(struct run *run, bool once);

/* Notes for the record's `steps` what a paid operation cost. NULL: nothing. */
void run_charge(struct item *item, const struct paid_charge *charge);

/* The record is complete: counts and writes it. Frees the item. */
void run_done(struct item *item);

/* Writes another record, which a list gave for the item's; frees it. False: its
 * readers are slow, so write no more until item->room is called. */
bool run_emit(struct item *item, struct rec *rec);

/* The same for lines that are no records; the text may be empty. */
bool run_emit_text(struct item *item, const struct buf *text);

/* All that the item's record asked for is written: the record itself is not.
 * Frees the item. */
void run_drop(struct item *item);

/* The same for a record that failed: sets `error` first. */
void run_fail(struct item *item, const struct err *e);

/* While an item is parked, another record may be at work in its place: for
 * waits that use no memory or descriptor of ours worth counting. */
void run_park(struct item *item, bool parked);

/* True: begin nothing new. A signal came or stdout cannot be written; whether
 * it can is checked at each call. */
bool run_stopping(struct run *run);

/* How many failed records were written so far. */
size_t run_failed(const struct run *run);

/* Exits with what run_records returned, or dies of the signal. */
_Noreturn void run_exit(int status);

#endif
