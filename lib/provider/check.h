/*
 * check: reports every mistake in a description, with its place.
 */
#ifndef AV_PROVIDER_CHECK_H
#define AV_PROVIDER_CHECK_H

#include <stddef.h>

#include "base/err.h"
#include "provider/provider.h"

/* Checks p, which was parsed from text, against lib/schema/provider.json. If it
 * is valid, checks what a schema cannot express: names that lead nowhere,
 * options that are not sent, unknown variables, paid operations without an `ok`
 * rule. file names the text in messages.
 *
 * -1 and bad_provider with the last mistake as "file:line:column: place: what";
 * warn() has printed the earlier ones. So a caller that prints the message has
 * printed them all. */
int provider_check(const struct provider *p, const char *text, size_t len,
    const char *file, struct err *e);

#endif
