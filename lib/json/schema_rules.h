/*
 * schema_rules: the keywords of JSON Schema that look at one value alone, and
 * how a check reports a finding. For schema.c only.
 */
#ifndef AV_JSON_SCHEMA_RULES_H
#define AV_JSON_SCHEMA_RULES_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* A walk over a value and its schema, or a trial walk over a part of it. */
struct visit {
	struct json_object *root;      /* the whole schema, for $ref */
	struct json_object *schema;    /* contains the current keyword */
	const struct keyword *keyword; /* the current keyword */
	void (*found)(void *cookie, const char *pointer, const char *message);
	void *cookie;
	struct buf at;   /* JSON Pointer to the current value */
	size_t count;    /* findings so far */
	size_t base;     /* length of `at` at the start of a trial */
	bool wrong_type; /* the trial's own value is of another type */
	int depth;
};

/* Checks a value against a keyword's argument. */
typedef void rule_fn(
    struct visit *r, struct json_object *argument, struct json_object *value);

/* The form of a keyword's argument. schema_lint() checks it; rules rely on it.
 */
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
	rule_fn *rule; /* NULL: an annotation, or read with another keyword */
	/* For rule_bound(): compares the argument with a number's value, or
	 * with the size of a string, array or object. */
	struct bound {
		enum json_type of; /* json_type_double: any number */
		enum { AT_LEAST, AT_MOST, MORE_THAN, LESS_THAN } relation;
		const char *unit; /* " characters" */
	} bound;
};

/* Counts and reports a finding at the current place. */
void schema_wrong(struct visit *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The same, with "; got" and the start of the value. */
void schema_wrong_value(struct visit *r, struct json_object *value,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Goes down to a member or element. Pass the result to schema_leave(). */
size_t schema_enter(struct visit *r, const char *name);
void schema_leave(struct visit *r, size_t from);

/* Counts and reports "must be ", what and the choices: "a", "b" or "c" as JSON,
 * or, after some text in what, bare. Choices that are no array are just one. */
void schema_wrong_choice(struct visit *r, struct json_object *value,
    const char *what, struct json_object *choices);

bool schema_is_number(struct json_object *v);

rule_fn rule_bound, rule_const, rule_enum, rule_format, rule_pattern,
    rule_required, rule_unique;

#endif
