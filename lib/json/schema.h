/*
 * schema: checks a value against a JSON Schema (2020-12).
 *
 * For provider descriptions, and for the options whose schemas they contain.
 * The keywords are: type, enum, const, properties, required,
 * additionalProperties, patternProperties, propertyNames, minProperties,
 * maxProperties, items, minItems, maxItems, uniqueItems, minLength, maxLength
 * (characters), pattern (a POSIX extended regular expression), format (uuid,
 * uri, date, date-time; any other is ignored), minimum, maximum,
 * exclusiveMinimum, exclusiveMaximum, oneOf, anyOf, allOf, not, if, then, else,
 * and $ref to a place in the same schema ("#/$defs/name"). `note`, `list`,
 * `ledger`, `account`, `file` and `maxBytes` are annotations of descriptions
 * (av-provider(5)). schema_check() ignores other keywords; schema_lint()
 * reports them.
 */
#ifndef AV_JSON_SCHEMA_H
#define AV_JSON_SCHEMA_H

#include <json-c/json.h>
#include <stddef.h>

/* Called for each finding. pointer is the place in the value (for an unknown
 * member, that member); message is for people. Copy them to keep them. */
typedef void schema_fn(void *cookie, const char *pointer, const char *message);

/* Checks value against schema. Returns the number of findings; found may be
 * NULL. */
size_t schema_check(struct json_object *schema, struct json_object *value,
    schema_fn *found, void *cookie);

/* Checks the schema itself: unknown keywords, wrong arguments, patterns that do
 * not compile, $refs that lead nowhere. Pointers lead into the schema. Returns
 * the number of findings. */
size_t schema_lint(struct json_object *schema, schema_fn *found, void *cookie);

#endif
