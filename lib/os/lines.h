/*
 * lines: splits what a descriptor yields into lines, with a ceiling, without blocking more
 * than one read.
 */
#ifndef AV_OS_LINES_H
#define AV_OS_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct lines {
	int fd;
	char end;       /* '\n' or '\0' */
	size_t max;     /* longest line in bytes */
	struct buf buf; /* from `at` on: not yet given out */
	size_t at;      /* where the next line starts */
	size_t scanned; /* up to where no line's end was found */
	bool eof;
	bool skipping; /* in the rest of a line that was too long */
};

struct line {
	const char *text; /* borrowed until the next call */
	size_t len;
	bool too_long; /* text is its start */
};

void lines_init(struct lines *l, int fd, char end, size_t max);
void lines_release(struct lines *l);

/* Takes the next whole line that is in memory; at end of file also one without its end. */
bool lines_next(struct lines *l, struct line *line);

/* Reads once. -1 (errno) on an error; at end of file sets eof. */
int lines_read(struct lines *l);

#endif
