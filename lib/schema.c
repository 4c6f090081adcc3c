#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "format.h"
#include "json.h"
#include "mem.h"
#include "schema.h"
#include "utf8.h"

/* Schemas within schemas; a $ref that leads to itself ends here. */
#define DEPTH 256

/* A run over a value, or over a part of it that is only tried. */
struct run {
	struct json_object *root; /* the whole schema, for $ref */
	schema_fn *found;
	void *cookie;
	struct buf at; /* the place in the value */
	size_t count;
	size_t base;     /* length of `at` where a trial began */
	bool wrong_type; /* at that very place */
	int depth;
};

/* How a keyword is held against a value. schema is what the keyword stands in. */
typedef void rule_fn(struct run *r, struct json_object *schema, struct json_object *rule,
    struct json_object *value);

static void check(struct run *r, struct json_object *schema, struct json_object *value);

static void wrong(struct run *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void
wrong(struct run *r, const char *fmt, ...)
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

/* Goes down to a member or element; returns where to come back to with leave(). */
static size_t
enter(struct run *r, const char *name)
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

static void
leave(struct run *r, size_t from)
{
	r->at.len = from;
	r->at.data[from] = '\0';
}

/* A value as it is shown in a message: on one line, its start only. The caller frees it. */
static char *
shown(struct json_object *value)
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

static bool
is_number(struct json_object *v)
{
	return json_object_is_type(v, json_type_int) ||
	       json_object_is_type(v, json_type_double);
}

static bool
is_of_type(struct json_object *v, const char *type)
{
	double d;

	if (strcmp(type, "number") == 0)
		return is_number(v);
	if (strcmp(type, "integer") == 0) {
		if (!json_object_is_type(v, json_type_double))
			return json_object_is_type(v, json_type_int);
		d = json_object_get_double(v);
		return isfinite(d) && floor(d) == d;
	}
	return strcmp(json_type_to_name(json_object_get_type(v)), type) == 0;
}

static bool
is_equal(struct json_object *a, struct json_object *b)
{
	if (is_number(a) && is_number(b) &&
	    json_object_get_type(a) != json_object_get_type(b))
		return json_object_get_double(a) == json_object_get_double(b);
	return json_object_equal(a, b) != 0;
}

/* Appends "a", "b" or "c"; a lone value is a list of one. */
static void
list(struct buf *b, struct json_object *values, bool quoted)
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
type_holds(struct run *r, struct json_object *rule, struct json_object *value)
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
	got = shown(value);
	buf_str(&b, "");
	list(&b, rule, false);
	wrong(r, "must be of type %s; got %s", b.data, got);
	buf_release(&b);
	free(got);
	return false;
}

/* Runs without telling anyone; how many things are wrong. */
static size_t
try(struct run *r, struct json_object *schema, struct json_object *value,
    bool *wrong_type)
{
	struct run t = *r;

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
rule_enum(struct run *r, struct json_object *schema, struct json_object *rule,
    struct json_object *value)
{
	struct buf b = {0};
	char *got;

	(void)schema;
	for (size_t i = 0; i < json_object_array_length(rule); i++)
		if (is_equal(json_object_array_get_idx(rule, i), value))
			return;
	got = shown(value);
	buf_str(&b, "");
	list(&b, rule, true);
	wrong(r, "must be %s; got %s", b.data, got);
	buf_release(&b);
	free(got);
}

static void
rule_const(struct run *r, struct json_object *schema, struct json_object *rule,
    struct json_object *value)
{
	char *want, *got;

	(void)schema;
	if (is_equal(rule, value))
		return;
	want = shown(rule);
	got = shown(value);
	wrong(r, "must be %s; got %s", want, got);
	free(want);
	free(got);
}

/* A number that has to stand in a relation to the rule's. */
static void
bound(struct run *r, struct json_object *rule, double n, bool holds, const char *relation,
    const char *unit)
{
	if (!holds)
		wrong(r, "must %s %s%s; got %.15g", relation,
		    json_object_get_string(rule), unit, n);
}

static void
rule_bounds(
    struct run *r, const char *name, struct json_object *rule, struct json_object *value)
{
	double limit = json_object_get_double(rule), n = json_object_get_double(value);

	if (!is_number(value))
		return;
	if (strcmp(name, "minimum") == 0)
		bound(r, rule, n, n >= limit, "be at least", "");
	else if (strcmp(name, "maximum") == 0)
		bound(r, rule, n, n <= limit, "be at most", "");
	else if (strcmp(name, "exclusiveMinimum") == 0)
		bound(r, rule, n, n > limit, "be more than", "");
	else
		bound(r, rule, n, n < limit, "be less than", "");
}

static void
rule_minimum(struct run *r, struct json_object *schema, struct json_object *rule,
    struct json_object *value)
{
	(void)schema;
	rule_bounds(r, "minimum", rule, value);
}

static void
rule_maximum(struct run *r, struct json_object *schema, struct json_object *rule,
    struct json_object *value)
{
	(void)schema;
	rule_bounds(r, "maximum", rule, value);
}

static void
rule_above(struct run *r, struct json_object *schema, struct json_object *rule,
    struct json_object *value)
{
	(void)schema;
	rule_bounds(r, "exclusiveMinimum", rule, value);
}

static void
rule_below(struct run *r, struct json_object *schema, struct json_object *rule,
    struct json_object *value)
{
	(void)schema;
	rule_bounds(r, "exclusiveMaximum", rule, value);
}

/* How many characters, elements or members a value has; false where it is of another type. */
static bool
size_of(struct json_object *value, enum json_type type, double *n)
{
	if (!json_object_is_type(value, type))
		return false;
	if (type == json_type_string)
		*n = (double)utf8_count(json_object_get_string(value));
	else if (type == json_type_array)
		*n = (double)json_object_array_length(value);
	else
		*n = (double)json_object_object_length(value);
	return true;
}

static void
at_least(struct run *r, struct json_object *rule, struct json_object *value,
    enum json_type type, const char *unit)
{
	double n;

	if (size_of(value, type, &n))
		bound(
		    r, rule, n, n >= json_object_get_double(rule), "have at least", unit);
}

static void
at_most(struct run *r, struct json_object *rule, struct json_object *value,
    enum json_type type, const char *unit)
{
	double n;

	if (size_of(value, type, &n))
		bound(
		    r, rule, n, n <= json_object_get_double(rule), "have at most", unit);
}

#define SIZE_RULE(name, side, type, unit)                                                \
	static void rule_##name(struct run *r, struct json_object *schema,               \
	    struct json_object *rule, struct json_object *value)                         \
	{                                                                                \
		(void)schema;                                                            \
		side(r, rule, value, type, unit);                                        \
	}

SIZE_RULE(min_length, at_least, json_type_string, " characters")
SIZE_RULE(max_length, at_most, json_type_string, " characters")
SIZE_RULE(min_items, at_least, json_type_array, " elements")
SIZE_RULE(max_items, at_most, json_type_array, " elements")
SIZE_RULE(min_members, at_least, json_type_object, " members")
SIZE_RULE(max_members, at_most, json_type_object, " members")

static void
rule_pattern(struct run *r, struct json_object *schema, struct json_object *rule,
    struct json_object *value)
{
	char *got;

	(void)schema;
	if (!json_object_is_type(value, json_type_string) ||
	    (json_str(value, "") != NULL &&
	        format_match(json_object_get_string(rule), json_str(value, "")) == 1))
		return;
	got = shown(value);
	wrong(r, "must match %s; got %s", json_object_get_string(rule), got);
	free(got);
}

static void
rule_format(struct run *r, struct json_object *schema, struct json_object *rule,
    struct json_object *value)
{
	char *got;

	(void)schema;
	if (!json_object_is_type(value, json_type_string) ||
	    (json_str(value, "") != NULL &&
	        format_holds(json_object_get_string(rule), json_str(value, ""))))
		return;
	got = shown(value);
	wrong(r, "must be a %s; got %s", json_object_get_string(rule), got);
	free(got);
}

static void
rule_unique(struct run *r, struct json_object *schema, struct json_object *rule,
    struct json_object *value)
{
	(void)schema;
	if (!json_object_get_boolean(rule) ||
	    !json_object_is_type(value, json_type_array))
		return;
	for (size_t i = 1; i < json_object_array_length(value); i++)
		for (size_t k = 0; k < i; k++)
			if (is_equal(json_object_array_get_idx(value, i),
			        json_object_array_get_idx(value, k))) {
				wrong(r,
				    "must not hold the same element twice (%zu and %zu)",
				    k, i);
				return;
			}
}

static void
rule_items(struct run *r, struct json_object *schema, struct json_object *rule,
    struct json_object *value)
{
	(void)schema;
	if (!json_object_is_type(value, json_type_array))
		return;
	for (size_t i = 0; i < json_object_array_length(value); i++) {
		char name[24];
		size_t from;
		snprintf(name, sizeof name, "%zu", i);
		from = enter(r, name);
		check(r, rule, json_object_array_get_idx(value, i));
		leave(r, from);
	}
}

static void
rule_required(struct run *r, struct json_object *schema, struct json_object *rule,
    struct json_object *value)
{
	(void)schema;
	if (!json_object_is_type(value, json_type_object))
		return;
	for (size_t i = 0; i < json_object_array_length(rule); i++) {
		const char *name =
		    json_object_get_string(json_object_array_get_idx(rule, i));
		if (!json_object_object_get_ex(value, name, NULL))
			wrong(r, "member '%s' is missing", name);
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
unknown_member(struct run *r, struct json_object *properties, const char *name)
{
	struct json_object_iterator i, end;

	if (properties == NULL) {
		wrong(r, "unknown member '%s'", name);
		return;
	}
	end = json_object_iter_end(properties);
	for (i = json_object_iter_begin(properties); !json_object_iter_equal(&i, &end);
	     json_object_iter_next(&i)) {
		const char *known = json_object_iter_peek_name(&i);
		if (is_near(name, known) && strlen(name) > 2) {
			wrong(r, "unknown member '%s' (did you mean '%s'?)", name, known);
			return;
		}
	}
	wrong(r, "unknown member '%s'", name);
}

/* properties, patternProperties and additionalProperties, which belong together. */
static void
check_member(struct run *r, struct json_object *schema, const char *name,
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
check_members(struct run *r, struct json_object *schema, struct json_object *value)
{
	struct json_object *names = member(schema, "propertyNames");

	if (!json_object_is_type(value, json_type_object))
		return;
	json_object_object_foreach(value, name, sub)
	{
		size_t from = enter(r, name);
		if (names != NULL) {
			struct json_object *s = json_new_string(name);
			check(r, names, s);
			json_object_put(s);
		}
		check_member(r, schema, name, sub);
		leave(r, from);
	}
}

static void
rule_all(struct run *r, struct json_object *schema, struct json_object *rule,
    struct json_object *value)
{
	(void)schema;
	for (size_t i = 0; i < json_object_array_length(rule); i++)
		check(r, json_object_array_get_idx(rule, i), value);
}

/* Tells what is wrong with the form that comes nearest: one of the value's type, and of those
 * the one with the fewest findings. */
static void
tell_nearest(struct run *r, struct json_object *forms, struct json_object *value)
{
	struct json_object *nearest = NULL;
	size_t fewest = SIZE_MAX;
	char *got;

	for (size_t i = 0; i < json_object_array_length(forms); i++) {
		struct json_object *form = json_object_array_get_idx(forms, i);
		bool wrong_type;
		size_t n = try(r, form, value, &wrong_type);
		if (!wrong_type && n < fewest) {
			nearest = form;
			fewest = n;
		}
	}
	if (nearest != NULL) {
		check(r, nearest, value);
		return;
	}
	if (r->at.len == r->base)
		r->wrong_type = true;
	got = shown(value);
	wrong(r, "has none of the types that may stand here; got %s", got);
	free(got);
}

static size_t
matching(struct run *r, struct json_object *forms, struct json_object *value)
{
	size_t n = 0;

	for (size_t i = 0; i < json_object_array_length(forms); i++)
		n += try(r, json_object_array_get_idx(forms, i), value, NULL) == 0;
	return n;
}

static void
rule_any(struct run *r, struct json_object *schema, struct json_object *rule,
    struct json_object *value)
{
	(void)schema;
	if (matching(r, rule, value) == 0)
		tell_nearest(r, rule, value);
}

static void
rule_one(struct run *r, struct json_object *schema, struct json_object *rule,
    struct json_object *value)
{
	size_t n = matching(r, rule, value);

	(void)schema;
	if (n == 0)
		tell_nearest(r, rule, value);
	else if (n > 1)
		wrong(r, "fits %zu of the forms that exclude each other", n);
}

static void
rule_not(struct run *r, struct json_object *schema, struct json_object *rule,
    struct json_object *value)
{
	const char *why = json_str(rule, "/description");

	(void)schema;
	if (try(r, rule, value, NULL) == 0)
		wrong(r, "is of a form that may not stand here%s%s",
		    why != NULL ? ": " : "", why != NULL ? why : "");
}

static void
rule_if(struct run *r, struct json_object *schema, struct json_object *rule,
    struct json_object *value)
{
	const char *next = try(r, rule, value, NULL) == 0 ? "then" : "else";
	struct json_object *sub;

	if (json_object_object_get_ex(schema, next, &sub))
		check(r, sub, value);
}

static struct json_object *
resolve(struct json_object *root, struct json_object *ref)
{
	const char *s = json_str(ref, "");

	return s != NULL && s[0] == '#' ? json_at(root, s + 1) : NULL;
}

static void
rule_ref(struct run *r, struct json_object *schema, struct json_object *rule,
    struct json_object *value)
{
	struct json_object *target = resolve(r->root, rule);

	(void)schema;
	if (target != NULL)
		check(r, target, value);
	else
		wrong(r, "the schema's $ref %s leads nowhere",
		    json_object_get_string(rule));
}

/* What a keyword's argument is, for schema_lint() and so that a rule can rely on it. */
enum argument {
	ANY,
	TYPE,
	NUMBER,
	FLAG,
	TEXT,
	STRINGS,
	VALUES,
	SCHEMA,
	SCHEMA_LIST,
	SCHEMA_MAP
};

/* Without a rule: an annotation, or read by check_members(), by type_holds() or by `if`. */
static const struct keyword {
	const char *name;
	enum argument argument;
	rule_fn *rule;
} keywords[] = {
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

static const struct keyword *
find_keyword(const char *name)
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

static bool
argument_fits(struct json_object *o, enum argument argument)
{
	switch (argument) {
	case TYPE:
		return json_object_is_type(o, json_type_string) ||
		       (json_object_is_type(o, json_type_array) &&
		           are_all(o, json_type_string));
	case NUMBER:
		return is_number(o);
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
check_keywords(struct run *r, struct json_object *schema, struct json_object *value)
{
	struct json_object *type;

	if (json_object_object_get_ex(schema, "type", &type) &&
	    argument_fits(type, TYPE) && !type_holds(r, type, value))
		return; /* what else is wrong follows from that */
	json_object_object_foreach(schema, name, rule)
	{
		const struct keyword *k = find_keyword(name);
		if (k != NULL && k->rule != NULL && argument_fits(rule, k->argument))
			k->rule(r, schema, rule, value);
	}
	check_members(r, schema, value);
}

static void
check(struct run *r, struct json_object *schema, struct json_object *value)
{
	if (json_object_is_type(schema, json_type_boolean) &&
	    !json_object_get_boolean(schema)) {
		wrong(r, "nothing may stand here");
		return;
	}
	if (!json_object_is_type(schema, json_type_object))
		return;
	if (r->depth == DEPTH) {
		wrong(r, "the schema goes too deep");
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
	struct run r = {.root = schema, .found = found, .cookie = cookie};

	buf_str(&r.at, "");
	check(&r, schema, value);
	buf_release(&r.at);
	return r.count;
}

static void lint(struct run *r, struct json_object *schema);

static void
lint_each(struct run *r, struct json_object *map)
{
	json_object_object_foreach(map, name, sub)
	{
		size_t from = enter(r, name);
		if (is_schema(sub))
			lint(r, sub);
		else
			wrong(r, "is no schema");
		leave(r, from);
	}
}

/* The types there are, as json-c and JSON Schema name them. */
static bool
is_type(const char *name)
{
	static const char *const types[] = {
	    "null", "boolean", "integer", "number", "string", "array", "object"};

	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (strcmp(types[i], name) == 0)
			return true;
	return false;
}

static void
lint_types(struct run *r, struct json_object *type)
{
	if (json_object_is_type(type, json_type_string)) {
		if (!is_type(json_object_get_string(type)))
			wrong(r, "there is no type '%s'", json_object_get_string(type));
		return;
	}
	for (size_t i = 0; i < json_object_array_length(type); i++)
		lint_types(r, json_object_array_get_idx(type, i));
}

static void
lint_keyword(struct run *r, const char *name, struct json_object *rule)
{
	const struct keyword *k = find_keyword(name);

	if (k == NULL) {
		wrong(r, "unknown keyword '%s'", name);
	} else if (!argument_fits(rule, k->argument)) {
		wrong(r, "is not what '%s' takes", name);
	} else if (k->argument == SCHEMA) {
		lint(r, rule);
	} else if (k->argument == SCHEMA_MAP) {
		lint_each(r, rule);
	} else if (k->argument == TYPE) {
		lint_types(r, rule);
	} else if (k->argument == SCHEMA_LIST) {
		for (size_t i = 0; i < json_object_array_length(rule); i++)
			lint(r, json_object_array_get_idx(rule, i));
	} else if (k->rule == rule_ref && resolve(r->root, rule) == NULL) {
		wrong(r, "$ref %s leads nowhere", json_object_get_string(rule));
	} else if (k->rule == rule_pattern &&
	           format_match(json_object_get_string(rule), "") < 0) {
		wrong(r, "is no regular expression: %s", json_object_get_string(rule));
	}
}

static void
lint(struct run *r, struct json_object *schema)
{
	if (json_object_is_type(schema, json_type_boolean))
		return;
	if (!json_object_is_type(schema, json_type_object) || r->depth == DEPTH) {
		wrong(r, "is no schema");
		return;
	}
	r->depth++;
	json_object_object_foreach(schema, name, rule)
	{
		size_t from = enter(r, name);
		lint_keyword(r, name, rule);
		leave(r, from);
	}
	r->depth--;
}

size_t
schema_lint(struct json_object *schema, schema_fn *found, void *cookie)
{
	struct run r = {.root = schema, .found = found, .cookie = cookie};

	buf_str(&r.at, "");
	lint(&r, schema);
	buf_release(&r.at);
	return r.count;
}
