#include <string.h>

#include "base/utf8.h"
#include "columns.h"
#include "json/json.h"

static const struct {
	const char *head, *members[2];
} heads[COLUMNS] = {
    {"ID", {"/id", NULL}},
    {"NAME", {"/name", "/kind"}},
    {"STATE", {"/status", "/provider_status"}},
    {"MADE", {"/created_at", "/updated_at"}},
    {"ABOUT", {"/about", NULL}},
};

/* The text of a cell, without control characters. */
static const char *
cell(struct json_object *taken, size_t column, char *shown, size_t size)
{
	const char *text = NULL;

	for (size_t i = 0; text == NULL && i < 2; i++)
		if (heads[column].members[i] != NULL)
			text = json_str(taken, heads[column].members[i]);
	utf8_show(shown, size, text != NULL ? text : "");
	return shown;
}

static void
put_row(const struct columns *t, struct buf *out, struct json_object *taken)
{
	char shown[257];
	int pad = 0;

	for (size_t c = 0; c < COLUMNS; c++) {
		const char *text =
		    taken != NULL ? cell(taken, c, shown, sizeof shown) : heads[c].head;

		if (t->widths[c] == 0 || *text == '\0') {
			pad += t->widths[c] > 0 ? t->widths[c] + 2 : 0;
			continue;
		}
		buf_printf(out, "%*s%s", pad, "", text);
		pad = t->widths[c] - (int)utf8_columns(text);
		pad = (pad > 0 ? pad : 0) + 2;
	}
	buf_chr(out, '\n');
}

/* Decides the widths by the first rows, and writes them. */
static void
put_first(struct columns *t, struct buf *out)
{
	size_t n = t->n < COLUMNS_FIRST ? t->n : COLUMNS_FIRST;
	char shown[257];

	for (size_t i = 0; i < n; i++)
		for (size_t c = 0; c < COLUMNS; c++) {
			int width =
			    (int)utf8_columns(cell(t->first[i], c, shown, sizeof shown));
			if (width > 0 && t->widths[c] < (int)strlen(heads[c].head))
				t->widths[c] = (int)strlen(heads[c].head);
			if (width > t->widths[c])
				t->widths[c] = width;
		}
	if (n > 0)
		put_row(t, out, NULL);
	for (size_t i = 0; i < n; i++) {
		put_row(t, out, t->first[i]);
		json_object_put(t->first[i]);
	}
}

void
columns_row(struct columns *t, struct buf *out, struct json_object *taken)
{
	if (t->n < COLUMNS_FIRST)
		t->first[t->n] = json_object_get(taken);
	else
		put_row(t, out, taken);
	if (++t->n == COLUMNS_FIRST)
		put_first(t, out);
}

void
columns_end(struct columns *t, struct buf *out)
{
	if (t->n < COLUMNS_FIRST)
		put_first(t, out);
}
