#include <ctype.h>
#include <endian.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "json/scan.h"

struct walk {
	const char *text, *p, *end;
	struct scan *s;
	scan_fn *found;
	scan_part_fn *part;
	void *cookie;
	struct scan_member member; /* the current top-level member */
	size_t depth;
	char *close;  /* what ends each open container: } or ]; of SCAN_DEPTH bytes */
	bool escaped; /* the string at hand has an escape */
	bool trusted; /* do not search the names for secrets */
};

static bool
mistake(struct walk *w, const char *at, const char *what)
{
	w->s->at = (size_t)(at - w->text);
	w->s->what = what;
	return false;
}

/* Tells of the bytes from `from` on, up to where the walk is. */
static void
tell(const struct walk *w, enum scan_part part, const char *from)
{
	if (w->part != NULL)
		w->part(w->cookie, part, (struct slice){from, (size_t)(w->p - from)});
}

static int
peek_past_blanks(struct walk *w)
{
	for (; w->p < w->end; w->p++)
		if (*w->p != ' ' && *w->p != '\n' && *w->p != '\t' && *w->p != '\r')
			return (unsigned char)*w->p;
	return -1;
}

/* Eight bytes at a time: a subtraction that underflows sets the byte's high bit.
 * The lowest high bit is exact, since a borrow reaches only the bytes above it. */
const char *
scan_plain(const char *p, const char *end)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);

	for (; end - p >= 8; p += 8) {
		uint64_t v, hits;
		memcpy(&v, p, sizeof v);
		v = le64toh(v);
		hits = v | (v - ones * 0x20) | ((v ^ ones * '"') - ones) |
		       ((v ^ ones * '\\') - ones);
		hits &= ones * 0x80;
		if (hits != 0)
			return p + (size_t)__builtin_ctzll(hits) / 8;
	}
	while (p < end && *p != '"' && *p != '\\' && (unsigned char)*p >= 0x20 &&
	       (unsigned char)*p < 0x80)
		p++;
	return p;
}

long
scan_hex4(const char *p, const char *end)
{
	char digits[5] = {0};

	if (end - p < 4)
		return -1;
	memcpy(digits, p, 4);
	if (strspn(digits, "0123456789abcdefABCDEF") < 4)
		return -1;
	return strtol(digits, NULL, 16);
}

/* Skips an escape. w->p is at the backslash. */
static bool
escape(struct walk *w)
{
	const char *p = w->p;

	if (w->end - p < 2 || p[1] == '\0' || strchr("\"\\/bfnrtu", p[1]) == NULL)
		return mistake(w, p, "unknown escape");
	if (p[1] == 'u' && scan_hex4(p + 2, w->end) < 0)
		return mistake(w, p, "\\u needs four hexadecimal digits");
	w->p += p[1] == 'u' ? 6 : 2;
	return true;
}

/* Skips a string. w->p is at the opening quote. */
static bool
string(struct walk *w)
{
	const char *start = w->p++;

	for (;;) {
		size_t n;
		w->p = scan_plain(w->p, w->end);
		if (w->p == w->end)
			return mistake(w, start, "a string does not end");
		if (*w->p == '"') {
			w->p++;
			return true;
		}
		if (*w->p == '\\') {
			w->escaped = true;
			if (!escape(w))
				return false;
			continue;
		}
		if ((unsigned char)*w->p < 0x20)
			return mistake(w, w->p, "a string contains a control character");
		n = utf8_char(w->p, (size_t)(w->end - w->p));
		if (n == 0)
			return mistake(w, w->p, "it is not UTF-8");
		w->p += n;
	}
}

static size_t
digits(struct walk *w)
{
	const char *start = w->p;

	while (w->p < w->end && *w->p >= '0' && *w->p <= '9')
		w->p++;
	return (size_t)(w->p - start);
}

static bool
number(struct walk *w)
{
	const char *start = w->p;
	bool zero;
	size_t n;

	w->p += *start == '-';
	zero = w->p < w->end && *w->p == '0';
	n = digits(w);
	if (n == 0 || (zero && n > 1))
		return mistake(w, start,
		    n == 0 ? "a number has no digits" : "a number begins with 0");
	if (w->p < w->end && *w->p == '.') {
		w->p++;
		if (digits(w) == 0)
			return mistake(w, start, "a number ends in a decimal point");
	}
	if (w->p < w->end && (*w->p | 0x20) == 'e') {
		w->p++;
		w->p += w->p < w->end && (*w->p == '+' || *w->p == '-');
		if (digits(w) == 0)
			return mistake(w, start, "a number has an empty exponent");
	}
	return true;
}

static bool
skip_scalar(struct walk *w, int c)
{
	const char *word = c == 't' ? "true" : c == 'f' ? "false" : "null";
	size_t len = strlen(word);

	if (c == '"')
		return string(w);
	if (c == '-' || (c >= '0' && c <= '9'))
		return number(w);
	if ((size_t)(w->end - w->p) < len || memcmp(w->p, word, len) != 0)
		return mistake(w, w->p, "a value is expected");
	w->p += len;
	return true;
}

static bool
scalar(struct walk *w, int c)
{
	const char *start = w->p;

	if (!skip_scalar(w, c))
		return false;
	tell(w, SCAN_SCALAR, start);
	return true;
}

/* Decodes a \u escape, or a surrogate pair of them, at *p into UTF-8. False if it is not
 * one. */
static bool
unescape_u(const char **p, const char *end, char out[4], size_t *n)
{
	static const unsigned char lead[] = {[1] = 0, 0xc0, 0xe0, 0xf0};
	long c = scan_hex4(*p + 2, end), low;

	if (c < 0)
		return false;
	*p += 6;
	if (c >= 0xd800 && c <= 0xdbff && end - *p >= 6 && memcmp(*p, "\\u", 2) == 0) {
		low = scan_hex4(*p + 2, end);
		if (low >= 0xdc00 && low <= 0xdfff) {
			*p += 6;
			c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
		}
	}
	if (c >= 0xd800 && c <= 0xdfff)
		c = 0xfffd;
	*n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	for (size_t i = *n - 1; i > 0; i--, c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3f));
	out[0] = (char)(lead[*n] | c);
	return true;
}

size_t
scan_char(const char **p, const char *end, char out[4])
{
	static const char names[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
	size_t n = 1;

	out[0] = **p;
	if (**p == '\\' && end - *p >= 2) {
		const char *name = memchr(names, (*p)[1], sizeof names - 1);
		if (name != NULL) {
			out[0] = means[name - names];
			*p += 2;
			return 1;
		}
		if ((*p)[1] == 'u' && unescape_u(p, end, out, &n))
			return n;
	}
	*p += 1;
	return 1;
}

/* The names under which credentials stand in answers of token endpoints, credentials
 * files, headers and environments; `_` stands for `_`, `-`, a blank or nothing. */
static const struct secret_name {
	const char *name, *kind;
	bool starts;   /* no letter stands before it: "covid_token" is no id_token */
	bool assigned; /* common in the names of files: = or : must follow */
} secret_names[] = {{"access_token", "access_token", false, false},
    {"refresh_token", "refresh_token", false, false},
    {"id_token", "id_token", true, false},
    {"client_secret", "client_secret", false, false},
    {"webhook_secret", "webhook secret", false, false},
    {"api_key", "API key", true, true}, {"__password", "password", false, true},
    {"authorization", "Authorization header", true, true}};

/* The number of bytes at p that spell the name in any case, with or without escapes; 0 if
 * they do not. */
static size_t
spells(const char *p, const char *end, const char *name)
{
	const char *start = p;
	char out[4];

	for (; *name != '\0'; name++) {
		const char *next = p;
		bool gap = p < end && scan_char(&next, end, out) == 1 &&
		           memchr("_- ", out[0], 3) != NULL;
		if (*name == '_' && name[1] == '_') { /* a gap there must be */
			if (!gap)
				return 0;
			name++;
			p = next;
		} else if (*name == '_') {
			p = gap ? next : p;
		} else {
			if (p == end || scan_char(&p, end, out) != 1 ||
			    tolower((unsigned char)out[0]) != *name)
				return 0;
		}
	}
	return (size_t)(p - start);
}

static const char *
skip_any(const char *p, const char *end, const char *bytes)
{
	while (p < end && *p != '\0' && strchr(bytes, *p) != NULL)
		p++;
	return p;
}

/* True if a word starts at p: "idToken" and "my_idToken", and also "myIdToken". */
static bool
starts_word(const char *text, const char *p)
{
	return p == text || !isalnum((unsigned char)p[-1]) ||
	       (islower((unsigned char)p[-1]) && isupper((unsigned char)*p));
}

/* The first name of a secret at p, and the number of its bytes. */
static const struct secret_name *
secret_at(const char *text, const char *p, const char *end, size_t *n)
{
	if (strchr("ariw c_-\\", tolower((unsigned char)*p)) == NULL)
		return NULL;
	for (size_t i = 0; i < sizeof secret_names / sizeof *secret_names; i++) {
		const struct secret_name *s = &secret_names[i];
		*n = spells(p, end, s->name);
		if (*n > 0 && (!s->starts || starts_word(text, p)))
			return s;
	}
	return NULL;
}

/* False if the last letters are not those of a secret's name: a quick test, since each
 * name of each record passes here. */
static bool
may_be_secret(struct slice k)
{
	int before = k.len < 6 ? 0 : k.at[k.len - 2] | 0x20;

	switch (before != 0 ? k.at[k.len - 1] | 0x20 : 0) {
	case 'd':
		return before == 'r';
	case 'n': /* token, authorization; not orientation */
		return before == 'e' ||
		       (before == 'o' && (k.at[k.len - 6] | 0x20) == 'z');
	case 't':
	case 'y':
		return before == 'e';
	}
	return false;
}

/* The kind of secret that a member's name ends with, or NULL. */
static const char *
secret_key(struct slice k, bool escaped)
{
	const char *end = k.at + k.len;
	const struct secret_name *s;
	size_t n;

	if (!escaped && !may_be_secret(k))
		return NULL;
	for (const char *p = k.at; p < end; p++) {
		s = secret_at(k.at, p, end, &n);
		if (s != NULL && p + n == end)
			return s->kind;
	}
	return NULL;
}

const char *
scan_secret_name(const char *name)
{
	return secret_key((struct slice){name, strlen(name)}, false);
}

const char *
scan_secret(const char *text, size_t len, bool *open)
{
	const char *end = text + len, *kind = NULL;
	const struct secret_name *s;
	size_t n;

	*open = false;
	for (const char *p = text; p < end; p++) {
		const char *value;
		s = secret_at(text, p, end, &n);
		if (s == NULL)
			continue;
		value = skip_any(p + n, end, "\"'\\ \t\r\n");
		if (s->assigned && value < end && *value != '=' && *value != ':')
			continue;
		kind = s->kind;
		*open = skip_any(value, end, "=: \t\r\n") == end;
		p += n - 1;
	}
	return kind;
}

/* Skips a member's name and its colon. */
static bool
key(struct walk *w)
{
	struct slice k;

	if (peek_past_blanks(w) != '"')
		return mistake(w, w->p, "a member's name in quotes is expected");
	k.at = w->p + 1;
	w->escaped = false;
	if (!string(w))
		return false;
	k.len = (size_t)(w->p - 1 - k.at);
	if (!w->trusted && w->s->secret == NULL)
		w->s->secret = secret_key(k, w->escaped);
	if (w->part != NULL)
		w->part(w->cookie, SCAN_NAME, k);
	if (w->depth == 1)
		w->member.key = k;
	if (peek_past_blanks(w) != ':')
		return mistake(w, w->p, "a colon is expected after a member's name");
	w->p++;
	return true;
}

/* Enters containers, then skips the first scalar or empty container. */
static bool
value(struct walk *w)
{
	for (;;) {
		int c = peek_past_blanks(w);

		if (w->depth == 1)
			w->member.value.at = w->p;
		if (c != '{' && c != '[')
			return scalar(w, c);
		if (w->depth == SCAN_DEPTH)
			return mistake(w, w->p, "it is nested too deeply");
		w->close[w->depth++] = c == '{' ? '}' : ']';
		if (w->depth > w->s->depth)
			w->s->depth = w->depth;
		w->p++;
		tell(w, SCAN_BEGIN, w->p - 1);
		if (peek_past_blanks(w) == w->close[w->depth - 1]) {
			w->p++;
			w->depth--;
			tell(w, SCAN_END, w->p - 1);
			return true;
		}
		if (c == '{' && !key(w))
			return false;
	}
}

/* Skips what may follow a value: ends of containers, or a comma and the next name. */
static bool
after(struct walk *w)
{
	while (w->depth > 0) {
		char end = w->close[w->depth - 1];
		int c;

		if (w->depth == 1 && w->found != NULL) {
			w->member.value.len = (size_t)(w->p - w->member.value.at);
			w->found(w->cookie, &w->member);
		}
		c = peek_past_blanks(w);
		if (c == ',') {
			w->p++;
			return end == ']' || key(w);
		}
		if (c != end)
			return mistake(w, w->p,
			    end == '}' ? "a comma or } is expected"
			               : "a comma or ] is expected");
		w->p++;
		w->depth--;
		tell(w, SCAN_END, w->p - 1);
	}
	return true;
}

static bool
walk(struct walk *w)
{
	int c = peek_past_blanks(w);

	*w->s = (struct scan){0};
	if (c < 0)
		return mistake(w, w->p, "it is empty");
	w->s->type = (char)c;
	do
		if (!value(w) || !after(w))
			return false;
	while (w->depth > 0);
	if (peek_past_blanks(w) >= 0)
		return mistake(w, w->p, "something follows the value");
	return true;
}

/* Walks through a text. w says what for. */
static bool
walk_text(struct walk w, const char *text, size_t len)
{
	char close[SCAN_DEPTH];

	w.text = w.p = text;
	w.end = text + len;
	w.close = close;
	return walk(&w);
}

bool
scan_text(const char *text, size_t len, struct scan *s, scan_fn *found, void *cookie)
{
	const struct walk w = {.s = s, .found = found, .cookie = cookie};

	return walk_text(w, text, len);
}

bool
scan_parts(const char *text, size_t len, struct scan *s, scan_part_fn *part, void *cookie)
{
	const struct walk w = {.s = s, .part = part, .cookie = cookie, .trusted = true};

	return walk_text(w, text, len);
}

bool
scan_members(const char *text, size_t len, scan_fn *found, void *cookie)
{
	struct scan ignored;
	const struct walk w = {
	    .s = &ignored, .found = found, .cookie = cookie, .trusted = true};

	return walk_text(w, text, len);
}

/* The number of bytes at p that spell the name, with or without escapes; 0 if they do
 * not. */
static size_t
matches(const char *p, const char *end, const char *name)
{
	const char *start = p;

	while (*name != '\0') {
		char out[4];
		size_t n;
		if (p == end)
			return 0;
		n = scan_char(&p, end, out);
		if (strncmp(name, out, n) != 0)
			return 0;
		name += n;
	}
	return (size_t)(p - start);
}

bool
scan_key_is(struct slice k, const char *name)
{
	size_t len;

	if (k.len > 0 && k.at[0] != name[0] && k.at[0] != '\\')
		return false;
	len = strlen(name);
	if (k.len < len)
		return false;
	if (memchr(k.at, '\\', k.len) == NULL)
		return k.len == len && memcmp(k.at, name, len) == 0;
	return len > 0 && matches(k.at, k.at + k.len, name) == k.len;
}

/* A token that is shorter needs no memory of its own. */
#define SMALL 32

/* The search of scan_find() in one container. */
struct search {
	const char *name; /* the pointer's token, decoded */
	size_t index;     /* the token as an array's index, or SIZE_MAX */
	size_t count;
	struct scan_member m; /* value.at is NULL: nothing fits so far */
};

static void
compare(void *cookie, const struct scan_member *m)
{
	struct search *s = cookie;

	if (m->key.at != NULL ? scan_key_is(m->key, s->name) : s->count == s->index)
		s->m = *m;
	s->count++;
}

/* The token after the slash at *pointer, decoded; moves *pointer past it. It is in `small`,
 * or to be freed. */
static char *
token(const char **pointer, char small[SMALL])
{
	size_t len = strcspn(++*pointer, "/");
	char *name = len < SMALL ? small : mem_strn(*pointer, len), *to = name;

	if (name == small) {
		memcpy(name, *pointer, len);
		name[len] = '\0';
	}

	for (const char *p = name; *p != '\0'; p++) {
		if (p[0] == '~' && (p[1] == '0' || p[1] == '1'))
			*to++ = *++p == '0' ? '~' : '/';
		else
			*to++ = *p;
	}
	*to = '\0';
	*pointer += len;
	return name;
}

static size_t
array_index(const char *name)
{
	size_t len = *name >= '0' && *name <= '9' ? strlen(name) : 0;

	if (len == 0 || len > 9 || strspn(name, "0123456789") != len ||
	    (name[0] == '0' && len > 1))
		return SIZE_MAX;
	return (size_t)strtoul(name, NULL, 10);
}

bool
scan_find(const char *text, size_t len, const char *pointer, struct scan_member *m)
{
	struct scan_member here = {{NULL, 0}, {text, len}};

	while (*pointer == '/') {
		char small[SMALL], *name = token(&pointer, small);
		struct search s = {.name = name, .index = array_index(name)};
		bool valid = scan_members(here.value.at, here.value.len, compare, &s);

		if (name != small)
			free(name);
		if (!valid || s.m.value.at == NULL)
			return false;
		here = s.m;
	}
	*m = here;
	return *pointer == '\0';
}

void
scan_place(const char *text, size_t offset, size_t *line, size_t *column)
{
	*line = 1;
	*column = 1;
	for (size_t i = 0; i < offset; i++) {
		if (text[i] == '\n') {
			++*line;
			*column = 1;
		} else if (((unsigned char)text[i] & 0xc0) != 0x80) {
			++*column;
		}
	}
}
