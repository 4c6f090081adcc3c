/*
 * grid: a table for people, as wide as a terminal of 80 columns; a cell of the
 * last column that is longer goes on in the next lines.
 */
#ifndef AV_PROVIDER_GRID_H
#define AV_PROVIDER_GRID_H

#include <stddef.h>

#include "base/buf.h"

#define GRID_COLUMNS 6
#define GRID_WIDTH   80

/* The caller sets columns, and zeroes the rest. */
struct grid {
	size_t columns;
	char **cells; /* row after row */
	size_t n;
};

/* Adds the next cell. The text, which may be "", belongs to the grid. */
void grid_add(struct grid *g, char *text);

/* Writes the rows, and empties the grid. */
void grid_put(struct grid *g, struct buf *out);

#endif
