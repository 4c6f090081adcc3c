/*
 * seat: what one program tells the others of its pipe (os/pipeline.h), as plain
 * bytes of a fixed size.
 */
#ifndef AV_OS_SEAT_H
#define AV_OS_SEAT_H

#include <stdbool.h>
#include <stdint.h>

enum {
	PIPELINE_SEATS = 64,
	PIPELINE_REASONS = 12,
	PIPELINE_COSTS = 12,
};

enum seat_state { SEAT_FREE, SEAT_LIVE, SEAT_LEFT };

/* What can be done about a failed record; as av-report has it. */
enum reason_state { REASON_FAILED, REASON_RETRY, REASON_DECIDE };

/* Why records failed: one for each error code, finding, step and provider. */
struct seat_reason {
	uint32_t count;
	uint16_t code, finding; /* of base/codes.h; finding may be 0 */
	uint16_t varied;        /* the messages differ */
	uint16_t state;         /* an enum reason_state */
	char step[16];          /* that failed */
	char provider[20];
	char text[160]; /* the first message */
};

/* Whether the program pays, and if so, at most once for each thing. */
enum seat_pays { PAYS_NOTHING, PAYS_ONCE, PAYS_AGAIN };

/* What was paid for in this run. */
struct seat_cost {
	double amount;   /* altogether; of "credits/minute": of each */
	uint64_t n;      /* how many were made */
	uint64_t reused; /* found to be made before, and not paid for */
	char step[16];   /* that did it */
	char provider[20];
	char unit[20]; /* "credits", "USD", "credits/minute", "avatar" */
};

/* What one program tells. A text is empty if there is nothing to tell. */
struct seat {
	int32_t state, pid;
	int32_t next;    /* the av program that reads its output, or 0 */
	int32_t level;   /* how many av programs follow */
	int32_t signo;   /* it was stopped by this signal, or 0 */
	int32_t foreign; /* a program of others writes it to the terminal */
	int32_t pays;    /* an enum seat_pays */
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
	uint64_t told;         /* of those at work: their progress is known */
	uint64_t percents;     /* the sum of their progress */
	int64_t usual_ms;      /* that one usually takes; 0: unknown */
	uint64_t all_failed;   /* of `out`: with an error */
	uint64_t failed;       /* of them, those that failed here; but not */
	uint64_t stopped;      /* those that were interrupted, here or before */
	uint64_t made, ready;  /* of `out`, without an error: with an avatar */
	uint64_t avatars;      /* of `out`: with an avatar */
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

/* Makes a seat from outside safe: its texts end, its codes exist, and sums of
 * its numbers do not overflow. */
void seat_mend(struct seat *s);

/* True if the programs are shown in one line: the same program at the same
 * place of the pipe. */
bool seat_is_same_line(const struct seat *a, const struct seat *b);

/* Adds up two seats of the same line. */
void seat_add(struct seat *sum, const struct seat *more);

/* Counts failed records of one kind, or what was paid for or reused. What finds
 * no place is counted in more_reasons, or not at all. */
void seat_add_reason(struct seat *s, const struct seat_reason *more);
void seat_add_cost(struct seat *s, const struct seat_cost *more);

#endif
