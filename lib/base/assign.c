#include <string.h>

#include "base/assign.h"

static const char blanks[] = " \t\r";

/* Finds the value between text and end. False: its quotes do not match. */
static bool
read_value(struct assign *a, const char *text, const char *end)
{
	const char *close, *after;

	text += strspn(text, blanks);
	if (text > end)
		text = end;
	while (end > text && strchr(blanks, end[-1]) != NULL)
		end--;
	a->begin = a->value = text;
	a->end = end;
	a->value_len = (size_t)(end - text);
	if (text == end || (*text != '"' && *text != '\''))
		return true;
	close = memchr(text + 1, *text, (size_t)(end - text) - 1);
	if (close == NULL)
		return false;
	after = close + 1;
	a->value = text + 1;
	a->value_len = (size_t)(close - a->value);
	a->end = after;
	after += strspn(after, blanks);
	return after >= end || *after == '#';
}

static bool
read_line(struct assign *a, const char *line, const char *end)
{
	static const char word[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	                           "0123456789_.-";

	if (strncmp(line, "export", 6) == 0 && (line[6] == ' ' || line[6] == '\t'))
		line += 6 + strspn(line + 6, " \t");
	a->name = line;
	a->name_len = strspn(line, word);
	line += a->name_len;
	line += strspn(line, " \t");
	return a->name_len > 0 && *line == '=' && read_value(a, line + 1, end);
}

int
assign_next(struct assign *a)
{
	if (a->row == 0 && strncmp(a->rest, "\xef\xbb\xbf", 3) == 0)
		a->rest += 3;
	while (*a->rest != '\0') {
		const char *line = a->rest, *end = line + strcspn(line, "\n");

		a->line = line;
		a->rest = end + (*end == '\n');
		a->row++;
		line += strspn(line, blanks);
		if (line < end && *line != '#')
			return read_line(a, line, end) ? 1 : -1;
	}
	return 0;
}

bool
assign_is(const struct assign *a, const char *name)
{
	return strlen(name) == a->name_len && strncmp(a->name, name, a->name_len) == 0;
}
