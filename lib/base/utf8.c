#include <stdint.h>
#include <string.h>

#include "base/utf8.h"

/* The second byte of some sequences has a narrower range (RFC 3629, section 4). */
static bool
second_ok(unsigned char first, unsigned char second)
{
	switch (first) {
	case 0xe0:
		return second >= 0xa0 && second <= 0xbf;
	case 0xed:
		return second >= 0x80 && second <= 0x9f;
	case 0xf0:
		return second >= 0x90 && second <= 0xbf;
	case 0xf4:
		return second >= 0x80 && second <= 0x8f;
	default:
		return second >= 0x80 && second <= 0xbf;
	}
}

size_t
utf8_char(const char *s, size_t len)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t n;

	if (len == 0)
		return 0;
	if (u[0] < 0x80)
		return 1;
	if (u[0] >= 0xc2 && u[0] <= 0xdf)
		n = 2;
	else if (u[0] >= 0xe0 && u[0] <= 0xef)
		n = 3;
	else if (u[0] >= 0xf0 && u[0] <= 0xf4)
		n = 4;
	else
		return 0;
	if (len < n || !second_ok(u[0], u[1]))
		return 0;
	for (size_t i = 2; i < n; i++)
		if ((u[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

bool
utf8_valid(const char *s, size_t len)
{
	while (len > 0) {
		size_t n = utf8_char(s, len);
		if (n == 0)
			return false;
		s += n;
		len -= n;
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
	size_t len = strlen(s), start = len;

	while (
	    start > 0 && len - start < 4 && ((unsigned char)s[start - 1] & 0xc0) == 0x80)
		start--;
	if (start > 0 && (unsigned char)s[start - 1] >= 0xc0 &&
	    utf8_char(s + start - 1, len - start + 1) == 0)
		s[start - 1] = '\0';
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
	while (len > 0) {
		size_t n = utf8_char(s, len);
		if (n == 0) {
			buf_add(out, "\xef\xbf\xbd", 3);
			n = 1;
		} else {
			buf_add(out, s, n);
		}
		s += n;
		len -= n;
	}
}
