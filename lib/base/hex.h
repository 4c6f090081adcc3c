/*
 * hex: bytes as lower-case hexadecimal digits.
 */
#ifndef AV_BASE_HEX_H
#define AV_BASE_HEX_H

#include <stddef.h>

/* Writes 2 * n digits and a NUL. */
void hex_of(char *to, const void *bytes, size_t n);

#endif
