/*
 * progress: shows how far the programs of a pipe are, and at the end what came
 * of it.
 *
 *	progress_join -> progress_start -> progress_wrote ... -> progress_stop
 *	-> progress_leave
 *
 * One program draws for all (os/pipeline.h): a block of lines on a terminal
 * (program/block.h), or JSON. If the terminal cannot move the cursor, if
 * AV_ACCESSIBLE is set, or if a program of others writes to it, there is a
 * plain line in ten seconds. While records are typed there, there is nothing.
 * The last program that leaves writes the receipt (program/receipt.h).
 *
 * The receipt is written on a terminal, and with --summary everywhere. On a
 * terminal a pipe within a script, make, xargs or parallel gets one only if it
 * ran for ten seconds: a thousand short runs must not write a thousand. A pipe
 * that is typed at the prompt, which the shell makes a process group of its
 * own, always gets one, unless it was for one record that did not fail.
 *
 * -q or --progress of one program is for the whole pipe; if several have it,
 * the last of them in the pipe counts.
 */
#ifndef AV_PROGRAM_PROGRESS_H
#define AV_PROGRAM_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "os/loop.h"
#include "os/pipeline.h"
#include "program/opt.h"
#include "json/rec.h"

/* Takes part in the progress of the pipe, if there is any to show; otherwise a
 * program that is not quiet says in a line at the end what failed. step:
 * "upload"; doing: what happens to its records at work, "being sent", or NULL.
 * fill sets the members of the seat that change by themselves: at_work, oldest,
 * over, signo. */
void progress_join(const struct opt_common *common, const char *step,
    const char *doing, void (*fill)(void *arg, struct seat *seat), void *arg);

/* True if this program takes part. */
bool progress_is_on(void);

/* Draws from now on, by the loop's timer. total: the records that will come in,
 * or -1. */
void progress_start(struct loop *loop, int64_t total);

/* Counts a record that is written. before: it had failed before it came. */
void progress_wrote(struct rec *rec, bool before);

/* The run is over: fill is not called any more, and the timer is cancelled. The
 * output is still open. */
void progress_stop(void);

/* At the very end: signo is the signal that ends the program, or 0. */
void progress_leave(int signo);

#endif
