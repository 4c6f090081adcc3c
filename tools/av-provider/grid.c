#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "grid.h"

enum { GAP = 2 };

void
grid_add(struct grid *g, char *text)
{
	char shown[1024];

	utf8_show(shown, sizeof shown, text);
	free(text);
	g->cells = mem_resize(g->cells, (g->n + 1) * sizeof *g->cells);
	g->cells[g->n++] = mem_str(shown);
}

/* Writes the text from column `at` on, broken between words. */
static void
put_wrapped(struct buf *out, const char *text, size_t at)
{
	size_t column = at;

	while (*text != '\0') {
		size_t len = strcspn(text, " ");

		if (column > at && column + 1 + len > GRID_WIDTH) {
			buf_printf(out, "\n%*s", (int)at, "");
			column = at;
		} else if (column > at) {
			buf_chr(out, ' ');
			column++;
		}
		buf_add(out, text, len);
		column += len;
		text += len;
		text += strspn(text, " ");
	}
}

static void
put_row(const struct grid *g, struct buf *out, char **row, const size_t *widths)
{
	size_t at = 0, written = 0;

	for (size_t c = 0; c < g->columns; c++) {
		if (*row[c] != '\0') {
			buf_printf(out, "%*s", (int)(at - written), "");
			if (c + 1 < g->columns)
				buf_str(out, row[c]);
			else
				put_wrapped(out, row[c], at);
			written = at + utf8_columns(row[c]);
		}
		at += widths[c] + GAP;
	}
	buf_chr(out, '\n');
}

void
grid_put(struct grid *g, struct buf *out)
{
	size_t widths[GRID_COLUMNS] = {0};

	for (size_t i = 0; i < g->n; i++) {
		size_t columns = utf8_columns(g->cells[i]);

		if (columns > widths[i % g->columns])
			widths[i % g->columns] = columns;
	}
	for (size_t i = 0; i + g->columns <= g->n; i += g->columns)
		put_row(g, out, g->cells + i, widths);
	for (size_t i = 0; i < g->n; i++)
		free(g->cells[i]);
	free(g->cells);
	*g = (struct grid){.columns = g->columns};
}
