/*
 * template: JSON with places in braces, filled from a tree of variables.
 *
 * "{name}" as a whole string is replaced by the variable's value, whatever its type; within
 * other text ("job {name}") by the value's text. "{a.b|c}" is the first of a.b and c that is
 * there. A member or element with a variable that is absent or null disappears, and so does an
 * object or array of which nothing is left.
 */
#ifndef AV_PROVIDER_TEMPLATE_H
#define AV_PROVIDER_TEMPLATE_H

#include <json-c/json.h>
#include <stdbool.h>

#include "base/buf.h"

/* The filled template, the caller's; NULL where nothing is left. */
struct json_object *template_fill(struct json_object *template, struct json_object *vars);

/* Appends a filled URL path, each inserted value percent-encoded (RFC 3986). False where a
 * variable is absent, or would be an empty or a dot segment and so change the path. */
bool template_path(struct buf *out, const char *template, struct json_object *vars);

/* Calls fn for each variable that a template names. */
void template_each(
    struct json_object *template, void (*fn)(void *arg, const char *name), void *arg);

#endif
