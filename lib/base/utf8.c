#include <stdint.h>
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

void
utf8_line(char *s, size_t max)
{
	if (strlen(s) > max) {
		s[max] = '\0';
		utf8_cut(s);
	}
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = ' ';
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
