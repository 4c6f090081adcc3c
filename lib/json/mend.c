#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/utf8.h"
#include "json/json.h"
#include "json/mend.h"

#define BOM "\xef\xbb\xbf"

struct mending {
	const char *p, *end;
	struct buf *out;
	char close[JSON_DEPTH]; /* what ends each open container */
	size_t depth;
	char last;    /* the last byte of the text that counts, outside of strings */
	size_t whole; /* out's length after the last whole value */
	bool too_deep;
};

/* Copies the escape at m->p; writes the backslash of an unknown one twice. */
static void
mend_escape(struct mending *m)
{
	bool known = m->end - m->p >= 2 && m->p[1] != '\0' &&
	             strchr("\"\\/bfnrtu", m->p[1]) != NULL;

	buf_add(m->out, known ? m->p : "\\\\", 2);
	m->p += known ? 2 : 1;
}

/* Copies the string at m->p. False if it does not end. */
static bool
mend_string(struct mending *m)
{
	buf_chr(m->out, *m->p++);
	while (m->p < m->end && *m->p != '"') {
		size_t n = utf8_char(m->p, (size_t)(m->end - m->p));

		if (*m->p == '\\') {
			mend_escape(m);
			continue;
		}
		if (n == 0)
			buf_str(m->out, "\\ufffd");
		else if ((unsigned char)*m->p < 0x20)
			buf_printf(m->out, "\\u%04x", (unsigned)*m->p);
		else
			buf_add(m->out, m->p, n);
		m->p += n > 0 ? n : 1;
	}
	if (m->p == m->end)
		return false;
	buf_chr(m->out, *m->p++);
	return true;
}

/* Copies the number or word at m->p. */
static void
mend_word(struct mending *m)
{
	static const char *const none[] = {"NaN", "Infinity", "inf"};
	const char *word = m->p;
	size_t len, sign = *word == '-' || *word == '+';
	bool is_none = false;

	while (m->p < m->end &&
	       (isalnum((unsigned char)*m->p) || memchr("+-.", *m->p, 3) != NULL))
		m->p++;
	len = (size_t)(m->p - word);
	for (size_t i = 0; i < sizeof none / sizeof *none; i++)
		is_none =
		    is_none || (len - sign == strlen(none[i]) &&
		                   strncasecmp(word + sign, none[i], len - sign) == 0);
	if (is_none)
		buf_str(m->out, "null");
	else
		buf_add(m->out, word, len);
}

/* Copies the bracket, colon or comma at m->p. False if that is no part of JSON here. */
static bool
mend_mark(struct mending *m)
{
	char c = *m->p++;

	if (c == ',') {
		m->whole = m->out->len;
	} else if (c == '{' || c == '[') {
		m->too_deep = m->depth == JSON_DEPTH;
		if (m->too_deep)
			return false;
		m->close[m->depth++] = c == '{' ? '}' : ']';
	} else if (c == '}' || c == ']') {
		if (m->depth == 0 || c != m->close[m->depth - 1])
			return false;
		if (m->last == ',')
			m->out->len = m->whole;
		m->depth--;
	}
	buf_chr(m->out, c);
	if (c != ',' && c != ':')
		m->whole = m->out->len;
	return true;
}

/* Copies what is at m->p, and moves past it. False at the end, or at what is no part of
 * JSON. */
static bool
mend_next(struct mending *m)
{
	char c = *m->p, before = m->last;

	if (c == '"') {
		m->last = c;
		if (!mend_string(m))
			return false;
		/* In an object a name is no value. */
		if (before == ':' || m->close[m->depth - 1] == ']')
			m->whole = m->out->len;
	} else if (isalnum((unsigned char)c) || c == '-' || c == '+' || c == '.') {
		m->last = c;
		mend_word(m);
	} else if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
		buf_chr(m->out, c);
		m->p++;
	} else if (c != '\0' && strchr("{}[],:", c) != NULL) {
		if (!mend_mark(m))
			return false;
		m->last = c;
	} else {
		return false;
	}
	return true;
}

bool
json_mend(const char *text, size_t len, struct buf *out, bool *cut)
{
	struct mending m = {.p = text, .end = text + len, .out = out};

	while ((size_t)(m.end - m.p) >= sizeof BOM - 1 &&
	       memcmp(m.p, BOM, sizeof BOM - 1) == 0)
		m.p += sizeof BOM - 1;
	while (m.p < m.end && isspace((unsigned char)*m.p))
		m.p++;
	if (m.p == m.end || (*m.p != '{' && *m.p != '['))
		return false;
	do
		if (!mend_next(&m))
			break;
	while (m.depth > 0 && m.p < m.end);
	if (m.too_deep)
		return false;
	*cut = m.depth > 0;
	if (*cut)
		out->len = m.whole;
	while (m.depth > 0)
		buf_chr(out, m.close[--m.depth]);
	for (; m.p < m.end && !*cut; m.p++)
		*cut = !isspace((unsigned char)*m.p);
	return true;
}
