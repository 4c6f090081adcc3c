#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "json/json.h"
#include "json/schema_format.h"
#include "json/schema_rules.h"

/* A message shows this many bytes of a value. */
#define SHOWN 80

#define AS_JSON (JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)

static char *
format_message(const char *fmt, va_list ap)
{
	char *message;

	if (vasprintf(&message, fmt, ap) < 0)
		message = NULL;
	return mem_checked(message);
}

static void
report(struct visit *r, char *message)
{
	r->count++;
	if (r->found != NULL)
		r->found(r->cookie, r->at.data, message);
	free(message);
}

void
schema_wrong(struct visit *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report(r, format_message(fmt, ap));
	va_end(ap);
}

void
schema_wrong_value(struct visit *r, struct json_object *value, const char *fmt, ...)
{
	char shown[SHOWN + 1], *message;
	const char *text;
	va_list ap;

	va_start(ap, fmt);
	message = format_message(fmt, ap);
	va_end(ap);
	text = mem_checked((void *)json_object_to_json_string_ext(value, AS_JSON));
	snprintf(shown, sizeof shown, "%s", text);
	utf8_cut(shown);
	report(r, mem_printf("%s; got %s%s", message, shown,
	              strlen(text) > SHOWN ? "\xe2\x80\xa6" : "")); /* an ellipsis */
	free(message);
}

size_t
schema_enter(struct visit *r, const char *name)
{
	size_t from = r->at.len;

	buf_chr(&r->at, '/');
	for (const char *p = name; *p != '\0'; p++) {
		if (*p == '~' || *p == '/')
			buf_str(&r->at, *p == '~' ? "~0" : "~1");
		else
			buf_chr(&r->at, *p);
	}
	return from;
}

void
schema_leave(struct visit *r, size_t from)
{
	r->at.len = from;
	r->at.data[from] = '\0';
}

bool
schema_is_number(struct json_object *v)
{
	return json_object_is_type(v, json_type_int) ||
	       json_object_is_type(v, json_type_double);
}

void
schema_wrong_choice(struct visit *r, struct json_object *value, const char *what,
    struct json_object *choices)
{
	bool array = json_object_is_type(choices, json_type_array);
	size_t n = array ? json_len(choices) : 1;
	struct buf b = {0};

	buf_str(&b, what);
	for (size_t i = 0; i < n; i++) {
		struct json_object *v = array ? json_item(choices, i) : choices;
		if (i > 0)
			buf_str(&b, i + 1 < n ? ", " : " or ");
		if (*what == '\0')
			json_write(&b, v);
		else
			buf_str(&b, json_str(v, "") != NULL ? json_str(v, "") : "?");
	}
	schema_wrong_value(r, value, "must be %s", b.data);
	buf_release(&b);
}

/* Compares as JSON Schema does: 1 equals 1.0. */
static bool
is_equal(struct json_object *a, struct json_object *b)
{
	if (schema_is_number(a) && schema_is_number(b) &&
	    json_object_get_type(a) != json_object_get_type(b))
		return json_object_get_double(a) == json_object_get_double(b);
	return json_object_equal(a, b) != 0;
}

void
rule_enum(struct visit *r, struct json_object *argument, struct json_object *value)
{
	for (size_t i = 0; i < json_len(argument); i++)
		if (is_equal(json_item(argument, i), value))
			return;
	schema_wrong_choice(r, value, "", argument);
}

void
rule_const(struct visit *r, struct json_object *argument, struct json_object *value)
{
	if (!is_equal(argument, value))
		schema_wrong_value(r, value, "must be %s",
		    json_object_to_json_string_ext(argument, AS_JSON));
}

/* Sets *n to a number's value, or to the number of characters, elements or members. False
 * if the value is of another type. */
static bool
measure(struct json_object *value, enum json_type type, double *n)
{
	if (type == json_type_double) {
		*n = json_object_get_double(value);
		return schema_is_number(value);
	}
	if (!json_object_is_type(value, type))
		return false;
	if (type == json_type_string)
		*n = (double)utf8_count(json_object_get_string(value));
	else if (type == json_type_array)
		*n = (double)json_len(value);
	else
		*n = (double)json_object_object_length(value);
	return true;
}

void
rule_bound(struct visit *r, struct json_object *argument, struct json_object *value)
{
	static const char *const words[] = {[AT_LEAST] = "at least",
	    [AT_MOST] = "at most",
	    [MORE_THAN] = "more than",
	    [LESS_THAN] = "less than"};
	const struct bound *b = &r->keyword->bound;
	double limit = json_object_get_double(argument), n;

	if (!measure(value, b->of, &n) || (b->relation == AT_LEAST && n >= limit) ||
	    (b->relation == AT_MOST && n <= limit) ||
	    (b->relation == MORE_THAN && n > limit) ||
	    (b->relation == LESS_THAN && n < limit))
		return;
	schema_wrong(r, "must %s %s %s%s; got %.15g",
	    b->of == json_type_double ? "be" : "have", words[b->relation],
	    json_object_get_string(argument), b->unit, n);
}

void
rule_pattern(struct visit *r, struct json_object *argument, struct json_object *value)
{
	const char *pattern = json_object_get_string(argument), *s = json_str(value, "");

	if (json_object_is_type(value, json_type_string) &&
	    (s == NULL || format_match(pattern, s) != 1))
		schema_wrong_value(r, value, "must match %s", pattern);
}

void
rule_format(struct visit *r, struct json_object *argument, struct json_object *value)
{
	const char *format = json_object_get_string(argument), *s = json_str(value, "");

	if (json_object_is_type(value, json_type_string) &&
	    (s == NULL || !format_holds(format, s)))
		schema_wrong_value(r, value, "must be a %s", format);
}

void
rule_unique(struct visit *r, struct json_object *argument, struct json_object *value)
{
	if (!json_object_get_boolean(argument))
		return;
	for (size_t i = 1; i < json_len(value); i++)
		for (size_t k = 0; k < i; k++)
			if (is_equal(json_item(value, i), json_item(value, k))) {
				schema_wrong(r,
				    "must not hold the same element twice (%zu and %zu)",
				    k, i);
				return;
			}
}

void
rule_required(struct visit *r, struct json_object *argument, struct json_object *value)
{
	if (!json_object_is_type(value, json_type_object))
		return;
	for (size_t i = 0; i < json_len(argument); i++) {
		const char *name = json_object_get_string(json_item(argument, i));
		if (!json_object_object_get_ex(value, name, NULL))
			schema_wrong(r, "member '%s' is missing", name);
	}
}
