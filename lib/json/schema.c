#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "json/format.h"
#include "json/json.h"
#include "json/schema_rules.h"

static void check(struct visit *r, struct json_object *schema, struct json_object *value);

void
schema_wrong(struct visit *r, const char *fmt, ...)
{
	va_list ap;
	char *message = NULL;

	r->count++;
	if (r->found == NULL)
		return;
	va_start(ap, fmt);
	if (vasprintf(&message, fmt, ap) < 0)
		message = NULL;
	va_end(ap);
	r->found(r->cookie, r->at.data, mem_checked(message));
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

char *
schema_shown(struct json_object *value)
{
	enum { LIMIT = 80 };
	struct buf b = {0};

	json_write(&b, value);
	if (b.len > LIMIT) {
		b.data[LIMIT] = '\0';
		utf8_cut(b.data);
		b.len = strlen(b.data);
		buf_str(&b, "\xe2\x80\xa6");
	}
	return buf_take(&b);
}

bool
schema_is_number(struct json_object *v)
{
	return json_object_is_type(v, json_type_int) ||
	       json_object_is_type(v, json_type_double);
}

static bool
is_of_type(struct json_object *v, const char *type)
{
	double d;

	if (strcmp(type, "number") == 0)
		return schema_is_number(v);
	if (strcmp(type, "integer") == 0) {
		if (!json_object_is_type(v, json_type_double))
			return json_object_is_type(v, json_type_int);
		d = json_object_get_double(v);
		return isfinite(d) && floor(d) == d;
	}
	return strcmp(json_type_to_name(json_object_get_type(v)), type) == 0;
}

bool
schema_is_equal(struct json_object *a, struct json_object *b)
{
	if (schema_is_number(a) && schema_is_number(b) &&
	    json_object_get_type(a) != json_object_get_type(b))
		return json_object_get_double(a) == json_object_get_double(b);
	return json_object_equal(a, b) != 0;
}

void
schema_list(struct buf *b, struct json_object *values, bool quoted)
{
	size_t n = 1;

	if (json_object_is_type(values, json_type_array))
		n = json_object_array_length(values);
	for (size_t i = 0; i < n; i++) {
		struct json_object *v = values;
		if (json_object_is_type(values, json_type_array))
			v = json_object_array_get_idx(values, i);
		if (i > 0)
			buf_str(b, i + 1 < n ? ", " : " or ");
		if (quoted)
			json_write(b, v);
		else
			buf_str(b, json_str(v, "") != NULL ? json_str(v, "") : "?");
	}
}

static bool
type_holds(struct visit *r, struct json_object *rule, struct json_object *value)
{
	struct buf b = {0};
	char *got;
	size_t n = 0;

	if (json_object_is_type(rule, json_type_array)) {
		n = json_object_array_length(rule);
		for (size_t i = 0; i < n; i++)
			if (is_of_type(value, json_object_get_string(
			                          json_object_array_get_idx(rule, i))))
				return true;
	} else if (rule == NULL || is_of_type(value, json_object_get_string(rule))) {
		return true;
	}
	if (r->at.len == r->base)
		r->wrong_type = true;
	got = schema_shown(value);
	buf_str(&b, "");
	schema_list(&b, rule, false);
	schema_wrong(r, "must be of type %s; got %s", b.data, got);
	buf_release(&b);
	free(got);
	return false;
}

/* Runs without telling anyone; how many things are wrong. */
static size_t
try(struct visit *r, struct json_object *schema, struct json_object *value,
    bool *wrong_type)
{
	struct visit t = *r;

	t.found = NULL;
	t.count = 0;
	t.base = t.at.len;
	t.wrong_type = false;
	check(&t, schema, value);
	r->at = t.at;
	if (wrong_type != NULL)
		*wrong_type = t.wrong_type;
	return t.count;
}

static void
rule_items(struct visit *r, struct json_object *schema, struct json_object *rule,
    struct json_object *value)
{
	(void)schema;
	if (!json_object_is_type(value, json_type_array))
		return;
	for (size_t i = 0; i < json_object_array_length(value); i++) {
		char name[24];
		size_t from;
		snprintf(name, sizeof name, "%zu", i);
		from = schema_enter(r, name);
		check(r, rule, json_object_array_get_idx(value, i));
		schema_leave(r, from);
	}
}

static struct json_object *
member(struct json_object *o, const char *name)
{
	struct json_object *v = NULL;

	if (json_object_is_type(o, json_type_object))
		json_object_object_get_ex(o, name, &v);
	return v;
}

/* Whether one letter was put in, left out or changed, or two neighbours were swapped. */
static bool
is_near(const char *a, const char *b)
{
	while (*a != '\0' && *a == *b)
		a++, b++;
	if (*a == '\0' || *b == '\0')
		return strlen(a) + strlen(b) <= 1;
	return strcmp(a + 1, b) == 0 || strcmp(a, b + 1) == 0 ||
	       strcmp(a + 1, b + 1) == 0 ||
	       (a[0] == b[1] && a[1] == b[0] && strcmp(a + 2, b + 2) == 0);
}

static void
unknown_member(struct visit *r, struct json_object *properties, const char *name)
{
	struct json_object_iterator i, end;

	if (properties == NULL) {
		schema_wrong(r, "unknown member '%s'", name);
		return;
	}
	end = json_object_iter_end(properties);
	for (i = json_object_iter_begin(properties); !json_object_iter_equal(&i, &end);
	     json_object_iter_next(&i)) {
		const char *known = json_object_iter_peek_name(&i);
		if (is_near(name, known) && strlen(name) > 2) {
			schema_wrong(
			    r, "unknown member '%s' (did you mean '%s'?)", name, known);
			return;
		}
	}
	schema_wrong(r, "unknown member '%s'", name);
}

/* properties, patternProperties and additionalProperties, which belong together. */
static void
check_member(struct visit *r, struct json_object *schema, const char *name,
    struct json_object *value)
{
	struct json_object *properties = member(schema, "properties");
	struct json_object *patterns = member(schema, "patternProperties"), *rest, *rule;
	bool known =
	    properties != NULL && json_object_object_get_ex(properties, name, &rule);

	if (known)
		check(r, rule, value);
	if (patterns != NULL) {
		json_object_object_foreach(patterns, pattern, sub)
		{
			if (format_match(pattern, name) == 1) {
				known = true;
				check(r, sub, value);
			}
		}
	}
	if (known || !json_object_object_get_ex(schema, "additionalProperties", &rest))
		return;
	if (json_object_is_type(rest, json_type_boolean) &&
	    !json_object_get_boolean(rest))
		unknown_member(r, properties, name);
	else
		check(r, rest, value);
}

static void
check_members(struct visit *r, struct json_object *schema, struct json_object *value)
{
	struct json_object *names = member(schema, "propertyNames");

	if (!json_object_is_type(value, json_type_object))
		return;
	json_object_object_foreach(value, name, sub)
	{
		size_t from = schema_enter(r, name);
		if (names != NULL) {
			struct json_object *s = json_new_string(name);
			check(r, names, s);
			json_object_put(s);
		}
		check_member(r, schema, name, sub);
		schema_leave(r, from);
	}
}

static void
rule_all(struct visit *r, struct json_object *schema, struct json_object *rule,
    struct json_object *value)
{
	(void)schema;
	for (size_t i = 0; i < json_object_array_length(rule); i++)
		check(r, json_object_array_get_idx(rule, i), value);
}

/* How a value fares with several forms: how many it fits, and the one that it comes nearest to,
 * which is of the value's type and has the fewest findings. NULL: all are of another type. */
struct fit {
	size_t matching;
	struct json_object *nearest;
	size_t findings;
};

static struct fit
fit(struct visit *r, struct json_object *forms, struct json_object *value)
{
	struct fit f = {0, NULL, SIZE_MAX};

	for (size_t i = 0; i < json_object_array_length(forms); i++) {
		struct json_object *form = json_object_array_get_idx(forms, i);
		bool wrong_type;
		size_t n = try(r, form, value, &wrong_type);
		f.matching += n == 0;
		if (!wrong_type && n < f.findings) {
			f.nearest = form;
			f.findings = n;
		}
	}
	return f;
}

/* A trial only counts, or nested forms would be tried anew at each level. */
static void
tell_nearest(struct visit *r, const struct fit *f, struct json_object *value)
{
	char *got;

	if (f->nearest != NULL) {
		if (r->found != NULL)
			check(r, f->nearest, value);
		else
			r->count += f->findings;
		return;
	}
	if (r->at.len == r->base)
		r->wrong_type = true;
	got = schema_shown(value);
	schema_wrong(r, "has none of the types that may stand here; got %s", got);
	free(got);
}

static void
rule_any(struct visit *r, struct json_object *schema, struct json_object *rule,
    struct json_object *value)
{
	struct fit f = fit(r, rule, value);

	(void)schema;
	if (f.matching == 0)
		tell_nearest(r, &f, value);
}

static void
rule_one(struct visit *r, struct json_object *schema, struct json_object *rule,
    struct json_object *value)
{
	struct fit f = fit(r, rule, value);

	(void)schema;
	if (f.matching == 0)
		tell_nearest(r, &f, value);
	else if (f.matching > 1)
		schema_wrong(
		    r, "fits %zu of the forms that exclude each other", f.matching);
}

static void
rule_not(struct visit *r, struct json_object *schema, struct json_object *rule,
    struct json_object *value)
{
	const char *why = json_str(rule, "/description");

	(void)schema;
	if (try(r, rule, value, NULL) == 0)
		schema_wrong(r, "is of a form that may not stand here%s%s",
		    why != NULL ? ": " : "", why != NULL ? why : "");
}

static void
rule_if(struct visit *r, struct json_object *schema, struct json_object *rule,
    struct json_object *value)
{
	const char *next = try(r, rule, value, NULL) == 0 ? "then" : "else";
	struct json_object *sub;

	if (json_object_object_get_ex(schema, next, &sub))
		check(r, sub, value);
}

struct json_object *
schema_resolve(struct json_object *root, struct json_object *ref)
{
	const char *s = json_str(ref, "");

	return s != NULL && s[0] == '#' ? json_at(root, s + 1) : NULL;
}

static void
rule_ref(struct visit *r, struct json_object *schema, struct json_object *rule,
    struct json_object *value)
{
	struct json_object *target = schema_resolve(r->root, rule);

	(void)schema;
	if (target != NULL)
		check(r, target, value);
	else
		schema_wrong(r, "the schema's $ref %s leads nowhere",
		    json_object_get_string(rule));
}

/* Without a rule: an annotation, or read by check_members(), by type_holds() or by `if`. */
static const struct keyword keywords[] = {
    {"$comment", TEXT, NULL},
    {"$defs", SCHEMA_MAP, NULL},
    {"$id", TEXT, NULL},
    {"$ref", TEXT, rule_ref},
    {"$schema", TEXT, NULL},
    {"additionalProperties", SCHEMA, NULL},
    {"allOf", SCHEMA_LIST, rule_all},
    {"anyOf", SCHEMA_LIST, rule_any},
    {"const", ANY, rule_const},
    {"default", ANY, NULL},
    {"deprecated", FLAG, NULL},
    {"description", TEXT, NULL},
    {"else", SCHEMA, NULL},
    {"enum", VALUES, rule_enum},
    {"examples", VALUES, NULL},
    {"exclusiveMaximum", NUMBER, rule_below},
    {"exclusiveMinimum", NUMBER, rule_above},
    {"format", TEXT, rule_format},
    {"if", SCHEMA, rule_if},
    {"items", SCHEMA, rule_items},
    {"maxItems", NUMBER, rule_max_items},
    {"maxLength", NUMBER, rule_max_length},
    {"maxProperties", NUMBER, rule_max_members},
    {"maximum", NUMBER, rule_maximum},
    {"minItems", NUMBER, rule_min_items},
    {"minLength", NUMBER, rule_min_length},
    {"minProperties", NUMBER, rule_min_members},
    {"minimum", NUMBER, rule_minimum},
    {"not", SCHEMA, rule_not},
    {"note", TEXT, NULL}, /* the descriptions' own */
    {"oneOf", SCHEMA_LIST, rule_one},
    {"pattern", TEXT, rule_pattern},
    {"patternProperties", SCHEMA_MAP, NULL},
    {"properties", SCHEMA_MAP, NULL},
    {"propertyNames", SCHEMA, NULL},
    {"required", STRINGS, rule_required},
    {"then", SCHEMA, NULL},
    {"title", TEXT, NULL},
    {"type", TYPE, NULL},
    {"uniqueItems", FLAG, rule_unique},
};

const struct keyword *
schema_keyword(const char *name)
{
	for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
		if (strcmp(keywords[i].name, name) == 0)
			return &keywords[i];
	return NULL;
}

static bool
are_all(struct json_object *values, enum json_type type)
{
	for (size_t i = 0; i < json_object_array_length(values); i++)
		if (!json_object_is_type(json_object_array_get_idx(values, i), type))
			return false;
	return true;
}

static bool
is_schema(struct json_object *o)
{
	return json_object_is_type(o, json_type_object) ||
	       json_object_is_type(o, json_type_boolean);
}

bool
schema_argument_fits(struct json_object *o, enum argument argument)
{
	switch (argument) {
	case TYPE:
		return json_object_is_type(o, json_type_string) ||
		       (json_object_is_type(o, json_type_array) &&
		           are_all(o, json_type_string));
	case NUMBER:
		return schema_is_number(o);
	case FLAG:
		return json_object_is_type(o, json_type_boolean);
	case TEXT:
		return json_str(o, "") != NULL;
	case STRINGS:
		return json_object_is_type(o, json_type_array) &&
		       are_all(o, json_type_string);
	case VALUES:
	case SCHEMA_LIST:
		return json_object_is_type(o, json_type_array);
	case SCHEMA:
		return is_schema(o);
	case SCHEMA_MAP:
		return json_object_is_type(o, json_type_object);
	default:
		return true;
	}
}

static void
check_keywords(struct visit *r, struct json_object *schema, struct json_object *value)
{
	struct json_object *type;

	if (json_object_object_get_ex(schema, "type", &type) &&
	    schema_argument_fits(type, TYPE) && !type_holds(r, type, value))
		return; /* what else is wrong follows from that */
	json_object_object_foreach(schema, name, rule)
	{
		const struct keyword *k = schema_keyword(name);
		if (k != NULL && k->rule != NULL &&
		    schema_argument_fits(rule, k->argument))
			k->rule(r, schema, rule, value);
	}
	check_members(r, schema, value);
}

static void
check(struct visit *r, struct json_object *schema, struct json_object *value)
{
	if (json_object_is_type(schema, json_type_boolean) &&
	    !json_object_get_boolean(schema)) {
		schema_wrong(r, "nothing may stand here");
		return;
	}
	if (!json_object_is_type(schema, json_type_object))
		return;
	if (r->depth == SCHEMA_DEPTH) {
		schema_wrong(r, "the schema goes too deep");
		return;
	}
	r->depth++;
	check_keywords(r, schema, value);
	r->depth--;
}

size_t
schema_check(
    struct json_object *schema, struct json_object *value, schema_fn *found, void *cookie)
{
	struct visit r = {.root = schema, .found = found, .cookie = cookie};

	buf_str(&r.at, "");
	check(&r, schema, value);
	buf_release(&r.at);
	return r.count;
}
