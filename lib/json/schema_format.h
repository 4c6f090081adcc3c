/*
 * schema_format: checks strings against JSON Schema's `format` and `pattern`.
 *
 * The formats are uuid (RFC 9562), uri (RFC 3986: scheme and characters only),
 * date and date-time (RFC 3339).
 */
#ifndef AV_JSON_SCHEMA_FORMAT_H
#define AV_JSON_SCHEMA_FORMAT_H

#include <stdbool.h>

/* True if s has the format, or if the format is not one of these. */
bool format_holds(const char *format, const char *s);

/* True if s matches a POSIX extended regular expression; -1 if the expression
 * does not compile. */
int format_match(const char *pattern, const char *s);

/* True if the expression has \d, \w or another letter after a backslash, which
 * POSIX does not know: it means that letter, or what the C library likes. */
bool format_has_class(const char *pattern);

#endif
