#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "json/json.h"
#include "json/schema.h"
#include "json/schema_format.h"
#include "json/schema_rules.h"

/* The deepest nesting of schemas; it ends a $ref that leads to itself. */
#define MAX_DEPTH 256

static void check(struct visit *r, struct json_object *schema, struct json_object *value);

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

static bool
type_holds(struct visit *r, struct json_object *type, struct json_object *value)
{
	bool array = json_object_is_type(type, json_type_array);
	size_t n = array ? json_len(type) : 1;

	for (size_t i = 0; i < n; i++)
		if (is_of_type(
		        value, json_object_get_string(array ? json_item(type, i) : type)))
			return true;
	if (r->at.len == r->base)
		r->wrong_type = true;
	schema_wrong_choice(r, value, "of type ", type);
	return false;
}

/* Counts the findings without reporting them. */
static size_t
try(struct visit *r, struct json_object *schema, struct json_object *value,
    bool *wrong_type)
{
	struct visit t = {
	    .root = r->root, .at = r->at, .base = r->at.len, .depth = r->depth};

	check(&t, schema, value);
	r->at = t.at;
	if (wrong_type != NULL)
		*wrong_type = t.wrong_type;
	return t.count;
}

static void
rule_items(struct visit *r, struct json_object *argument, struct json_object *value)
{
	for (size_t i = 0; i < json_len(value); i++) {
		char name[24];
		size_t from;
		snprintf(name, sizeof name, "%zu", i);
		from = schema_enter(r, name);
		check(r, argument, json_item(value, i));
		schema_leave(r, from);
	}
}

/* True if one letter is added, missing or changed, or two neighbours are swapped. */
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
	if (properties != NULL && strlen(name) > 2) {
		json_object_object_foreach(properties, known, schema)
		{
			(void)schema;
			if (!is_near(name, known))
				continue;
			schema_wrong(
			    r, "unknown member '%s' (did you mean '%s'?)", name, known);
			return;
		}
	}
	schema_wrong(r, "unknown member '%s'", name);
}

/* Applies properties, patternProperties, and additionalProperties to members that the
 * others do not name. */
static void
check_member(struct visit *r, struct json_object *schema, const char *name,
    struct json_object *value)
{
	struct json_object *properties = json_member(schema, "properties");
	struct json_object *patterns = json_member(schema, "patternProperties");
	struct json_object *rest, *rule;
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
	struct json_object *names = json_member(schema, "propertyNames");

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
rule_all(struct visit *r, struct json_object *argument, struct json_object *value)
{
	for (size_t i = 0; i < json_len(argument); i++)
		check(r, json_item(argument, i), value);
}

/* Returns how many forms a value fits. If it fits none, reports the findings of the nearest
 * form: the form of the value's type with the fewest findings. A trial only counts them;
 * checking again would take exponential time in nested forms. */
static size_t
fit(struct visit *r, struct json_object *forms, struct json_object *value)
{
	struct json_object *nearest = NULL;
	size_t matching = 0, least = SIZE_MAX;

	for (size_t i = 0; i < json_len(forms); i++) {
		bool wrong_type;
		size_t n = try(r, json_item(forms, i), value, &wrong_type);
		matching += n == 0;
		if (!wrong_type && n < least) {
			nearest = json_item(forms, i);
			least = n;
		}
	}
	if (matching > 0)
		return matching;
	if (nearest == NULL) {
		if (r->at.len == r->base)
			r->wrong_type = true;
		schema_wrong_value(r, value, "has none of the allowed types");
	} else if (r->found != NULL) {
		check(r, nearest, value);
	} else {
		r->count += least;
	}
	return 0;
}

static void
rule_any(struct visit *r, struct json_object *argument, struct json_object *value)
{
	fit(r, argument, value);
}

static void
rule_one(struct visit *r, struct json_object *argument, struct json_object *value)
{
	size_t matching = fit(r, argument, value);

	if (matching > 1)
		schema_wrong(r, "fits %zu forms; only one may fit", matching);
}

static void
rule_not(struct visit *r, struct json_object *argument, struct json_object *value)
{
	const char *why = json_str(argument, "/description");

	if (try(r, argument, value, NULL) == 0)
		schema_wrong(r, "is of a form that is not allowed%s%s",
		    why != NULL ? ": " : "", why != NULL ? why : "");
}

static void
rule_if(struct visit *r, struct json_object *argument, struct json_object *value)
{
	const char *next = try(r, argument, value, NULL) == 0 ? "then" : "else";
	struct json_object *sub;

	if (json_object_object_get_ex(r->schema, next, &sub))
		check(r, sub, value);
}

/* The schema that a $ref names, borrowed, or NULL. */
static struct json_object *
resolve(struct json_object *root, struct json_object *ref)
{
	const char *s = json_str(ref, "");

	return s != NULL && s[0] == '#' ? json_at(root, s + 1) : NULL;
}

static void
rule_ref(struct visit *r, struct json_object *argument, struct json_object *value)
{
	struct json_object *target = resolve(r->root, argument);

	if (target != NULL)
		check(r, target, value);
	else
		schema_wrong(r, "the schema's $ref %s points to nothing",
		    json_object_get_string(argument));
}

/* A keyword without a rule is an annotation, or check_members(), check() or rule_if()
 * reads it. */
static const struct keyword keywords[] = {
    {"$comment", TEXT, NULL, {0}},
    {"$defs", SCHEMA_MAP, NULL, {0}},
    {"$id", TEXT, NULL, {0}},
    {"$ref", TEXT, rule_ref, {0}},
    {"$schema", TEXT, NULL, {0}},
    {"account", FLAG, NULL, {0}}, /* of provider descriptions */
    {"additionalProperties", SCHEMA, NULL, {0}},
    {"allOf", SCHEMA_LIST, rule_all, {0}},
    {"anyOf", SCHEMA_LIST, rule_any, {0}},
    {"const", ANY, rule_const, {0}},
    {"default", ANY, NULL, {0}},
    {"deprecated", FLAG, NULL, {0}},
    {"description", TEXT, NULL, {0}},
    {"else", SCHEMA, NULL, {0}},
    {"enum", VALUES, rule_enum, {0}},
    {"examples", VALUES, NULL, {0}},
    {"exclusiveMaximum", NUMBER, rule_bound, {json_type_double, LESS_THAN, ""}},
    {"exclusiveMinimum", NUMBER, rule_bound, {json_type_double, MORE_THAN, ""}},
    {"file", ANY, NULL, {0}}, /* of provider descriptions */
    {"format", TEXT, rule_format, {0}},
    {"if", SCHEMA, rule_if, {0}},
    {"items", SCHEMA, rule_items, {0}},
    {"ledger", FLAG, NULL, {0}},     /* of provider descriptions */
    {"list", TEXT, NULL, {0}},       /* of provider descriptions */
    {"maxBytes", NUMBER, NULL, {0}}, /* of provider descriptions */
    {"maxItems", NUMBER, rule_bound, {json_type_array, AT_MOST, " elements"}},
    {"maxLength", NUMBER, rule_bound, {json_type_string, AT_MOST, " characters"}},
    {"maxProperties", NUMBER, rule_bound, {json_type_object, AT_MOST, " members"}},
    {"maximum", NUMBER, rule_bound, {json_type_double, AT_MOST, ""}},
    {"minItems", NUMBER, rule_bound, {json_type_array, AT_LEAST, " elements"}},
    {"minLength", NUMBER, rule_bound, {json_type_string, AT_LEAST, " characters"}},
    {"minProperties", NUMBER, rule_bound, {json_type_object, AT_LEAST, " members"}},
    {"minimum", NUMBER, rule_bound, {json_type_double, AT_LEAST, ""}},
    {"not", SCHEMA, rule_not, {0}},
    {"note", TEXT, NULL, {0}}, /* of provider descriptions */
    {"oneOf", SCHEMA_LIST, rule_one, {0}},
    {"pattern", TEXT, rule_pattern, {0}},
    {"patternProperties", SCHEMA_MAP, NULL, {0}},
    {"properties", SCHEMA_MAP, NULL, {0}},
    {"propertyNames", SCHEMA, NULL, {0}},
    {"required", STRINGS, rule_required, {0}},
    {"then", SCHEMA, NULL, {0}},
    {"title", TEXT, NULL, {0}},
    {"type", TYPE, NULL, {0}},
    {"uniqueItems", FLAG, rule_unique, {0}},
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
are_strings(struct json_object *array)
{
	for (size_t i = 0; i < json_len(array); i++)
		if (!json_object_is_type(json_item(array, i), json_type_string))
			return false;
	return json_object_is_type(array, json_type_array);
}

/* True if the argument is of the form that a keyword takes. */
static bool
argument_fits(struct json_object *o, enum argument argument)
{
	switch (argument) {
	case TYPE:
		return json_object_is_type(o, json_type_string) || are_strings(o);
	case NUMBER:
		return schema_is_number(o);
	case FLAG:
		return json_object_is_type(o, json_type_boolean);
	case TEXT:
		return json_str(o, "") != NULL;
	case STRINGS:
		return are_strings(o);
	case VALUES:
	case SCHEMA_LIST:
		return json_object_is_type(o, json_type_array);
	case SCHEMA:
		return json_object_is_type(o, json_type_object) ||
		       json_object_is_type(o, json_type_boolean);
	case SCHEMA_MAP:
		return json_object_is_type(o, json_type_object);
	default:
		return true;
	}
}

static void
check(struct visit *r, struct json_object *schema, struct json_object *value)
{
	struct json_object *type;

	if (json_object_is_type(schema, json_type_boolean) &&
	    !json_object_get_boolean(schema))
		schema_wrong(r, "is not allowed");
	if (!json_object_is_type(schema, json_type_object))
		return;
	if (r->depth == MAX_DEPTH) {
		schema_wrong(r, "the schema is nested too deeply");
		return;
	}
	if (json_object_object_get_ex(schema, "type", &type) &&
	    argument_fits(type, TYPE) && !type_holds(r, type, value))
		return; /* the wrong type would cause more findings */
	r->depth++;
	json_object_object_foreach(schema, name, argument)
	{
		r->schema = schema;
		r->keyword = find_keyword(name);
		if (r->keyword != NULL && r->keyword->rule != NULL &&
		    argument_fits(argument, r->keyword->argument))
			r->keyword->rule(r, argument, value);
	}
	check_members(r, schema, value);
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

/* schema_lint() */

static void lint(struct visit *r, struct json_object *schema);

static void
lint_types(struct visit *r, struct json_object *type)
{
	static const char *const types[] = {
	    "null", "boolean", "integer", "number", "string", "array", "object"};
	size_t n = sizeof types / sizeof *types, i = 0;

	if (json_object_is_type(type, json_type_string)) {
		while (i < n && strcmp(types[i], json_object_get_string(type)) != 0)
			i++;
		if (i == n)
			schema_wrong(
			    r, "there is no type '%s'", json_object_get_string(type));
	}
	for (i = 0; i < json_len(type); i++)
		lint_types(r, json_item(type, i));
}

static void
lint_keyword(struct visit *r, const char *name, struct json_object *rule)
{
	const struct keyword *k = find_keyword(name);

	if (k == NULL) {
		schema_wrong(r, "unknown keyword '%s'", name);
	} else if (!argument_fits(rule, k->argument)) {
		schema_wrong(r, "is not a valid argument of '%s'", name);
	} else if (k->argument == SCHEMA) {
		lint(r, rule);
	} else if (k->argument == SCHEMA_MAP) {
		json_object_object_foreach(rule, member, sub)
		{
			size_t from = schema_enter(r, member);
			lint(r, sub);
			schema_leave(r, from);
		}
	} else if (k->argument == TYPE) {
		lint_types(r, rule);
	} else if (k->argument == SCHEMA_LIST) {
		for (size_t i = 0; i < json_len(rule); i++)
			lint(r, json_item(rule, i));
	} else if (strcmp(name, "$ref") == 0 && resolve(r->root, rule) == NULL) {
		schema_wrong(
		    r, "$ref %s points to nothing", json_object_get_string(rule));
	} else if (k->rule == rule_pattern &&
	           format_match(json_object_get_string(rule), "") < 0) {
		schema_wrong(
		    r, "is not a regular expression: %s", json_object_get_string(rule));
	} else if (k->rule == rule_pattern &&
	           format_has_class(json_object_get_string(rule))) {
		schema_wrong(r,
		    "is not a POSIX extended regular expression, which has neither \\d "
		    "nor \\w: %s",
		    json_object_get_string(rule));
	}
}

static void
lint(struct visit *r, struct json_object *schema)
{
	if (json_object_is_type(schema, json_type_boolean))
		return;
	if (!json_object_is_type(schema, json_type_object) || r->depth == MAX_DEPTH) {
		schema_wrong(r, "is not a schema");
		return;
	}
	r->depth++;
	json_object_object_foreach(schema, name, rule)
	{
		size_t from = schema_enter(r, name);
		lint_keyword(r, name, rule);
		schema_leave(r, from);
	}
	r->depth--;
}

size_t
schema_lint(struct json_object *schema, schema_fn *found, void *cookie)
{
	struct visit r = {.root = schema, .found = found, .cookie = cookie};

	buf_str(&r.at, "");
	lint(&r, schema);
	buf_release(&r.at);
	return r.count;
}
