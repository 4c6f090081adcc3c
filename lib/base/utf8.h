/*
 * utf8: is it UTF-8, and what to do where it is not. RFC 3629: no overlong forms, no
 * surrogates, nothing above U+10FFFF.
 */
#ifndef AV_BASE_UTF8_H
#define AV_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* The length in bytes (1 to 4) of the well-formed character at s, or 0. len is what is left. */
size_t utf8_char(const char *s, size_t len);

bool utf8_valid(const char *s, size_t len);

/* How many characters (code points) a valid string has. */
size_t utf8_count(const char *s);

/* Takes a character that a fixed buffer cut in two off the end of a string. */
void utf8_cut(char *s);

/* Makes one line of at most max bytes of a text from elsewhere: controls become blanks. */
void utf8_line(char *s, size_t max);

/* Appends s, each ill-formed byte replaced by U+FFFD. */
void utf8_mend(struct buf *out, const char *s, size_t len);

#endif
