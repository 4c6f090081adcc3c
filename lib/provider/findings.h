/*
 * findings: the service's own check of a photo, read from its response.
 */
#ifndef AV_PROVIDER_FINDINGS_H
#define AV_PROVIDER_FINDINGS_H

#include "provider/answer.h"

/* True if the operation checks a photo: its answer has `findings`. */
bool findings_has(const struct operation *op);

/* The checks that the photo did not pass, in the form of error.problems with
 * the service's own id as provider_code; NULL if there are none. The caller
 * owns the array. *passed is whether the service would take the photo. */
struct json_object *findings_of(
    const struct answer *a, const struct operation *op, bool *passed);

#endif
