#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http/data_url.h"

struct reading {
	const char *p;
	bool base64;
	unsigned bits, nbits; /* of base64, not given out yet */
	bool damaged;
};

bool
data_url_is(const char *url)
{
	return url != NULL && strncasecmp(url, "data:", 5) == 0;
}

/* The next character of the data, with escapes decoded; -1 at its end. A fragment is no
 * data. */
static int
next_char(struct reading *r)
{
	char digits[3] = {0};

	if (*r->p == '\0' || *r->p == '#')
		return -1;
	if (*r->p != '%' || !isxdigit((unsigned char)r->p[1]) ||
	    !isxdigit((unsigned char)r->p[2]))
		return (unsigned char)*r->p++;
	memcpy(digits, r->p + 1, 2);
	r->p += 3;
	return (int)strtol(digits, NULL, 16);
}

static int
base64_value(int c)
{
	static const char letters[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	const char *at = strchr(letters, c);

	if (c == '+' || c == '-')
		return 62;
	if (c == '/' || c == '_')
		return 63;
	return c != '\0' && at != NULL ? (int)(at - letters) : -1;
}

/* The next byte of the data; -1 at its end. */
static int
next_byte(struct reading *r)
{
	int c = next_char(r), value;

	for (; r->base64 && c >= 0 && c != '='; c = next_char(r)) {
		if (isspace(c))
			continue;
		value = base64_value(c);
		if (value < 0)
			break;
		r->bits = (r->bits << 6 | (unsigned)value) & 0xffff;
		r->nbits += 6;
		if (r->nbits >= 8) {
			r->nbits -= 8;
			return (int)(r->bits >> r->nbits & 0xff);
		}
	}
	if (!r->base64)
		return c;
	/* The end: only padding and blanks may be left, and less than one character. */
	for (; c == '=' || isspace(c); c = next_char(r))
		;
	r->damaged = c >= 0 || r->nbits >= 6;
	return -1;
}

int
data_url_read(const char *url, http_sink *sink, void *arg)
{
	const char *comma = strchr(url, ',');
	struct reading r = {.p = comma};
	uint64_t offset = 0;
	char piece[4096];
	size_t n = 0;
	int c;

	if (!data_url_is(url) || comma == NULL)
		return -1;
	r.base64 = comma - url >= 7 && strncasecmp(comma - 7, ";base64", 7) == 0;
	r.p++;
	do {
		c = next_byte(&r);
		if (c >= 0)
			piece[n++] = (char)c;
		if (n == sizeof piece || (c < 0 && n > 0 && !r.damaged)) {
			if (!sink(arg, offset, piece, n))
				return -1;
			offset += n;
			n = 0;
		}
	} while (c >= 0);
	return r.damaged ? -1 : 0;
}
