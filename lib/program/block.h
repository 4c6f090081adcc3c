/*
 * block: the progress of a pipe in words: a block of lines for a terminal, one
 * plain line, or a line of JSON.
 *
 * A line of the block has these parts. If they do not all fit, they go in the
 * order of the numbers; what stays is cut at the edge.
 *
 *	… poll  █████░░░░░  96/180  4/s  0:21 left  35 in training
 *	        5           -       4    6          3
 *	longest 8 s  ✘ 2 failed  the service could not make the avatar
 *	2            -           1
 *
 * What the program waits for (7) stands in the place of what happens to its
 * records (3).
 */
#ifndef AV_PROGRAM_BLOCK_H
#define AV_PROGRAM_BLOCK_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "os/pipeline.h"

/* What a terminal can show. */
struct style {
	bool utf8, colour;
	size_t columns, rows;
};

/* The style of the terminal at stderr: its size as it is now, the character set
 * from the environment, colour unless NO_COLOR is set. */
void style_read(struct style *style);

/* What is known of a line of the block. Records that had failed before they
 * came to the program are left out. */
struct view {
	const struct seat *seat;
	uint64_t done;
	int64_t total;  /* that came so far, or will come; -1: unknown */
	int64_t expect; /* that will come altogether, as far as known; -1 */
	double rate;    /* a second; 0: unknown */
	int64_t left_s; /* -1: unknown */
};

/* Sets all but the rate and left_s of each view. */
void views_count(struct view *views, const struct seat *lines, size_t n);

/* Appends the block, from the start of a line: clears what is below, and goes
 * back to the start. */
void block_write(struct buf *out, const struct view *views, size_t n,
    const struct style *style);

/* Appends one line for all programs, without a line feed. */
void block_write_plain(struct buf *out, const struct view *views, size_t n);

/* The same as JSON; owned by the caller. */
struct json_object *block_json(const struct view *views, size_t n);

/* How the records of the seat failed: "refused" if all were, or "failed". */
const char *block_failed_word(const struct seat *seat);

/* Appends text of a seat, safe for a terminal. */
void block_write_text(struct buf *out, const char *text);

#endif
