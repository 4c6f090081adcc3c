/*
 * assign: lines NAME = VALUE, as people write them into the files credentials
 * and config.
 *
 * The value is the rest of the line, without the blanks around it and without
 * the quotes, '' or "", that enclose it; a comment may follow quotes. Nothing
 * in it is expanded. `export` may come before the name. A byte order mark and
 * carriage returns are dropped. Blank lines and lines that begin with # are
 * skipped.
 *
 *	struct assign a = {.rest = text};
 *	while ((r = assign_next(&a)) > 0) ...
 */
#ifndef AV_BASE_ASSIGN_H
#define AV_BASE_ASSIGN_H

#include <stdbool.h>
#include <stddef.h>

/* All pointers are into the text. */
struct assign {
	const char *rest;         /* the text, then what is not read of it */
	const char *line;         /* its beginning; it ends before rest */
	size_t row;               /* counted from 1 */
	const char *name, *value; /* not ended by a NUL */
	size_t name_len, value_len;
	/* What stands in the line for the value: with its quotes. */
	const char *begin, *end;
};

/* Goes to the next line that is not skipped: 1; 0 at the end of the text; -1 if
 * the line is not NAME = VALUE. A name consists of letters, digits, '_', '.'
 * and '-'. */
int assign_next(struct assign *a);

/* True if this is the line's name. */
bool assign_is(const struct assign *a, const char *name);

#endif
