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

enum {
	PIPELINE_SEATS = 64,
	PIPELINE_REASONS = 12,
	PIPELINE_COSTS = 6,
};

enum seat_state { SEAT_FREE, SEAT_LIVE, SEAT_LEFT };

/* Why records failed: one for each error code, finding, step and provider. */
struct seat_reason {
	uint32_t count;
	uint16_t code, finding; /* of base/codes.h; finding may be 0 */
	uint32_t varied;        /* the messages differ */
	char step[16];          /* that failed */
	char provider[20];
	char text[160]; /* the first message */
};

/* What was paid for in this run. */
struct seat_cost {
	double credits; /* altogether; with `per`: for each, by its size */
	uint64_t n;     /* how many were made */
	char provider[20];
	char per[12]; /* "minute", or "" */
};

/* What one program tells. A text is empty if there is nothing to tell. */
struct seat {
	int32_t state, pid;
	int32_t next;    /* the av program that reads its output, or 0 */
	int32_t level;   /* how many av programs follow */
	int32_t signo;   /* it was stopped by this signal, or 0 */
	int32_t foreign; /* a program of others writes it to the terminal */
	uint32_t how;    /* for the programs: how to show progress */
	uint32_t flags;  /* for the programs */
	char step[16];   /* "upload" */
	int64_t began, ended;  /* of CLOCK_MONOTONIC, in ms; ended: 0 or when */
	int64_t oldest;        /* when its longest record at work began, or 0 */
	int64_t total;         /* records to come in altogether; -1: unknown */
	uint64_t processes;    /* that are added up here */
	uint64_t killed;       /* of them, those that ended without leaving */
	uint64_t over;         /* of them, those with no more records to read */
	uint64_t out;          /* records written */
	uint64_t at_work;      /* and not yet written */
	uint64_t all_failed;   /* of `out`: with an error */
	uint64_t failed;       /* of them, those that failed here; but not */
	uint64_t stopped;      /* those that were interrupted, here or before */
	uint64_t made, ready;  /* of `out`, without an error: with an avatar */
	uint64_t avatars;      /* of `out`: with an avatar */
	uint64_t reused;       /* found in the ledger, not paid again */
	uint64_t more_reasons; /* failed records beyond `reasons` */
	int64_t wait_until;    /* unix ms: `wait` holds until then */
	char wait[96];  /* what it waits for: "ledger locked by process 4711" */
	char doing[24]; /* what happens to records at work */
	char error[160];   /* why the last record failed */
	char options[256]; /* of its command line, quoted for a shell */
	char file[256];    /* where its output goes, if that is a file */
	struct seat_cost costs[PIPELINE_COSTS];
	struct seat_reason reasons[PIPELINE_REASONS];
};

/* Takes a seat. False: there is no place for it, and nothing is shared. */
bool pipeline_join(const char *step);

/* This process's seat, for it to fill in; NULL without. */
struct seat *pipeline_seat(void);

/* Writes the seat, so that others see it. */
void pipeline_publish(void);

/* Notes what the program waits for, and until when if nothing changes (unix
 * ms). Any thread may call it; on that of pipeline_join the seat is written. */
void pipeline_wait(int64_t until, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Counts what was paid for, or found to be made before. */
void pipeline_paid(const char *provider, double credits, const char *per);
void pipeline_reused(void);

/* True if this process may draw: no other one does. want: it would; if not,
 * another may. */
bool pipeline_draws(bool want);

/* Copies what all programs tell into `lines`, which has PIPELINE_SEATS, and
 * returns their number: one for each program of the pipe, its processes added
 * up, in the order of the pipe. All of their texts end. */
size_t pipeline_look(struct seat *lines);

/* Finds out who reads this program's output: sets next, level and foreign. */
void pipeline_find_next(void);

/* Leaves. True: this was the last program, and `lines` has what all told, as
 * with pipeline_look. Waits up to a second after the start for the next program
 * of the pipe, if it has not joined yet. */
bool pipeline_leave(struct seat *lines, size_t *n);

/* Counts failed records of one kind. */
void seat_add_reason(struct seat *s, const struct seat_reason *more);

#endif
