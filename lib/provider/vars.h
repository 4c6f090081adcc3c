/*
 * vars: a record as the variables that a request's templates are filled with (provider/request.h).
 */
#ifndef AV_PROVIDER_VARS_H
#define AV_PROVIDER_VARS_H

#include <json-c/json.h>

#include "provider/provider.h"
#include "json/rec.h"

/* name, url, avatar, image; and of options those that the operation declares. A new object, the
 * caller's. options may be NULL. */
struct json_object *vars_of(
    struct rec *rec, const struct operation *op, struct json_object *options);

/* Adds kind.NAME = value and the rendering's own members. */
void vars_rendering(struct json_object *vars, const char *kind, const char *value,
    struct json_object *rendering);

#endif
