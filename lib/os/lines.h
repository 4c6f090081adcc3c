/*
 * lines: splits the bytes of a descriptor into lines, with a ceiling.
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
	struct buf buf; /* from `at` on: not yet returned */
	size_t at;      /* where the next line starts */
	size_t scanned; /* no line ends before this offset */
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

/* Takes the next whole line in memory; at end of file also a last line without
 * an end. */
bool lines_next(struct lines *l, struct line *line);

/* Reads once. -1 (errno) on an error; sets eof at end of file. */
int lines_read(struct lines *l);

#endif
