/* A table of any bytes becomes records: each is one line that can be read again, and has either an
 * error or the members of its row, as text. */
#include "program/table.h"
#include "records.h"

static void
check(const struct table *t, struct rec *r)
{
	struct rec *again;

	if (r == NULL)
		return;
	again = read_again(r);
	need(!t->refused || json_str(rec_get(again, "error"), "/code") != NULL);
	need(!rec_has(again, "file") || rec_str(again, "file") != NULL);
	rec_free(again);
	rec_free(r);
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
