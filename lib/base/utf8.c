#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

size_t
utf8_char(const char *s, size_t len)
{
	const unsigned char *u = (const unsigned char *)s;
	unsigned char first, low, high;
	size_t n;

	if (len == 0)
		return 0;
	first = u[0];
	if (first < 0x80)
		return 1;
	if (first < 0xc2 || first > 0xf4)
		return 0;
	n = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
	/* The second byte of some sequences has a narrower range (RFC 3629, section 4). */
	low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
	high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
	if (len < n || u[1] < low || u[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++)
		if ((u[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

bool
utf8_valid(const char *s, size_t len)
{
	for (size_t n; len > 0; s += n, len -= n) {
		n = utf8_char(s, len);
		if (n == 0)
			return false;
	}
	return true;
}

size_t
utf8_count(const char *s)
{
	size_t count = 0;

	for (; *s != '\0'; s++)
		if (((unsigned char)*s & 0xc0) != 0x80)
			count++;
	return count;
}

void
utf8_cut(char *s)
{
	size_t len = strlen(s), n = 1; /* of the last character */

	while (n < 4 && n < len && ((unsigned char)s[len - n] & 0xc0) == 0x80)
		n++;
	if (n <= len && (unsigned char)s[len - n] >= 0xc0 &&
	    utf8_char(s + len - n, n) == 0)
		s[len - n] = '\0';
}

/* Characters that a terminal obeys, or that nobody sees: controls, zero-width characters,
 * marks that change the direction of text, line separators, tags. */
static const struct {
	unsigned first, last;
} hidden[] = {{0x00, 0x1f}, {0x7f, 0x9f}, {0xad, 0xad}, {0x61c, 0x61c}, {0x180e, 0x180e},
    {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f}, {0xfeff, 0xfeff},
    {0xfff9, 0xfffb}, {0xe0000, 0xe007f}};

/* The code point of a valid character of n bytes. */
static unsigned
code_point(const char *s, size_t n)
{
	unsigned c = (unsigned char)*s;

	if (n > 1)
		c &= 0x7fU >> n;
	for (size_t i = 1; i < n; i++)
		c = c << 6 | ((unsigned char)s[i] & 0x3f);
	return c;
}

size_t
utf8_columns(const char *s)
{
	size_t columns = 0, left = strlen(s), n;

	for (; left > 0 && (n = utf8_char(s, left)) > 0; s += n, left -= n) {
		unsigned c = code_point(s, n);
		/* Hangul and up, but not the signs that this program draws with. */
		columns += c < 0x1100 || (c >= 0x2000 && c < 0x2600) || c == 0x2714 ||
		                   c == 0x2718
		               ? 1
		               : 2;
	}
	return columns;
}

/* Writes how the first character of s is shown: as it is, or as an escape. Returns the
 * number of bytes that it has in s. */
static size_t
show_char(char out[12], const char *s, size_t len)
{
	size_t n = utf8_char(s, len);
	unsigned c;

	if (n == 0) {
		snprintf(out, 12, "\\x%02x", (unsigned char)*s);
		return 1;
	}
	c = code_point(s, n);
	memcpy(out, s, n);
	out[n] = '\0';
	for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
		if (c >= hidden[i].first && c <= hidden[i].last)
			snprintf(out, 12,
			    c == '\n'  ? "\\n"
			    : c < 0x80 ? "\\x%02x"
			               : "\\u%04x",
			    c);
	return n;
}

void
utf8_show(char *to, size_t size, const char *from)
{
	size_t left = strlen(from), used = 0, n, len;
	char out[12];

	for (; left > 0; from += n, left -= n) {
		n = show_char(out, from, left);
		len = strlen(out);
		if (used + len >= size)
			break;
		memcpy(to + used, out, len);
		used += len;
	}
	to[used] = '\0';
}

bool
utf8_is_shown(const char *s)
{
	size_t left = strlen(s), n;
	char out[12];

	for (; left > 0; s += n, left -= n) {
		n = show_char(out, s, left);
		if (strncmp(out, s, n) != 0)
			return false;
	}
	return true;
}

void
utf8_mend(struct buf *out, const char *s, size_t len)
{
	for (size_t n; len > 0; s += n, len -= n) {
		n = utf8_char(s, len);
		buf_add(out, n > 0 ? s : "\xef\xbf\xbd", n > 0 ? n : 3);
		if (n == 0)
			n = 1;
	}
}
