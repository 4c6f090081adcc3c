/* A table of any bytes becomes records: each is one line that can be read again, and has either an
 * error or the members of its row, as text. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "program/table.h"
#include "json/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
need(bool promise)
{
	if (!promise)
		abort();
}

static void
check(const struct table *t, struct rec *r)
{
	struct buf out = {0};
	struct rec *again;
	struct err e;

	if (r == NULL)
		return;
	need(rec_write(r, &out));
	need(memchr(out.data, '\n', out.len) == out.data + out.len - 1);
	again = rec_parse(out.data, out.len - 1, &e);
	need(again != NULL);
	need(!t->refused || json_str(rec_get(again, "error"), "/code") != NULL);
	need(!rec_has(again, "file") || rec_str(again, "file") != NULL);
	rec_free(again);
	rec_free(r);
	buf_release(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *line = (const char *)data, *end = line + size, *feed;
	struct table t = {0};
	size_t row = 0;

	for (; line < end; line = feed + 1) {
		if ((feed = memchr(line, '\n', (size_t)(end - line))) == NULL)
			feed = end;
		check(&t, table_line(&t, "fuzz", line, (size_t)(feed - line), false));
		need(t.row == row || t.row == row + 1);
		need(t.open || t.refused || t.cell == CELL_START);
		row = t.row;
	}
	check(&t, table_end(&t, "fuzz"));
	need(table_end(&t, "fuzz") == NULL);
	table_release(&t);
	return 0;
}
