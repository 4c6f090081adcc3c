/*
 * mend: makes JSON of a text that is nearly JSON.
 *
 * For responses that were paid for: after json_parse() has failed, the mended
 * text is parsed instead. Only what a service may get wrong beside a readable
 * value is mended:
 *
 *	a byte order mark           is dropped
 *	NaN, Infinity, -Infinity    become null
 *	a control character, or an unknown escape, in a string, is escaped
 *	bytes that are not UTF-8    become U+FFFD
 *	a comma before } or ]       is dropped
 *	a missing end               open containers are closed after their last
 *	                            whole value
 *	what follows the value      is dropped
 */
#ifndef AV_JSON_MEND_H
#define AV_JSON_MEND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* Appends the mended text to out, which need not be JSON either. False if the
 * text is no object and no array. *cut: its end is missing, or something
 * follows it; so it may have held more. */
bool json_mend(const char *text, size_t len, struct buf *out, bool *cut);

#endif
