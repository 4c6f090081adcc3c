/*
 * check: finds every mistake in a description and says where it stands.
 */
#ifndef AV_PROVIDER_CHECK_H
#define AV_PROVIDER_CHECK_H

#include <json-c/json.h>
#include <stddef.h>

#include "base/err.h"
#include "provider/provider.h"

/* Holds it against lib/schema/provider.json. text is what def was parsed from, file names it.
 * The message is the last mistake as "file:line:column: place: what", those before it have gone
 * to stderr by warn(), so that a caller who says the message has said all. -1 and
 * CODE_BAD_PROVIDER. */
int provider_check_schema(struct json_object *def, const char *text, size_t len,
    const char *file, struct err *e);

/* What no schema can say: names that lead to nothing, options sent nowhere, variables that
 * nobody sets, paid operations without a sign of success. */
int provider_check_semantics(const struct provider *p, const char *text, size_t len,
    const char *file, struct err *e);

#endif
