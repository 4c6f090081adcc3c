/*
 * template: JSON with names in braces, which variables replace.
 *
 * "{name}" as a whole string is replaced by the variable's value, whatever its
 * type; within other text ("job {name}"), the value's text is inserted.
 * "{a.b|c}" is the first of a.b and c that is present. A member or element with
 * a variable that is absent or null disappears. So does an object or array that
 * becomes empty.
 *
 * An element of an array that is an object with a member "{each}" comes once
 * for each element of the array that this member names ("{options.moments}");
 * its variables "each.a" are members of that element. If there is no such
 * array, it comes once, without these variables. Nothing within it is repeated
 * likewise.
 */
#ifndef AV_PROVIDER_TEMPLATE_H
#define AV_PROVIDER_TEMPLATE_H

#include <json-c/json.h>
#include <stdbool.h>

#include "base/buf.h"

/* The filled template, owned by the caller; NULL if nothing is left. */
struct json_object *template_fill(
    struct json_object *template, struct json_object *vars);

/* Appends a filled URL path; inserted values are percent-encoded (RFC 3986).
 * False if a variable is absent, or if its value is empty, "." or "..", which
 * would change the path. */
bool template_path(
    struct buf *out, const char *template, struct json_object *vars);

/* Adds a member to names for each variable that the template names. */
void template_names(struct json_object *template, struct json_object *names);

#endif
