/*
 * vars: the variables of templates (template.h), made from a record.
 */
#ifndef AV_PROVIDER_VARS_H
#define AV_PROVIDER_VARS_H

#include <json-c/json.h>

#include "provider/provider.h"
#include "json/rec.h"

/* The record's name, url, avatar and image, and those of the options that the
 * operation declares. options may be NULL. The caller owns the new object. */
struct json_object *vars_of(
    struct rec *rec, const struct operation *op, struct json_object *options);

/* Adds kind.KIND = value, and the rendering's own members; rendering may be
 * NULL. */
void vars_rendering(struct json_object *vars, const char *kind,
    const char *value, struct json_object *rendering);

#endif
