/* sums: a PNG with the right CRCs, so that mutations get past the check of them. */
#ifndef AV_FUZZ_SUMS_H
#define AV_FUZZ_SUMS_H

#include <stdint.h>
#include <stdlib.h>
#include <zlib.h>

static inline void
fuzz_put32(uint8_t *p, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		p[i] = (uint8_t)(value >> (24 - 8 * i));
}

static inline uint32_t
fuzz_get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

/* Up to the first chunk that is cut off. */
static inline void
fuzz_right_sums(uint8_t *p, size_t size)
{
	for (size_t at = 8; size >= 20 && size - at >= 12;) {
		uint32_t len = fuzz_get32(p + at);
		if (len > size - at - 12)
			break;
		fuzz_put32(
		    p + at + 8 + len, (uint32_t)crc32(0, p + at + 4, len + 4));
		at += 12 + len;
	}
}

#endif
