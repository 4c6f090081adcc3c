/*
 * input: the records that a program reads, from its operands or from stdin.
 *
 *	input_init -> input_next -> ... -> input_release
 *
 * A line (or operand) that starts with '{' is a record. Any other line is a
 * photo's path or URL, or the id of an avatar or of another object
 * (program/object.h), as the program chooses, and becomes a new record. A line
 * that cannot be a record becomes a record with `error`, so every line has its
 * answer. Blank lines are skipped. A line that seems to hold a secret is not
 * shown: also a part of a token answer that was pretty-printed.
 *
 * Of text from Windows, the byte order mark before a line and the carriage
 * return behind it are dropped, and UTF-16 is refused as a whole. A JSON value
 * on several lines is refused as a whole too. Operands, and lines that end in
 * NUL, are taken exactly.
 *
 * With csv set, stdin is a table instead (program/table.h).
 */
#ifndef AV_PROGRAM_INPUT_H
#define AV_PROGRAM_INPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "os/lines.h"
#include "program/table.h"
#include "json/rec.h"

enum input_kind {
	INPUT_PHOTOS,
	INPUT_AVATARS,
	INPUT_RENDERINGS,
	INPUT_ITEMS,
};

struct input {
	const char *step;     /* error.step of bad lines */
	enum input_kind kind; /* what a line without JSON is */
	char **operands;      /* the next one; NULL: stdin is read */
	struct lines lines;
	bool csv; /* lines are those of the table */
	struct table table;
	/* The kind of secret whose name ended the last line, or NULL. */
	const char *open_secret;
	size_t line;  /* number of the last line of stdin; 0: none was read */
	bool refused; /* the last record says what is wrong with its line */
	bool utf16;   /* the input was refused: its other lines are skipped */
	/* Brackets still open of a value on several lines, which was refused:
	 * its other lines are skipped. */
	long depth;
	bool in_array; /* that value is an array */
};

/* nul: lines end in NUL, not in a line feed. step is borrowed. */
void input_init(
    struct input *in, const char *step, enum input_kind kind, bool nul);
void input_release(struct input *in);

/* The next record that needs no reading, for the caller to free. NULL: stdin
 * has to be read (lines_read), or input_is_over: no record will ever follow. */
struct rec *input_next(struct input *in);
bool input_is_over(const struct input *in);

/* How many records the operands or the file at stdin have, before the first one
 * is read; about, if the file is long; -1: unknown. */
int64_t input_count(const struct input *in);

#endif
