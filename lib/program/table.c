#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "program/table.h"
#include "json/json.h"

void
table_release(struct table *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->headers[i]);
	free(t->headers);
	buf_release(&t->start);
	buf_release(&t->cells);
	*t = (struct table){0};
}

/* The first separator outside of quotes; of a single column, a comma. */
static char
find_separator(const char *line, size_t len)
{
	bool quoted = false;

	for (size_t i = 0; i < len; i++) {
		if (line[i] == '"')
			quoted = !quoted;
		else if (!quoted && line[i] != '\0' && strchr(",;\t", line[i]) != NULL)
			return line[i];
	}
	return ',';
}

static void
end_cell(struct table *t)
{
	buf_chr(&t->cells, '\0');
	t->n_cells++;
	t->cell = CELL_START;
}

static void
add_char(struct table *t, char c)
{
	if (t->cell == CELL_QUOTED && c == '"') {
		t->cell = CELL_QUOTE;
		return;
	}
	if (t->cell != CELL_QUOTED && c == t->separator) {
		end_cell(t);
		return;
	}
	if (t->cell == CELL_START && c == '"') {
		t->cell = CELL_QUOTED;
		return;
	}
	if (t->cell == CELL_QUOTE && c == '"') {
		t->cell = CELL_QUOTED;
	} else if (t->cell != CELL_QUOTED) {
		t->has_tail = t->has_tail || t->cell == CELL_QUOTE;
		t->cell = CELL_BARE;
	}
	buf_chr(&t->cells, c);
}

static void
begin_row(struct table *t, const char *line, size_t len)
{
	t->row++;
	t->open = true;
	t->len = t->n_cells = 0;
	t->has_nul = t->has_tail = false;
	t->cell = CELL_START;
	buf_clear(&t->cells);
	buf_clear(&t->start);
	buf_add(&t->start, line, len < REC_INPUT ? len : REC_INPUT);
}

/* Adds a line to the row. Of its end, a carriage return belongs to a cell only within
 * quotes, as the line feed does. */
static void
add_line(struct table *t, const char *line, size_t len)
{
	bool cr = len > 0 && line[len - 1] == '\r';

	t->len += len + 1;
	t->has_nul = t->has_nul || memchr(line, '\0', len) != NULL;
	for (size_t i = 0; i < len - cr; i++)
		add_char(t, line[i]);
	if (t->cell == CELL_QUOTED)
		buf_add(&t->cells, cr ? "\r\n" : "\n", cr ? 2 : 1);
}

static bool
is_blank(const struct table *t)
{
	for (size_t i = 0; i < t->cells.len; i++)
		if (t->cells.data[i] != '\0' && t->cells.data[i] != ' ')
			return false;
	return true;
}

/* Sets the member that a header names, "options.voice" within options. */
static void
put_cell(struct json_object *o, const char *header, const char *text)
{
	size_t len;

	for (; header[len = strcspn(header, ".")] == '.'; header += len + 1) {
		char *outer = mem_strn(header, len);
		struct json_object *into = json_member(o, outer);
		if (into == NULL)
			json_put(o, outer, into = json_new_object());
		o = into;
		free(outer);
	}
	json_put_str(o, header, text);
}

/* Makes a record of the cells. Text passes through rec_parse() as that of a JSON line does,
 * so that the same rules hold. */
static struct rec *
record_of_cells(struct table *t, struct err *e)
{
	struct json_object *o = json_new_object();
	const char *cell = t->cells.data;
	struct buf line = {0};
	struct rec *rec;

	for (size_t i = 0; i < t->n; i++, cell += strlen(cell) + 1) {
		if (*cell == '\0')
			continue;
		if (*t->headers[i] == '\0') {
			json_object_put(o);
			err_set(e, CODE_INVALID_RECORD,
			    "row %zu has text in column %zu, which has no header", t->row,
			    i + 1);
			return NULL;
		}
		put_cell(o, t->headers[i], cell);
	}
	json_write(&line, o);
	json_object_put(o);
	rec = rec_parse(line.data, line.len, e);
	if (rec == NULL)
		err_prefix(e, "row %zu: ", t->row);
	buf_release(&line);
	return rec;
}

/* A header without blanks around it, and with the usual members in small letters. */
static char *
clean_header(const char *text)
{
	static const char *const usual[] = {
	    "file", "url", "provider", "name", "options."};
	size_t len, n;
	char *header;

	text += strspn(text, " \t\r\n");
	len = strlen(text);
	while (len > 0 && strchr(" \t\r\n", text[len - 1]) != NULL)
		len--;
	header = mem_strn(text, len);
	for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
		n = strlen(usual[i]);
		if (strncasecmp(header, usual[i], n) == 0 &&
		    (len == n || usual[i][n - 1] == '.'))
			memcpy(header, usual[i], n);
	}
	return header;
}

/* True if two headers name the same member, or one a member of the other. */
static bool
collide(const char *a, const char *b)
{
	size_t a_len = strlen(a), b_len = strlen(b), n = a_len < b_len ? a_len : b_len;
	const char *longer = a_len < b_len ? b : a;

	return n > 0 && strncmp(a, b, n) == 0 && (a_len == b_len || longer[n] == '.');
}

static int
check_headers(const struct table *t, struct err *e)
{
	bool has_photo = false;

	for (size_t i = 0; i < t->n; i++) {
		const char *header = t->headers[i];

		if (strlen(header) > TABLE_HEADER_MAX)
			return err_set(e, CODE_INVALID_RECORD,
			    "the header of column %zu has more than %d bytes", i + 1,
			    TABLE_HEADER_MAX);
		has_photo = has_photo || strcmp(header, "file") == 0 ||
		            strcmp(header, "url") == 0;
		for (size_t j = 0; j < i; j++)
			if (collide(header, t->headers[j]))
				return err_set(e, CODE_INVALID_RECORD,
				    "the headers '%s' and '%s' name the same member",
				    t->headers[j], header);
	}
	return has_photo ? 0
	                 : err_set(e, CODE_INVALID_RECORD,
	                       "the table's first row has no header 'file' or 'url'; "
	                       "its first row has to name the columns");
}

/* Takes the row as headers. Its own record, each header being its text, tells whether
 * records with these members are allowed. */
static int
take_headers(struct table *t, struct err *e)
{
	const char *cell = t->cells.data;
	struct rec *trial;

	if (t->n_cells > TABLE_COLUMNS)
		return err_set(e, CODE_INVALID_RECORD,
		    "the table has more than %d columns", TABLE_COLUMNS);
	t->headers = mem_new(t->n_cells, sizeof *t->headers);
	for (t->n = 0; t->n < t->n_cells; t->n++, cell += strlen(cell) + 1)
		t->headers[t->n] = clean_header(cell);
	if (check_headers(t, e) < 0)
		return -1;
	buf_clear(&t->cells);
	for (size_t i = 0; i < t->n; i++)
		buf_add(&t->cells, t->headers[i], strlen(t->headers[i]) + 1);
	if ((trial = record_of_cells(t, e)) == NULL)
		return -1;
	rec_free(trial);
	return 0;
}

/* True if the bytes of the row can be those of a row. */
static bool
check_row(const struct table *t, struct err *e)
{
	if (t->has_nul)
		err_set(e, CODE_INVALID_RECORD, "row %zu has a NUL in it", t->row);
	else if (!utf8_valid(t->cells.data, t->cells.len))
		err_set(e, CODE_INVALID_RECORD,
		    "row %zu is not UTF-8; save the table as CSV in UTF-8", t->row);
	else if (t->has_tail)
		err_set(e, CODE_INVALID_RECORD,
		    "row %zu has text behind a closing quote; write a quote in quotes "
		    "twice",
		    t->row);
	else if (t->headers != NULL && t->n_cells != t->n)
		err_set(e, CODE_INVALID_RECORD,
		    "row %zu has %zu cells instead of %zu, as many as headers; put quotes "
		    "around text with a separator in it",
		    t->row, t->n_cells, t->n);
	else
		return true;
	return false;
}

static struct rec *
refuse_row(struct table *t, const char *step, const struct err *e)
{
	t->refused = t->refused || t->n == 0;
	return rec_bad(step, t->start.data, t->start.len, e);
}

static struct rec *
end_row(struct table *t, const char *step)
{
	struct rec *rec;
	struct err e;

	end_cell(t);
	t->open = false;
	if (!t->has_nul && is_blank(t))
		return NULL;
	if (!check_row(t, &e))
		return refuse_row(t, step, &e);
	if (t->headers == NULL) {
		t->refused = take_headers(t, &e) < 0;
		return t->refused ? refuse_row(t, step, &e) : NULL;
	}
	rec = record_of_cells(t, &e);
	return rec != NULL ? rec : refuse_row(t, step, &e);
}

struct rec *
table_line(struct table *t, const char *step, const char *line, size_t len, bool too_long)
{
	struct err e;

	if (t->refused)
		return NULL;
	if (t->separator == 0) {
		if (len >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0) {
			line += 3;
			len -= 3;
		}
		t->separator = find_separator(line, len);
	}
	if (!t->open)
		begin_row(t, line, len);
	add_line(t, line, len);
	if (t->len > REC_MAX + 1 || too_long) {
		t->open = false;
		t->refused = t->cell == CELL_QUOTED;
		err_set(&e, CODE_RECORD_TOO_LONG, "row %zu is longer than 16 MiB%s",
		    t->row, t->refused ? "; a quote in it is not closed" : "");
		return refuse_row(t, step, &e);
	}
	return t->cell == CELL_QUOTED ? NULL : end_row(t, step);
}

struct rec *
table_end(struct table *t, const char *step)
{
	struct err e;

	if (!t->open || t->refused)
		return NULL;
	t->open = false;
	err_set(&e, CODE_INVALID_RECORD,
	    "a quote is opened in row %zu and not closed, so all that follows is part of "
	    "that row",
	    t->row);
	return refuse_row(t, step, &e);
}
