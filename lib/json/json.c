#include <errno.h>
#include <json-c/json_pointer.h>
#include <json-c/json_visit.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "json/json.h"
#include "json/scan.h"

/* json-c cuts integers off at 64 bits and drops the sign of -0, but keeps the text of a
 * decimal. Append this exponent to such an integer before json-c sees it, and remove it
 * from the kept text afterwards. */
static const char mark[] = "e+0000000000";

/* json-c reads a lone surrogate as U+FFFD, which is a character of valid texts too. Write
 * it as U+FFFF before, which is none. */
#define LONE "\xef\xbf\xbf"

static bool
json_c_keeps(const char *integer)
{
	errno = 0;
	if (integer[0] == '-')
		strtoll(integer, NULL, 10);
	else
		strtoull(integer, NULL, 10);
	return errno == 0 && strncmp(integer, "-0", 2) != 0;
}

/* Marks the integers of a valid text that json-c would change. */
static void
mark_integers(struct buf *text)
{
	struct buf marked = {0};

	for (const char *p = text->data; *p != '\0';) {
		size_t len = strspn(p, "+-.eE0123456789");
		if (*p == '"') {
			for (len = 1; p[len] != '"'; len++)
				len += p[len] == '\\';
			len++;
		} else if (len == 0) {
			len = 1;
		}
		buf_add(&marked, p, len);
		if (strspn(p, "-0123456789") == len && !json_c_keeps(p))
			buf_str(&marked, mark);
		p += len;
	}
	buf_release(text);
	*text = marked;
}

static int
unmark(struct json_object *o, int flags, struct json_object *parent, const char *name,
    size_t *index, void *cookie)
{
	const char *text;
	size_t len;

	(void)flags, (void)parent, (void)name, (void)index, (void)cookie;
	if (!json_object_is_type(o, json_type_double))
		return JSON_C_VISIT_RETURN_CONTINUE;
	text = mem_checked((void *)json_object_to_json_string(o));
	len = strlen(text);
	if (len >= sizeof mark && strcmp(text + len - (sizeof mark - 1), mark) == 0)
		json_object_set_serializer(o, json_object_userdata_to_json_string,
		    mem_strn(text, len - (sizeof mark - 1)), json_object_free_userdata);
	return JSON_C_VISIT_RETURN_CONTINUE;
}

/* Writes each lone surrogate escape of a valid text as the escape of LONE. */
static void
mark_lone_surrogates(struct buf *text)
{
	const char *end = text->data + text->len;

	for (char *p = text->data; (p = strchr(p, '\\')) != NULL;) {
		long high = p[1] == 'u' ? scan_hex4(p + 2, end) & 0xfc00 : 0;

		if (high == 0xd800 && p[6] == '\\' && p[7] == 'u' &&
		    (scan_hex4(p + 8, end) & 0xfc00) == 0xdc00) {
			p += 12;
			continue;
		}
		if (high == 0xd800 || high == 0xdc00)
			memcpy(p + 2, "ffff", 4);
		p += 2;
	}
}

/* lone: the text is from elsewhere, so lone surrogates must not become U+FFFD. */
static struct json_object *
parse(const char *text, size_t len, int depth, bool lone, struct err *e)
{
	struct json_object *o = NULL;
	struct json_tokener *t;
	struct buf copy = {0};
	struct scan s;

	if (scan_text(text, len, &s, NULL, NULL) && s.depth > (size_t)depth) {
		s.what = "it is nested too deeply";
		s.at = 0;
	}
	if (s.what != NULL) {
		size_t line, column;
		scan_place(text, s.at, &line, &column);
		err_set(e, CODE_BAD_ANSWER, "not JSON: line %zu, column %zu: %s", line,
		    column, s.what);
		return NULL;
	}
	if (text[0] == '"' && text[len - 1] == '"' && len <= INT32_MAX &&
	    memchr(text, '\\', len) == NULL) /* needs no parser */
		return mem_checked(json_object_new_string_len(text + 1, (int)len - 2));
	buf_add(&copy, text, len);
	if (lone)
		mark_lone_surrogates(&copy);
	if (s.odd_integer)
		mark_integers(&copy);
	t = mem_checked(
	    json_tokener_new_ex((int)s.depth + 1)); /* memory for each level */
	json_tokener_set_flags(t, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	if (copy.len >= INT32_MAX) {
		err_set(e, CODE_BAD_ANSWER, "the JSON text is too long");
	} else if ((o = json_tokener_parse_ex(t, copy.data, (int)copy.len + 1)) == NULL) {
		enum json_tokener_error why = json_tokener_get_error(t);
		err_set(e, CODE_BAD_ANSWER, "cannot parse the JSON text: %s",
		    why == json_tokener_success ? "it is null"
		                                : json_tokener_error_desc(why));
	}
	json_tokener_free(t);
	buf_release(&copy);
	if (o != NULL && s.odd_integer)
		json_c_visit(o, 0, unmark, NULL);
	return o;
}

struct json_object *
json_parse(const char *text, size_t len, struct err *e)
{
	return parse(text, len, JSON_DEPTH, true, e);
}

struct json_object *
json_parse_deep(const char *text, size_t len, int depth, struct err *e)
{
	return parse(text, len, depth, false, e);
}

/* Follows a pointer through members with plain names, as nearly all are. The rest goes to
 * json-c, which copies the pointer and looks for escapes at each step. */
static bool
find(struct json_object *o, const char *pointer, struct json_object **found)
{
	char name[64];

	if (o == NULL || pointer == NULL)
		return false;
	for (size_t len; *pointer == '/'; pointer += len + 1) {
		if (o == NULL)
			return false;
		len = strcspn(pointer + 1, "/~");
		if (len >= sizeof name || pointer[len + 1] == '~' ||
		    !json_object_is_type(o, json_type_object))
			break;
		memcpy(name, pointer + 1, len);
		name[len] = '\0';
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

char *
json_scalar(struct json_object *o, const char *pointer)
{
	struct json_object *v = json_at(o, pointer);
	const char *s = json_str(v, "");

	if (v == NULL || json_object_is_type(v, json_type_object) ||
	    json_object_is_type(v, json_type_array))
		return NULL;
	if (json_object_is_type(v, json_type_string))
		return s != NULL && strstr(s, LONE) == NULL ? mem_str(s) : NULL;
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

void
json_write_str(struct buf *out, const char *s, size_t len)
{
	buf_chr(out, '"');
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];
		if (c == '"' || c == '\\')
			buf_printf(out, "\\%c", c);
		else if (c < 0x20)
			buf_printf(out, "\\u%04x", c);
		else
			buf_chr(out, (char)c);
	}
	buf_chr(out, '"');
}

bool
json_write(struct buf *out, struct json_object *o)
{
	size_t len;
	const char *s = json_object_to_json_string_length(
	    o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);

	return buf_add(out, mem_checked((void *)s), len);
}
