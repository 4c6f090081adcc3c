#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "program/input.h"
#include "program/object.h"
#include "json/json.h"
#include "json/scan.h"

static const char *const sorts[] = {
    [INPUT_AVATARS] = "avatar", [INPUT_RENDERINGS] = "rendering", [INPUT_ITEMS] = "item"};

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
	table_release(&in->table);
}

static bool
next_line(struct input *in, struct line *line)
{
	if (in->operands == NULL) {
		bool got = lines_next(&in->lines, line);
		in->line += got;
		return got;
	}
	if (*in->operands == NULL)
		return false;
	line->text = *in->operands++;
	line->len = strlen(line->text);
	line->too_long = line->len > REC_MAX;
	return true;
}

/* True if lines are text: operands, and lines that end in NUL, are exact. */
static bool
is_text(const struct input *in)
{
	return in->operands == NULL && in->lines.end == '\n';
}

/* True if the input is UTF-16: it begins with the mark of UTF-16, or with an ASCII
 * character of two bytes. */
static bool
is_utf16(const struct line *line)
{
	const char *t = line->text;

	return line->len >= 2 &&
	       (memcmp(t, "\xff\xfe", 2) == 0 || memcmp(t, "\xfe\xff", 2) == 0 ||
	           t[0] == '\0' || t[1] == '\0');
}

static bool
starts_with(const struct line *line, const char *word)
{
	size_t len = strlen(word);

	return line->len >= len && strncasecmp(line->text, word, len) == 0;
}

/* Drops what Windows programs put around a line. */
static void
trim(struct line *line)
{
	if (starts_with(line, "\xef\xbb\xbf")) {
		line->text += 3;
		line->len -= 3;
	}
	if (line->len > 0 && line->text[line->len - 1] == '\r')
		line->len--;
}

static size_t
count_blanks(const struct line *line)
{
	size_t n = 0;

	while (n < line->len && memchr(" \t\r\n", line->text[n], 4) != NULL)
		n++;
	return n;
}

/* The brackets that a line opens, less those that it closes; none within strings. */
static long
count_brackets(const struct line *line)
{
	bool quoted = false;
	long n = 0;

	for (size_t i = 0; i < line->len; i++) {
		char c = line->text[i];
		if (c == '"')
			quoted = !quoted;
		else if (quoted)
			i += c == '\\';
		else if (c == '{' || c == '[')
			n++;
		else if (c == '}' || c == ']')
			n--;
	}
	return n;
}

/* True for a line that a pretty-printed value may have. */
static bool
is_part(const struct line *line)
{
	size_t len = line->len - (line->text[line->len - 1] == ',');
	struct scan s;

	return !line->too_long && (memchr(" \t\"[]{}", line->text[0], 7) != NULL ||
	                              scan_text(line->text, len, &s, NULL, NULL));
}

/* True for a further line of a value that was refused. A path ends that value, and a whole
 * record that is no element of an array. */
static bool
continues(struct input *in, const struct line *line)
{
	struct scan s;

	if (in->depth <= 0)
		return false;
	if (!is_part(line) || (line->text[0] == '{' && !in->in_array &&
	                          scan_text(line->text, line->len, &s, NULL, NULL))) {
		in->depth = 0;
		return false;
	}
	in->depth += count_brackets(line);
	return true;
}

/* True for the start of a JSON value that ends in a further line, which is then skipped. */
static bool
is_open(struct input *in, const struct line *line, size_t blanks)
{
	bool array = line->text[blanks] == '[';
	struct line rest = {line->text + blanks + 1, line->len - blanks - 1, false};
	struct scan s;

	blanks = count_blanks(&rest);
	if ((array && blanks < rest.len && rest.text[blanks] != '{') ||
	    scan_text(line->text, line->len, &s, NULL, NULL) || s.at < line->len)
		return false;
	if (is_text(in)) {
		in->depth = count_brackets(line);
		in->in_array = array;
	}
	return true;
}

static bool
is_array(struct input *in, const struct line *line, size_t blanks)
{
	struct scan s;

	return line->text[blanks] == '[' &&
	       (scan_text(line->text, line->len, &s, NULL, NULL) ||
	           is_open(in, line, blanks));
}

static struct rec *
record_of_json(struct input *in, const struct line *line, size_t blanks, struct err *e)
{
	struct rec *rec = rec_parse(line->text, line->len, e);
	struct err not_text;

	if (rec == NULL && e->code == CODE_INVALID_RECORD && is_open(in, line, blanks))
		err_set(e, CODE_INVALID_RECORD,
		    "the JSON goes on in the next line; write one object a line: jq -c . FILE");
	else if (rec != NULL && !rec_failed(rec) && rec_read_texts(rec, &not_text) < 0) {
		rec_fail(rec, in->step, &not_text);
		in->refused = true;
	}
	return rec;
}

/* A new record for the path, URL or id in a line. */
static struct rec *
record_of_word(const struct input *in, const struct line *line, struct err *e)
{
	struct rec *rec;
	char *word;

	if (memchr(line->text, '\0', line->len) != NULL) {
		err_set(e, CODE_PATH_NOT_UTF8,
		    "a NUL is in it; read the output of find -print0 with -0");
		return NULL;
	}
	if (!utf8_valid(line->text, line->len)) {
		err_set(e, CODE_PATH_NOT_UTF8,
		    "the path is not UTF-8, so no record can hold it; rename the file");
		return NULL;
	}
	if (starts_with(line, "file://")) {
		err_set(e, CODE_INVALID_RECORD,
		    "a file:// URL is no path; give the path, as in photos/ann.jpg");
		return NULL;
	}
	rec = rec_new();
	word = mem_strn(line->text, line->len);
	if (in->kind != INPUT_PHOTOS)
		object_put_id(rec, sorts[in->kind], word);
	else if (starts_with(line, "https://") || starts_with(line, "http://") ||
	         starts_with(line, "s3://"))
		rec_set_str(rec, "url", word);
	else
		rec_set_str(rec, "file", word);
	free(word);
	return rec;
}

static struct rec *
refuse_utf16(struct input *in)
{
	struct rec *rec = rec_new();
	struct err e;

	in->utf16 = true;
	err_set(&e, CODE_INVALID_RECORD,
	    "the whole input is UTF-16, as some Windows programs write it; convert it: "
	    "iconv -f UTF-16 -t UTF-8");
	rec_fail(rec, in->step, &e);
	in->refused = true;
	return rec;
}

/* NULL: the line is blank, or part of what was refused. */
static struct rec *
record_of_line(struct input *in, struct line *line)
{
	const char *kind, *before = in->open_secret;
	bool open;
	struct rec *rec = NULL;
	struct err e;
	size_t blanks;

	e.code = CODE_NONE;
	in->refused = false;
	if (in->utf16)
		return NULL;
	if (is_text(in) && in->line == 1 && is_utf16(line))
		return refuse_utf16(in);
	if (in->csv)
		return table_line(
		    &in->table, in->step, line->text, line->len, line->too_long);
	if (is_text(in))
		trim(line);
	blanks = count_blanks(line);
	if (blanks == line->len || continues(in, line))
		return NULL;
	in->open_secret = NULL;
	if (line->too_long)
		err_set(&e, CODE_RECORD_TOO_LONG, "the line is longer than 16 MiB");
	else if (line->text[blanks] == '{')
		rec = record_of_json(in, line, blanks, &e);
	else if (is_array(in, line, blanks))
		err_set(&e, CODE_INVALID_RECORD,
		    "an array is no record; write one object a line: jq -c '.[]' FILE");
	if (rec != NULL)
		return rec;
	kind = scan_secret(line->text, line->len, &open);
	in->open_secret = open ? kind : NULL;
	if (kind != NULL || before != NULL)
		rec_secret(kind != NULL ? kind : before, &e);
	else if (e.code == CODE_NONE)
		rec = record_of_word(in, line, &e);
	in->refused = rec == NULL;
	if (in->refused && in->operands == NULL)
		err_prefix(&e, "line %zu: ", in->line);
	return rec != NULL ? rec : rec_bad(in->step, line->text, line->len, &e);
}

struct rec *
input_next(struct input *in)
{
	struct rec *rec = NULL;
	struct line line;

	while (rec == NULL && next_line(in, &line))
		rec = record_of_line(in, &line);
	if (rec == NULL && in->csv && in->lines.eof)
		rec = table_end(&in->table, in->step);
	return rec;
}

bool
input_is_over(const struct input *in)
{
	return in->operands != NULL || in->lines.eof;
}

/* The lines of a regular file from here on, or -1. Those of a long file are estimated from
 * its start. */
static int64_t
count_lines(int fd, char end)
{
	static const off_t most = (off_t)16 << 20;
	off_t start = lseek(fd, 0, SEEK_CUR), at = start;
	char chunk[65536], last = end;
	struct stat st;
	int64_t n = 0;
	ssize_t got;

	if (at < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return -1;
	while (at - start < most && (got = pread(fd, chunk, sizeof chunk, at)) > 0) {
		for (const char *p = chunk;
		     (p = memchr(p, end, (size_t)(chunk + got - p))); p++)
			n++;
		last = chunk[got - 1];
		at += got;
	}
	if (at > start && at < st.st_size)
		return (int64_t)((double)n * (double)(st.st_size - start) /
		                 (double)(at - start));
	return n + (last != end);
}

int64_t
input_count(const struct input *in)
{
	int64_t n = 0;

	if (in->operands == NULL) {
		n = count_lines(in->lines.fd, in->lines.end);
		return n > 0 && in->csv ? n - 1 : n;
	}
	while (in->operands[n] != NULL)
		n++;
	return n;
}
