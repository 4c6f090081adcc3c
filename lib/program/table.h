/*
 * table: a table in CSV, whose rows become records.
 *
 *	table_line for each line -> table_end -> table_release
 *
 * The format is RFC 4180. The first row has headers, each the name of a member;
 * "options.voice" is a member of `options`. Cells are separated by commas,
 * semicolons or tabs: by the first of these outside of quotes in the first
 * line. A cell within quotes may hold separators, line ends, and a quote as "".
 * A quote elsewhere in a cell is an ordinary character. Blanks around a header
 * are dropped; file, url, provider, name and options may be in capitals.
 *
 * Cells are text. An empty cell is an absent member; a row without any other
 * cell is skipped. A row that cannot be a record becomes a record with `error`,
 * which names the row as spreadsheets count it. If the headers cannot be used,
 * or a quote is never closed, one error stands for the rest of the table.
 */
#ifndef AV_PROGRAM_TABLE_H
#define AV_PROGRAM_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "json/rec.h"

#define TABLE_COLUMNS    1000 /* at most */
#define TABLE_HEADER_MAX 256  /* bytes */

/* Where in a cell the row stands. */
enum table_cell { CELL_START, CELL_BARE, CELL_QUOTED, CELL_QUOTE };

/* Zeroed is before the first line. */
struct table {
	char separator; /* 0: no line was read */
	char **headers; /* NULL: the first row is not complete */
	size_t n;       /* of headers */
	size_t row;     /* number of the row, from 1 */
	bool refused;   /* all further lines are skipped */
	/* The row so far: its bytes, cells and mistakes. */
	struct buf start; /* at most REC_INPUT bytes, for `input` */
	struct buf cells; /* each ends in a NUL */
	enum table_cell cell;
	size_t len, n_cells;
	bool open, has_nul, has_tail;
};

void table_release(struct table *t);

/* Takes a line without its line feed. NULL: the row goes on in the next line,
 * is blank, or has the headers. too_long: the line is cut at REC_MAX. step is
 * for error.step. */
struct rec *table_line(struct table *t, const char *step, const char *line,
    size_t len, bool too_long);

/* After the last line: the record of a row with an open quote, or NULL. */
struct rec *table_end(struct table *t, const char *step);

#endif
