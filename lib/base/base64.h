/*
 * base64: bytes as text, with padding (RFC 4648, section 4).
 */
#ifndef AV_BASE_BASE64_H
#define AV_BASE_BASE64_H

#include <stddef.h>

/* How many characters n bytes become. */
#define BASE64_LEN(n) (((n) + 2) / 3 * 4)

/* Writes BASE64_LEN(n) characters and a NUL. Returns how many, without it. */
size_t base64_of(char *to, const void *bytes, size_t n);

#endif
