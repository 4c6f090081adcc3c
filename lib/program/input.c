#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "program/input.h"
#include "json/json.h"
#include "json/scan.h"

void
input_init(struct input *in, const char *step, enum input_kind kind, bool nul)
{
	*in = (struct input){.step = step, .kind = kind};
	lines_init(&in->lines, STDIN_FILENO, nul ? '\0' : '\n', REC_MAX);
}

void
input_release(struct input *in)
{
	lines_release(&in->lines);
}

static bool
next_line(struct input *in, struct line *line)
{
	if (in->operands == NULL)
		return lines_next(&in->lines, line);
	if (*in->operands == NULL)
		return false;
	line->text = *in->operands++;
	line->len = strlen(line->text);
	line->too_long = line->len > REC_MAX;
	return true;
}

/* A new record for the path or id in a line. */
static struct rec *
record_of_word(const struct input *in, const struct line *line, struct err *e)
{
	struct rec *rec;
	char *word;

	if (!utf8_valid(line->text, line->len) ||
	    memchr(line->text, '\0', line->len) != NULL) {
		err_set(e, CODE_PATH_NOT_UTF8,
		    "the path is not UTF-8, so no record can hold it; rename the file");
		return NULL;
	}
	rec = rec_new();
	word = mem_strn(line->text, line->len);
	if (in->kind == INPUT_PHOTOS)
		rec_set_str(rec, "file", word);
	else
		json_put_str(rec_edit(rec, "avatar"), "id", word);
	free(word);
	return rec;
}

/* NULL: the line is blank. */
static struct rec *
record_of_line(struct input *in, const struct line *line)
{
	const char *kind, *before = in->open_secret;
	size_t blanks = 0;
	struct rec *rec = NULL;
	struct err e;
	bool json, open;

	while (blanks < line->len && memchr(" \t\r\n", line->text[blanks], 4) != NULL)
		blanks++;
	if (blanks == line->len)
		return NULL;
	in->open_secret = NULL;
	json = line->text[blanks] == '{';
	if (line->too_long)
		err_set(&e, CODE_RECORD_TOO_LONG, "the line is longer than 16 MiB");
	else if (json)
		rec = rec_parse(line->text, line->len, &e);
	if (rec != NULL)
		return rec;
	kind = scan_secret(line->text, line->len, &open);
	in->open_secret = open ? kind : NULL;
	if (kind != NULL || before != NULL)
		rec_secret(kind != NULL ? kind : before, &e);
	else if (!line->too_long && !json)
		rec = record_of_word(in, line, &e);
	return rec != NULL ? rec : rec_bad(in->step, line->text, line->len, &e);
}

struct rec *
input_next(struct input *in)
{
	struct rec *rec = NULL;
	struct line line;

	while (rec == NULL && next_line(in, &line))
		rec = record_of_line(in, &line);
	return rec;
}

bool
input_is_over(const struct input *in)
{
	return in->operands != NULL || in->lines.eof;
}
