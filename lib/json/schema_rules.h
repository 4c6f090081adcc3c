/*
 * schema_rules: the keywords of JSON Schema that look at one value alone, and how a check tells
 * of what is wrong. Inside of schema only.
 */
#ifndef AV_JSON_SCHEMA_RULES_H
#define AV_JSON_SCHEMA_RULES_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* One walk over a value and its schema, or a trial walk over a part of it. */
struct visit {
	struct json_object *root;   /* the whole schema, for $ref */
	struct json_object *schema; /* the schema in which the present keyword stands */
	const struct keyword *keyword; /* the present keyword */
	void (*found)(void *cookie, const char *pointer, const char *message);
	void *cookie;
	struct buf at;   /* the place in the value, a JSON Pointer */
	size_t count;    /* findings so far */
	size_t base;     /* length of `at` where a trial began */
	bool wrong_type; /* the value at the trial's own place is of another type */
	int depth;
};

/* Checks a value against a keyword's argument. */
typedef void rule_fn(
    struct visit *r, struct json_object *argument, struct json_object *value);

/* What a keyword takes as its argument: schema_lint() checks it, rules rely on it. */
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
	rule_fn *rule; /* NULL: an annotation, or read together with another keyword */
	/* For rule_bound: a number's value, or the size of a string, array or object, is held
	 * against the argument. */
	struct bound {
		enum json_type of; /* json_type_double: any number */
		enum { AT_LEAST, AT_MOST, MORE_THAN, LESS_THAN } relation;
		const char *unit; /* " characters" */
	} bound;
};

/* Counts a finding at the present place and tells of it. */
void schema_wrong(struct visit *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The same, with "; got" and the start of the value. */
void schema_wrong_value(struct visit *r, struct json_object *value, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Goes down to a member or element. schema_leave() takes the place that it returns. */
size_t schema_enter(struct visit *r, const char *name);
void schema_leave(struct visit *r, size_t from);

/* Appends "a", "b" or "c", quoted as JSON or bare; a lone value is a list of one. */
void schema_list(struct buf *b, struct json_object *values, bool quoted);

bool schema_is_number(struct json_object *v);

rule_fn rule_bound;
rule_fn rule_const;
rule_fn rule_enum;
rule_fn rule_format;
rule_fn rule_pattern;
rule_fn rule_required;
rule_fn rule_unique;

#endif
