/*
 * hint: what to do about records that failed, for the pipe that they failed in.
 *
 * It is the hint of the code (base/codes.h), with the provider, the file of the
 * records, and the options that the programs of this pipe had. A command that
 * retries begins with the step that failed. It goes no further than the pipe.
 */
#ifndef AV_PROGRAM_HINT_H
#define AV_PROGRAM_HINT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "os/pipeline.h"

/* The file that hints speak of, if the pipe writes to none. */
#define HINT_RECORDS "done.jsonl"

struct hint {
	char *words;   /* a sentence, or "" */
	char *command; /* a line for the shell, or "" */
	bool has_records;
};

/* Appends the name of the file with the records, as a shell reads it: that of
 * the pipe's last program, or HINT_RECORDS. */
void hint_records(struct buf *out, const struct seat *last);

/* lines: the programs of the pipe (os/pipeline.h). */
void hint_init(struct hint *hint, const struct seat_reason *reason,
    const struct seat *lines, size_t n);
void hint_release(struct hint *hint);

bool hint_equal(const struct hint *a, const struct hint *b);

#endif
