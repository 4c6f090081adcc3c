#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "json/format.h"
#include "json/json.h"
#include "json/schema_rules.h"

void
rule_enum(struct visit *r, struct json_object *schema, struct json_object *rule,
    struct json_object *value)
{
	struct buf b = {0};
	char *got;

	(void)schema;
	for (size_t i = 0; i < json_object_array_length(rule); i++)
		if (schema_is_equal(json_object_array_get_idx(rule, i), value))
			return;
	got = schema_shown(value);
	buf_str(&b, "");
	schema_list(&b, rule, true);
	schema_wrong(r, "must be %s; got %s", b.data, got);
	buf_release(&b);
	free(got);
}

void
rule_const(struct visit *r, struct json_object *schema, struct json_object *rule,
    struct json_object *value)
{
	char *want, *got;

	(void)schema;
	if (schema_is_equal(rule, value))
		return;
	want = schema_shown(rule);
	got = schema_shown(value);
	schema_wrong(r, "must be %s; got %s", want, got);
	free(want);
	free(got);
}

/* A number that has to stand in a relation to the rule's. */
static void
bound(struct visit *r, struct json_object *rule, double n, bool holds,
    const char *relation, const char *unit)
{
	if (!holds)
		schema_wrong(r, "must %s %s%s; got %.15g", relation,
		    json_object_get_string(rule), unit, n);
}

static void
rule_bounds(struct visit *r, const char *name, struct json_object *rule,
    struct json_object *value)
{
	double limit = json_object_get_double(rule), n = json_object_get_double(value);

	if (!schema_is_number(value))
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

void
rule_minimum(struct visit *r, struct json_object *schema, struct json_object *rule,
    struct json_object *value)
{
	(void)schema;
	rule_bounds(r, "minimum", rule, value);
}

void
rule_maximum(struct visit *r, struct json_object *schema, struct json_object *rule,
    struct json_object *value)
{
	(void)schema;
	rule_bounds(r, "maximum", rule, value);
}

void
rule_above(struct visit *r, struct json_object *schema, struct json_object *rule,
    struct json_object *value)
{
	(void)schema;
	rule_bounds(r, "exclusiveMinimum", rule, value);
}

void
rule_below(struct visit *r, struct json_object *schema, struct json_object *rule,
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
at_least(struct visit *r, struct json_object *rule, struct json_object *value,
    enum json_type type, const char *unit)
{
	double n;

	if (size_of(value, type, &n))
		bound(
		    r, rule, n, n >= json_object_get_double(rule), "have at least", unit);
}

static void
at_most(struct visit *r, struct json_object *rule, struct json_object *value,
    enum json_type type, const char *unit)
{
	double n;

	if (size_of(value, type, &n))
		bound(
		    r, rule, n, n <= json_object_get_double(rule), "have at most", unit);
}

#define SIZE_RULE(name, side, type, unit)                                                \
	void rule_##name(struct visit *r, struct json_object *schema,                    \
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

void
rule_pattern(struct visit *r, struct json_object *schema, struct json_object *rule,
    struct json_object *value)
{
	char *got;

	(void)schema;
	if (!json_object_is_type(value, json_type_string) ||
	    (json_str(value, "") != NULL &&
	        format_match(json_object_get_string(rule), json_str(value, "")) == 1))
		return;
	got = schema_shown(value);
	schema_wrong(r, "must match %s; got %s", json_object_get_string(rule), got);
	free(got);
}

void
rule_format(struct visit *r, struct json_object *schema, struct json_object *rule,
    struct json_object *value)
{
	char *got;

	(void)schema;
	if (!json_object_is_type(value, json_type_string) ||
	    (json_str(value, "") != NULL &&
	        format_holds(json_object_get_string(rule), json_str(value, ""))))
		return;
	got = schema_shown(value);
	schema_wrong(r, "must be a %s; got %s", json_object_get_string(rule), got);
	free(got);
}

void
rule_unique(struct visit *r, struct json_object *schema, struct json_object *rule,
    struct json_object *value)
{
	(void)schema;
	if (!json_object_get_boolean(rule) ||
	    !json_object_is_type(value, json_type_array))
		return;
	for (size_t i = 1; i < json_object_array_length(value); i++)
		for (size_t k = 0; k < i; k++)
			if (schema_is_equal(json_object_array_get_idx(value, i),
			        json_object_array_get_idx(value, k))) {
				schema_wrong(r,
				    "must not hold the same element twice (%zu and %zu)",
				    k, i);
				return;
			}
}

void
rule_required(struct visit *r, struct json_object *schema, struct json_object *rule,
    struct json_object *value)
{
	(void)schema;
	if (!json_object_is_type(value, json_type_object))
		return;
	for (size_t i = 0; i < json_object_array_length(rule); i++) {
		const char *name =
		    json_object_get_string(json_object_array_get_idx(rule, i));
		if (!json_object_object_get_ex(value, name, NULL))
			schema_wrong(r, "member '%s' is missing", name);
	}
}
