/*
 * format: strings of a known form (JSON Schema's `format`): uuid (RFC 9562), uri (RFC 3986, as
 * far as its scheme and characters), date and date-time (RFC 3339).
 */
#ifndef AV_JSON_FORMAT_H
#define AV_JSON_FORMAT_H

#include <stdbool.h>

/* Whether s is of the form; a form of another name holds everything. */
bool format_holds(const char *format, const char *s);

/* Whether s matches a POSIX extended regular expression; -1 where that does not compile. */
int format_match(const char *pattern, const char *s);

#endif
