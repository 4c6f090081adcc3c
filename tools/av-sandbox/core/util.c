#include <ctype.h>
#include <errno.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "core/util.h"

/* The finisher of SplitMix64. */
uint64_t
mix(uint64_t a, uint64_t b)
{
	uint64_t z = a * 0x9e3779b97f4a7c15u + b + 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

uint64_t
mix_str(uint64_t a, const char *s)
{
	while (*s != '\0')
		a = mix(a, (unsigned char)*s++);
	return a;
}

double
chance(uint64_t n)
{
	return (double)(n >> 11) / 9007199254740992.0;
}

void
digest_hex(const void *data, size_t len, char out[SHA256_HEX])
{
	struct sha256 s;

	sha256_init(&s);
	sha256_add(&s, data, len);
	sha256_hex(&s, out);
}

void
hmac_hex(const char *key, const char *text, char out[SHA256_HEX])
{
	unsigned char md[SHA256_BYTES];

	if (HMAC(EVP_sha256(), key, (int)strlen(key), (const unsigned char *)text,
	        strlen(text), md, NULL) == NULL)
		abort();
	hex_of(out, md, sizeof md);
}

void
uuid_of(uint64_t a, uint64_t b, char out[UUID_SIZE])
{
	uint64_t hi = mix(a, b);
	uint64_t lo = mix(b, hi);

	snprintf(out, UUID_SIZE, "%08x-%04x-4%03x-%04x-%012llx", (unsigned)(hi >> 32),
	    (unsigned)(hi >> 16) & 0xffffu, (unsigned)hi & 0xfffu,
	    0x8000u | ((unsigned)(lo >> 48) & 0x3fffu),
	    (unsigned long long)(lo & 0xffffffffffffu));
}

bool
is_uuid(const char *s)
{
	size_t i;

	for (i = 0; i < 36; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? s[i] != '-' : !isxdigit((unsigned char)s[i]))
			return false;
	}
	return s[i] == '\0';
}

bool
is_url(const char *s, bool https)
{
	const char *host;

	if (strncmp(s, "https://", 8) == 0)
		host = s + 8;
	else if (!https && strncmp(s, "http://", 7) == 0)
		host = s + 7;
	else
		return false;
	if (!isalnum((unsigned char)*host) && *host != '[')
		return false;
	for (; *s != '\0'; s++)
		if (*s <= ' ' || strchr("\"<>\\^`{|}\x7f", *s) != NULL)
			return false;
	return true;
}

bool
is_integer(const char *s, long min, long max)
{
	char *end;
	long n;

	if (!isdigit((unsigned char)*s) && *s != '-')
		return false;
	errno = 0;
	n = strtol(s, &end, 10);
	return errno == 0 && *end == '\0' && n >= min && n <= max;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes %XX and + (application/x-www-form-urlencoded). NULL: broken. */
static char *
decode(const char *s, size_t len)
{
	char *out = mem_new(len + 1, 1);
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		int c = (unsigned char)s[i];

		if (c == '%') {
			int hi = i + 1 < len ? hex_digit(s[i + 1]) : -1;
			int lo = i + 2 < len ? hex_digit(s[i + 2]) : -1;

			c = hi < 0 || lo < 0 ? 0 : hi * 16 + lo;
			i += 2;
		} else if (c == '+') {
			c = ' ';
		}
		if (c == 0)
			goto bad;
		out[n++] = (char)c;
	}
	if (utf8_valid(out, n))
		return out;
bad:
	free(out);
	return NULL;
}

bool
pairs_parse(struct pairs *p, const char *s, size_t len)
{
	const char *end = s + len;

	*p = (struct pairs){NULL, 0};
	while (s < end) {
		const char *stop = memchr(s, '&', (size_t)(end - s));
		const char *eq;
		struct pair one;

		if (stop == NULL)
			stop = end;
		eq = memchr(s, '=', (size_t)(stop - s));
		one.name = decode(s, (size_t)((eq != NULL ? eq : stop) - s));
		one.value =
		    eq != NULL ? decode(eq + 1, (size_t)(stop - eq - 1)) : mem_str("");
		p->at = mem_resize(p->at, (p->n + 1) * sizeof *p->at);
		p->at[p->n++] = one;
		if (one.name == NULL || one.value == NULL)
			return false;
		s = stop + 1;
	}
	return true;
}

const char *
pairs_get(const struct pairs *p, const char *name)
{
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->at[i].name, name) == 0)
			return p->at[i].value;
	return NULL;
}

void
pairs_release(struct pairs *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->at[i].name);
		free(p->at[i].value);
	}
	free(p->at);
	*p = (struct pairs){NULL, 0};
}

bool
word_in(const char *list, const char *word)
{
	size_t len = strlen(word);

	if (list == NULL || len == 0)
		return false;
	while (*list != '\0') {
		size_t n = strcspn(list, " ");

		if (n == len && memcmp(list, word, n) == 0)
			return true;
		list += n + strspn(list + n, " ");
	}
	return false;
}
