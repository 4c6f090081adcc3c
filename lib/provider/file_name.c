#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "provider/file_name.h"
#include "json/json.h"

/* The letters of ASCII for U+00C0 to U+017F; '.' has several, or none. */
static const char plain[] =
    "AAAAAA.CEEEEIIIIDNOOOOOxOUUUUY..aaaaaa.ceeeeiiiidnooooo.ouuuuy.y"
    "AaAaAaCcCcCcCcDdDdEeEeEeEeEeGgGgGgGgHhHhIiIiIiIiIi..JjKkkLlLlLlL"
    "lLlNnNnNnnNnOoOoOo..RrRrRrSsSsSsSsTtTtTtUuUuUuUuUuUuWwYyYZzZzZzs";

static const struct {
	unsigned code;
	const char *letters;
} several[] = {{0xc6, "AE"}, {0xde, "Th"}, {0xdf, "ss"}, {0xe6, "ae"}, {0xf7, "-"},
    {0xfe, "th"}, {0x132, "IJ"}, {0x133, "ij"}, {0x152, "OE"}, {0x153, "oe"}};

/* The characters that a list such as "a-zA-Z0-9._-" has. */
struct allowed {
	bool has[128];
};

static void
read_allowed(struct allowed *a, const char *list)
{
	*a = (struct allowed){0};
	for (const unsigned char *c = (const unsigned char *)list; *c != '\0'; c++) {
		unsigned last = *c;

		if (c[1] == '-' && c[2] > *c)
			last = c[2];
		for (unsigned i = *c; i <= last && i < 128; i++)
			a->has[i] = true;
		if (last != *c)
			c += 2;
	}
}

/* Decodes a character of valid UTF-8 of len bytes. */
static unsigned
code_of(const char *s, size_t len)
{
	unsigned code = (unsigned char)*s;

	if (len > 1)
		code &= 0x7fU >> len;
	for (size_t i = 1; i < len; i++)
		code = code << 6 | ((unsigned char)s[i] & 0x3f);
	return code;
}

static const char *
letters_of(unsigned code, char one[2])
{
	for (size_t i = 0; i < sizeof several / sizeof *several; i++)
		if (several[i].code == code)
			return several[i].letters;
	one[0] = one[1] = '\0';
	if (code < 0x80)
		one[0] = (char)code;
	else if (code >= 0xc0 && code < 0xc0 + sizeof plain - 1)
		one[0] = plain[code - 0xc0];
	return one;
}

/* Appends the allowed characters of text; `gap` (0: nothing) stands once for all others that
 * are between them. */
static void
fit(struct buf *out, const char *text, size_t len, const struct allowed *allowed,
    char gap)
{
	size_t start = out->len;
	bool pending = false;

	for (size_t at = 0, n; at < len; at += n) {
		const char *letters;
		char one[2];

		n = utf8_char(text + at, len - at);
		if (n == 0)
			n = 1;
		letters = letters_of(code_of(text + at, n), one);
		if (code_of(text + at, n) >= 0x300 && code_of(text + at, n) < 0x370)
			continue; /* an accent of the letter before */
		if (*letters == '\0')
			pending = true;
		for (; *letters != '\0'; letters++) {
			if ((unsigned char)*letters >= 128 ||
			    !allowed->has[(unsigned char)*letters] || *letters == gap) {
				pending = true;
				continue;
			}
			if (pending && gap != '\0' && out->len > start)
				buf_chr(out, gap);
			pending = false;
			buf_chr(out, *letters);
		}
	}
}

static bool
fits(const char *name, size_t max, const struct allowed *allowed)
{
	size_t len = 0;

	while ((unsigned char)name[len] < 128 && allowed->has[(unsigned char)name[len]])
		len++;
	return len > 0 && name[len] == '\0' && len <= max;
}

char *
file_name_fit(const struct provider *p, const char *name)
{
	struct json_object *rule = json_at(p->def, "/image/file_name");
	const char *list = json_str(rule, "/characters"), *dot = strrchr(name, '.');
	size_t max = (size_t)json_int(rule, "/max", 255), stem;
	struct buf out = {0}, ext = {0};
	struct allowed allowed;

	if (rule == NULL)
		return mem_str(name);
	read_allowed(&allowed, list != NULL ? list : " -~");
	if (fits(name, max, &allowed))
		return mem_str(name);
	stem = dot != NULL && dot != name ? (size_t)(dot - name) : strlen(name);
	buf_str(&ext, "");
	if (dot != NULL && dot != name && allowed.has['.'])
		fit(&ext, dot, strlen(dot), &allowed, '\0');
	buf_str(&out, "");
	fit(&out, name, stem, &allowed,
	    allowed.has['_']   ? '_'
	    : allowed.has['-'] ? '-'
	                       : '\0');
	if (out.len == 0)
		fit(&out, "photo", 5, &allowed, '\0');
	if (ext.len >= max)
		buf_clear(&ext);
	if (out.len + ext.len > max) {
		out.len = max - ext.len;
		out.data[out.len] = '\0';
	}
	buf_add(&out, ext.data, ext.len);
	buf_release(&ext);
	return out.data;
}

bool
file_name_is_possible(const struct provider *p)
{
	char *name = file_name_fit(p, "photo.jpg");
	bool possible = strcmp(name, "photo.jpg") == 0;

	free(name);
	return possible;
}
