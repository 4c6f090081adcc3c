/* An unchanged record is written as the bytes that came in; a changed record can be read again and
 * has the new value; a malformed line becomes a record with an error. */
#include "records.h"

/* Writes the record and reads it again; the member must have that value, or be absent. */
static void
check(struct rec *r, const char *name, const char *value)
{
	struct rec *again = read_again(r);

	need(rec_has(again, name) == (value != NULL));
	need(value == NULL || strcmp(rec_str(again, name), value) == 0);
	rec_free(again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *line = (const char *)data;
	struct buf out = {0};
	struct err e;
	struct rec *r = rec_parse(line, size, &e);

	if (r == NULL) {
		r = rec_bad("fuzz", line, size, &e);
		check(r, "none", NULL);
		rec_free(r);
		return 0;
	}
	rec_get(r, "a");
	need(rec_write(r, &out) && out.len == size + 1);
	need(memchr(line, '\n', size) != NULL || memcmp(out.data, line, size) == 0);
	buf_release(&out);
	rec_set_str(r, "a", "new");
	check(r, "a", "new");
	rec_slim(r);
	rec_remove(r, "a");
	check(r, "a", NULL);
	rec_free(r);
	return 0;
}
