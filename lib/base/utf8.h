/*
 * utf8: checks UTF-8, cuts it between characters, makes it safe to show.
 *
 * Valid is what RFC 3629 allows: no overlong forms, no surrogates, nothing
 * above U+10FFFF.
 */
#ifndef AV_BASE_UTF8_H
#define AV_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* The length in bytes (1 to 4) of the character at s, or 0 if it is invalid or
 * does not end within len bytes. */
size_t utf8_char(const char *s, size_t len);

bool utf8_valid(const char *s, size_t len);

/* The number of characters (code points) of a valid string. */
size_t utf8_count(const char *s);

/* The columns of a terminal that a valid string takes, at most: characters that
 * some terminals show wide count as two. */
size_t utf8_columns(const char *s);

/* Removes an incomplete character at the end, as a fixed buffer leaves it. */
void utf8_cut(char *s);

/* Copies text so that a terminal can show it and a person sees all of it.
 * Writes control characters, invisible characters, characters that change the
 * direction of text, and bytes that are not UTF-8 as escapes: \n, \x1b, \u202e.
 * Cuts the copy between characters to fit into size bytes. Text that was copied
 * so before stays the same. */
void utf8_show(char *to, size_t size, const char *from);

/* True if utf8_show() would change nothing. */
bool utf8_is_shown(const char *s);

/* Appends s with each invalid byte replaced by U+FFFD. */
void utf8_mend(struct buf *out, const char *s, size_t len);

#endif
