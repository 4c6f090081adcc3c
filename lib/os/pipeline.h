/*
 * pipeline: what the programs of one pipe tell each other, for progress.
 *
 *	pipeline_join -> pipeline_publish, pipeline_look ... -> pipeline_leave
 *
 * The programs of a process group share one file in $XDG_RUNTIME_DIR, else in
 * a directory of our own below /tmp. Each has a seat in it, which only it
 * writes, and a lock on a byte of its own, which the kernel removes when the
 * process ends. The seat of a program that left stays, with those of the same
 * line of the block added up. The last program that leaves removes the file.
 *
 * Seats are read and written as a whole with pread and pwrite: a file that is
 * cut or damaged gives no signal, only a seat that is not used.
 *
 * There is one seat for a process. All functions may be called without it, and
 * then do nothing.
 */
#ifndef AV_OS_PIPELINE_H
#define AV_OS_PIPELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "os/seat.h"

/* Takes a seat. False: there is no place for it, and nothing is shared. */
bool pipeline_join(const char *step);

/* This process's seat, for it to fill in; NULL without. */
struct seat *pipeline_seat(void);

/* Writes the seat, so that others see it. */
void pipeline_publish(void);

/* Notes what the program waits for, and until when if nothing changes (unix
 * ms). Any thread may call it at any time; on that of pipeline_join the seat is
 * written. */
void pipeline_wait(int64_t until, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Counts what was paid for, or found to be made before. */
void pipeline_paid(
    const char *provider, double amount, const char *unit, bool reused);

/* True if this process may draw: no other one does. want: it would; if not,
 * another may. */
bool pipeline_draws(bool want);

/* Copies what all programs tell into `lines`, which has PIPELINE_SEATS, and
 * returns their number: one for each program of the pipe, its processes added
 * up, in the order of the pipe. All of their texts end. */
size_t pipeline_look(struct seat *lines);

/* Finds out who reads this program's output: sets next, level and foreign. */
void pipeline_find_next(void);

/* The same, if it is not known yet. In a short run the others may not have
 * begun, so it waits up to half a second after the start. To be called before
 * the output is closed: without input the others end, and are not found. */
void pipeline_find_next_at_end(void);

/* Leaves. True: this was the last program, and `lines` has what all told, as
 * with pipeline_look. Waits up to a second after the start for the next program
 * of the pipe, if it has not joined yet. */
bool pipeline_leave(struct seat *lines, size_t *n);

#endif
