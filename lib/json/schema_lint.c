#include <string.h>

#include "json/format.h"
#include "json/schema_rules.h"

static void lint(struct visit *r, struct json_object *schema);

static void
lint_each(struct visit *r, struct json_object *map)
{
	json_object_object_foreach(map, name, sub)
	{
		size_t from = schema_enter(r, name);
		if (schema_argument_fits(sub, SCHEMA))
			lint(r, sub);
		else
			schema_wrong(r, "is no schema");
		schema_leave(r, from);
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
lint_types(struct visit *r, struct json_object *type)
{
	if (json_object_is_type(type, json_type_string)) {
		if (!is_type(json_object_get_string(type)))
			schema_wrong(
			    r, "there is no type '%s'", json_object_get_string(type));
		return;
	}
	for (size_t i = 0; i < json_object_array_length(type); i++)
		lint_types(r, json_object_array_get_idx(type, i));
}

static void
lint_keyword(struct visit *r, const char *name, struct json_object *rule)
{
	const struct keyword *k = schema_keyword(name);

	if (k == NULL) {
		schema_wrong(r, "unknown keyword '%s'", name);
	} else if (!schema_argument_fits(rule, k->argument)) {
		schema_wrong(r, "is not what '%s' takes", name);
	} else if (k->argument == SCHEMA) {
		lint(r, rule);
	} else if (k->argument == SCHEMA_MAP) {
		lint_each(r, rule);
	} else if (k->argument == TYPE) {
		lint_types(r, rule);
	} else if (k->argument == SCHEMA_LIST) {
		for (size_t i = 0; i < json_object_array_length(rule); i++)
			lint(r, json_object_array_get_idx(rule, i));
	} else if (strcmp(name, "$ref") == 0 && schema_resolve(r->root, rule) == NULL) {
		schema_wrong(r, "$ref %s leads nowhere", json_object_get_string(rule));
	} else if (k->rule == rule_pattern &&
	           format_match(json_object_get_string(rule), "") < 0) {
		schema_wrong(
		    r, "is no regular expression: %s", json_object_get_string(rule));
	}
}

static void
lint(struct visit *r, struct json_object *schema)
{
	if (json_object_is_type(schema, json_type_boolean))
		return;
	if (!json_object_is_type(schema, json_type_object) || r->depth == SCHEMA_DEPTH) {
		schema_wrong(r, "is no schema");
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
