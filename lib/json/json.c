#include <errno.h>
#include <inttypes.h>
#include <json-c/json_pointer.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "json/json.h"
#include "json/scan.h"

#define TOKEN_MAX 64

/* A lone surrogate is read as U+FFFF, which no text has; U+FFFD, as which it is usually
 * read, is a character of valid texts too. */
#define LONE "\xef\xbf\xbf"

/* A tree being made of a text. */
struct tree {
	struct json_object *root;
	struct json_object **open; /* containers; of SCAN_DEPTH */
	size_t depth;
	struct buf name; /* of the member that comes */
	struct buf text; /* of the scalar at hand, if it has to be copied */
	bool lone;       /* tell lone surrogates from U+FFFD */
};

/* True if the escape at `from`, read as out, is a lone surrogate: it became U+FFFD, though
 * it is not the escape of U+FFFD. */
static bool
is_lone(const char *from, const char *end, const char *out, size_t n)
{
	return n == 3 && memcmp(out, "\xef\xbf\xbd", 3) == 0 && *from == '\\' &&
	       scan_hex4(from + 2, end) != 0xfffd;
}

/* Sets text to the characters of a string or name, its escapes decoded. */
static void
decode(const struct tree *t, struct slice s, struct buf *text)
{
	const char *p = s.at, *end = s.at + s.len, *escape;
	char out[4];

	buf_clear(text);
	while ((escape = memchr(p, '\\', (size_t)(end - p))) != NULL) {
		size_t n;
		buf_add(text, p, (size_t)(escape - p));
		p = escape;
		n = scan_char(&p, end, out);
		if (t->lone && is_lone(escape, end, out, n))
			buf_add(text, LONE, 3);
		else
			buf_add(text, out, n);
	}
	buf_add(text, p, (size_t)(end - p));
}

static struct json_object *
read_string(struct tree *t, struct slice s)
{
	if (memchr(s.at, '\\', s.len) != NULL) {
		decode(t, s, &t->text);
		s = (struct slice){t->text.data, t->text.len};
	}
	return mem_checked(json_object_new_string_len(s.at, (int)s.len));
}

/* json-c keeps the text of a decimal. An integer that does not fit, and -0, are one. */
static struct json_object *
read_number(struct tree *t, struct slice s)
{
	const char *text;
	long long n;
	unsigned long long u;

	buf_clear(&t->text);
	buf_add(&t->text, s.at, s.len);
	text = t->text.data;
	errno = 0;
	if (strpbrk(text, ".eE") == NULL && strcmp(text, "-0") != 0) {
		n = strtoll(text, NULL, 10);
		if (errno == 0)
			return mem_checked(json_object_new_int64(n));
		errno = 0;
		u = strtoull(text, NULL, 10);
		if (errno == 0 && *text != '-')
			return mem_checked(json_object_new_uint64(u));
	}
	return mem_checked(json_object_new_double_s(strtod(text, NULL), text));
}

static struct json_object *
read_scalar(struct tree *t, struct slice s)
{
	switch (*s.at) {
	case '"':
		return read_string(t, (struct slice){s.at + 1, s.len - 2});
	case 't':
	case 'f':
		return mem_checked(json_object_new_boolean(*s.at == 't'));
	case 'n':
		return NULL;
	default:
		return read_number(t, s);
	}
}

/* Puts a value where the text has it. */
static void
grow(struct tree *t, struct json_object *o)
{
	struct json_object *in = t->depth > 0 ? t->open[t->depth - 1] : NULL;

	if (in == NULL)
		t->root = o;
	else if (json_object_is_type(in, json_type_array))
		json_append(in, o);
	else if (json_object_object_add(in, t->name.data, o) != 0)
		mem_checked(NULL);
}

static void
on_part(void *cookie, enum scan_part part, struct slice bytes)
{
	struct tree *t = cookie;
	struct json_object *o;

	switch (part) {
	case SCAN_BEGIN:
		o = *bytes.at == '{' ? json_new_object() : json_new_array();
		grow(t, o);
		t->open[t->depth++] = o;
		break;
	case SCAN_END:
		o = t->open[--t->depth];
		if (*bytes.at == ']' && json_object_array_shrink(o, 0) != 0)
			mem_checked(NULL);
		break;
	case SCAN_NAME:
		decode(t, bytes, &t->name);
		break;
	case SCAN_SCALAR:
		grow(t, read_scalar(t, bytes));
		break;
	}
}

static void
place_mistake(const char *text, const struct scan *s, struct err *e)
{
	size_t line, column;

	scan_place(text, s->at, &line, &column);
	err_set(e, CODE_BAD_ANSWER, "not JSON: line %zu, column %zu: %s", line, column,
	    s->what);
}

/* lone: the text is from elsewhere, so lone surrogates must not become U+FFFD. */
static struct json_object *
parse(const char *text, size_t len, size_t depth, bool lone, struct err *e)
{
	struct json_object *open[SCAN_DEPTH];
	struct tree t = {.open = open, .lone = lone};
	struct scan s;

	if (len > INT_MAX) {
		err_set(e, CODE_BAD_ANSWER, "the JSON text is too long");
		return NULL;
	}
	if (scan_parts(text, len, &s, on_part, &t) && s.depth > depth) {
		s.what = "it is nested too deeply";
		s.at = 0;
	}
	buf_release(&t.name);
	buf_release(&t.text);
	if (s.what != NULL) {
		place_mistake(text, &s, e);
		json_object_put(t.root);
		return NULL;
	}
	if (t.root == NULL)
		err_set(e, CODE_BAD_ANSWER, "cannot parse the JSON text: it is null");
	return t.root;
}

struct json_object *
json_parse(const char *text, size_t len, struct err *e)
{
	return parse(text, len, JSON_DEPTH, true, e);
}

struct json_object *
json_parse_deep(const char *text, size_t len, size_t depth, struct err *e)
{
	return parse(text, len, depth, false, e);
}

/* The length of the first name of a pointer; 0 if it is empty, too long or has an escape. */
static size_t
plain_name(const char *p)
{
	size_t n = 0;

	while (p[n] != '\0' && p[n] != '/')
		if (p[n] == '~' || ++n == TOKEN_MAX)
			return 0;
	return n;
}

/* Follows a pointer through members with plain names. The rest goes to json-c, which copies
 * the pointer and looks for escapes at each step. */
static bool
find(struct json_object *o, const char *pointer, struct json_object **found)
{
	char copy[TOKEN_MAX];
	size_t len;

	if (o == NULL || pointer == NULL)
		return false;
	for (; *pointer == '/' && json_object_is_type(o, json_type_object) &&
	       (len = plain_name(pointer + 1)) > 0;
	     pointer += len + 1) {
		const char *name = pointer + 1;

		if (name[len] != '\0') {
			memcpy(copy, name, len);
			copy[len] = '\0';
			name = copy;
		}
		if (!json_object_object_get_ex(o, name, &o))
			return false;
	}
	*found = o;
	return *pointer == '\0' ||
	       (o != NULL && json_pointer_get(o, pointer, found) == 0);
}

struct json_object *
json_at(struct json_object *o, const char *pointer)
{
	struct json_object *found;

	return find(o, pointer, &found) ? found : NULL;
}

bool
json_has(struct json_object *o, const char *pointer)
{
	struct json_object *found;

	return find(o, pointer, &found);
}

const char *
json_str(struct json_object *o, const char *pointer)
{
	struct json_object *v = json_at(o, pointer);
	const char *s;

	if (!json_object_is_type(v, json_type_string))
		return NULL;
	s = json_object_get_string(v);
	return strlen(s) == (size_t)json_object_get_string_len(v) ? s : NULL;
}

int64_t
json_int(struct json_object *o, const char *pointer, int64_t absent)
{
	struct json_object *v = json_at(o, pointer);
	double d;

	if (json_object_is_type(v, json_type_int)) {
		if (json_object_get_int64(v) == INT64_MAX &&
		    json_object_get_uint64(v) > INT64_MAX)
			return absent;
		return json_object_get_int64(v);
	}
	if (!json_object_is_type(v, json_type_double))
		return absent;
	d = json_object_get_double(v);
	return fabs(d) < 0x1p53 && floor(d) == d ? (int64_t)d : absent;
}

double
json_num(struct json_object *o, const char *pointer, double absent)
{
	struct json_object *v = json_at(o, pointer);

	if (!json_object_is_type(v, json_type_int) &&
	    !json_object_is_type(v, json_type_double))
		return absent;
	return json_object_get_double(v);
}

bool
json_flag(struct json_object *o, const char *pointer, bool absent)
{
	struct json_object *v = json_at(o, pointer);

	return json_object_is_type(v, json_type_boolean) ? json_object_get_boolean(v)
	                                                 : absent;
}

char *
json_text(struct json_object *o, const char *pointer)
{
	struct json_object *v = json_at(o, pointer);

	return json_object_is_type(v, json_type_boolean) ? NULL : json_scalar(v, "");
}

bool
json_is_text(struct json_object *o)
{
	const char *s = json_str(o, "");

	return s != NULL && strstr(s, LONE) == NULL;
}

char *
json_scalar(struct json_object *o, const char *pointer)
{
	struct json_object *v = json_at(o, pointer);

	if (v == NULL || json_object_is_type(v, json_type_object) ||
	    json_object_is_type(v, json_type_array))
		return NULL;
	if (json_object_is_type(v, json_type_string))
		return json_is_text(v) ? mem_str(json_object_get_string(v)) : NULL;
	return mem_str(mem_checked(
	    (void *)json_object_to_json_string_ext(v, JSON_C_TO_STRING_PLAIN)));
}

struct json_object *
json_member(struct json_object *o, const char *name)
{
	struct json_object *v = NULL;

	if (name != NULL && json_object_is_type(o, json_type_object))
		json_object_object_get_ex(o, name, &v);
	return v;
}

size_t
json_len(struct json_object *array)
{
	return json_object_is_type(array, json_type_array)
	           ? json_object_array_length(array)
	           : 0;
}

struct json_object *
json_item(struct json_object *array, size_t i)
{
	return i < json_len(array) ? json_object_array_get_idx(array, i) : NULL;
}

const char *
json_item_str(struct json_object *array, size_t i)
{
	return json_str(json_item(array, i), "");
}

bool
json_lists(struct json_object *array, const char *s)
{
	for (size_t i = 0; i < json_len(array); i++) {
		const char *item = json_item_str(array, i);
		if (item != NULL && strcmp(item, s) == 0)
			return true;
	}
	return false;
}

struct json_object *
json_new_object(void)
{
	return mem_checked(json_object_new_object());
}

struct json_object *
json_new_array(void)
{
	return mem_checked(json_object_new_array());
}

struct json_object *
json_new_string(const char *s)
{
	size_t len = strlen(s);
	struct json_object *o;
	struct buf b = {0};

	if (utf8_valid(s, len))
		return mem_checked(json_object_new_string_len(s, (int)len));
	utf8_mend(&b, s, len);
	o = mem_checked(json_object_new_string_len(b.data, (int)b.len));
	buf_release(&b);
	return o;
}

struct json_object *
json_copy(struct json_object *o)
{
	struct json_object *copy = NULL;

	if (o != NULL && json_object_deep_copy(o, &copy, NULL) != 0)
		mem_checked(NULL);
	return copy;
}

void
json_put(struct json_object *o, const char *name, struct json_object *v)
{
	if (v != NULL && json_object_object_add(o, name, v) != 0)
		mem_checked(NULL);
}

void
json_put_str(struct json_object *o, const char *name, const char *s)
{
	if (s != NULL)
		json_put(o, name, json_new_string(s));
}

void
json_put_int(struct json_object *o, const char *name, int64_t n)
{
	json_put(o, name, mem_checked(json_object_new_int64(n)));
}

void
json_put_bool(struct json_object *o, const char *name, bool b)
{
	json_put(o, name, mem_checked(json_object_new_boolean(b)));
}

void
json_put_num(struct json_object *o, const char *name, double n)
{
	char digits[32];

	snprintf(digits, sizeof digits, "%.15g", n);
	json_put(o, name, mem_checked(json_object_new_double_s(n, digits)));
}

void
json_append(struct json_object *array, struct json_object *v)
{
	if (json_object_array_add(array, v) != 0)
		mem_checked(NULL);
}

/* Bytes that stand for themselves in a string. */
static size_t
plain_len(const char *s, size_t len)
{
	const char *end = s + len, *p = scan_plain(s, end);

	while (p < end && (unsigned char)*p >= 0x80)
		p = scan_plain(p + 1, end);
	return (size_t)(p - s);
}

/* Appends bytes between quotes. */
static void
quote(struct buf *out, const char *s, size_t len)
{
	char *room = buf_room(out, len + 2);

	if (room == NULL)
		return;
	room[0] = '"';
	memcpy(room + 1, s, len);
	memcpy(room + 1 + len, "\"", 2);
	out->len += len + 2;
}

void
json_write_str(struct buf *out, const char *s, size_t len)
{
	static const char names[] = "\"\\bfnrt", means[] = "\"\\\b\f\n\r\t";
	const char *end = s + len, *name;
	size_t n = plain_len(s, len);

	if (n == len) {
		quote(out, s, len);
		return;
	}
	buf_chr(out, '"');
	for (;; n = plain_len(s, (size_t)(end - s))) {
		buf_add(out, s, n);
		s += n;
		if (s == end)
			break;
		name = memchr(means, *s, sizeof means - 1);
		if (name != NULL)
			buf_printf(out, "\\%c", names[name - means]);
		else
			buf_printf(out, "\\u%04x", (unsigned)(unsigned char)*s);
		s++;
	}
	buf_chr(out, '"');
}

static void
write_int(struct buf *out, struct json_object *o)
{
	int64_t n = json_object_get_int64(o);

	if (n == INT64_MAX) /* or more */
		buf_printf(out, "%" PRIu64, json_object_get_uint64(o));
	else
		buf_printf(out, "%" PRId64, n);
}

static void write_value(struct buf *out, struct json_object *o);

static void
write_members(struct buf *out, struct json_object *o)
{
	const char *before = "{";

	json_object_object_foreach(o, name, value)
	{
		buf_str(out, before);
		json_write_str(out, name, strlen(name));
		buf_chr(out, ':');
		write_value(out, value);
		before = ",";
	}
	buf_str(out, *before == '{' ? "{}" : "}");
}

static void
write_elements(struct buf *out, struct json_object *o)
{
	buf_chr(out, '[');
	for (size_t i = 0; i < json_object_array_length(o); i++) {
		if (i > 0)
			buf_chr(out, ',');
		write_value(out, json_object_array_get_idx(o, i));
	}
	buf_chr(out, ']');
}

static void
write_value(struct buf *out, struct json_object *o)
{
	switch (json_object_get_type(o)) {
	case json_type_object:
		write_members(out, o);
		break;
	case json_type_array:
		write_elements(out, o);
		break;
	case json_type_string:
		json_write_str(out, json_object_get_string(o),
		    (size_t)json_object_get_string_len(o));
		break;
	case json_type_int:
		write_int(out, o);
		break;
	case json_type_null:
		buf_str(out, "null");
		break;
	default: /* a decimal remembers its digits */
		buf_str(out, mem_checked((void *)json_object_to_json_string_ext(
		                 o, JSON_C_TO_STRING_PLAIN)));
	}
}

bool
json_write(struct buf *out, struct json_object *o)
{
	size_t len = out->len;

	write_value(out, o);
	if (!out->full)
		return true;
	out->len = len;
	if (out->data != NULL)
		out->data[len] = '\0';
	return false;
}
