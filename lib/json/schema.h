/*
 * schema: holds a value against a JSON Schema (2020-12). For the provider descriptions, and for a
 * record's options, whose schemas stand in those.
 *
 * The keywords: type, enum, const, properties, required, additionalProperties,
 * patternProperties, propertyNames, minProperties, maxProperties, items, minItems, maxItems,
 * uniqueItems, minLength, maxLength (in characters), pattern (a POSIX extended regular
 * expression), format (uuid, uri, date, date-time; others hold), minimum, maximum,
 * exclusiveMinimum, exclusiveMaximum, oneOf, anyOf, allOf, not, if, then, else, and $ref to a
 * place in the same schema ("#/$defs/name"). A `note` is an annotation, as everywhere in the
 * descriptions. Others are ignored; schema_lint() tells of them.
 */
#ifndef AV_JSON_SCHEMA_H
#define AV_JSON_SCHEMA_H

#include <json-c/json.h>
#include <stddef.h>

/* Told of each thing that is wrong: the place as a JSON Pointer into the value (of a member that
 * may not be there, that member), and what, for a person. Both are the callee's to copy. */
typedef void schema_fn(void *cookie, const char *pointer, const char *message);

/* Holds value against schema. Returns how many things are wrong; found may be NULL. */
size_t schema_check(struct json_object *schema, struct json_object *value,
    schema_fn *found, void *cookie);

/* Whether the schema itself is one that schema_check() understands entirely: no unknown keyword,
 * no pattern that does not compile, no $ref that leads nowhere. Pointers are into the schema. */
size_t schema_lint(struct json_object *schema, schema_fn *found, void *cookie);

#endif
