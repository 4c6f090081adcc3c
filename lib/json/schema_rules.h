/*
 * schema_rules: what the parts of schema share: json/schema.c goes through schemas and values,
 * json/schema_rules.c holds the rules for one value, json/schema_lint.c looks at schemas themselves.
 */
#ifndef AV_JSON_SCHEMA_RULES_H
#define AV_JSON_SCHEMA_RULES_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "json/schema.h"

/* Schemas within schemas; a $ref that leads to itself ends here. */
#define SCHEMA_DEPTH 256

/* A run over a value, or over a part of it that is only tried. */
struct visit {
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
typedef void rule_fn(struct visit *r, struct json_object *schema,
    struct json_object *rule, struct json_object *value);

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

struct keyword {
	const char *name;
	enum argument argument;
	rule_fn *rule;
};

/* The keyword of that name, or NULL. */
const struct keyword *schema_keyword(const char *name);

/* Whether a keyword's argument is what it takes. */
bool schema_argument_fits(struct json_object *o, enum argument argument);

/* Where a $ref leads, borrowed, or NULL. */
struct json_object *schema_resolve(struct json_object *root, struct json_object *ref);

/* Counts and tells one finding at the present place. */
void schema_wrong(struct visit *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Goes down to a member or element; returns where to come back to with schema_leave(). */
size_t schema_enter(struct visit *r, const char *name);
void schema_leave(struct visit *r, size_t from);

/* A value as it is shown in a message: on one line, its start only. The caller frees it. */
char *schema_shown(struct json_object *value);

/* Appends "a", "b" or "c", quoted as JSON or bare; a lone value is a list of one. */
void schema_list(struct buf *b, struct json_object *values, bool quoted);

bool schema_is_number(struct json_object *v);

/* Equal as JSON Schema has it: 1 and 1.0 are. */
bool schema_is_equal(struct json_object *a, struct json_object *b);

/* The rules for one value. */
rule_fn rule_enum;
rule_fn rule_const;
rule_fn rule_minimum;
rule_fn rule_maximum;
rule_fn rule_above;
rule_fn rule_below;
rule_fn rule_pattern;
rule_fn rule_format;
rule_fn rule_unique;
rule_fn rule_required;
rule_fn rule_min_length;
rule_fn rule_max_length;
rule_fn rule_min_items;
rule_fn rule_max_items;
rule_fn rule_min_members;
rule_fn rule_max_members;

#endif
