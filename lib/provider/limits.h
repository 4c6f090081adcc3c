/*
 * limits: what a description says about photos, in the form of photo/limits.h.
 */
#ifndef AV_PROVIDER_LIMITS_H
#define AV_PROVIDER_LIMITS_H

#include <json-c/json.h>

#include "photo/limits.h"

/* Reads a description's `image`, or its `advice`; NULL: there are no limits.
 * service and def are borrowed, the lists are the caller's. */
void provider_limits_init(
    struct image_limits *l, const char *service, struct json_object *def);
void provider_limits_release(struct image_limits *l);

#endif
