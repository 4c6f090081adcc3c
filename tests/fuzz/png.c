/* Reads the input unchanged, and again with correct checksums, to get past the check of CRCs. */
#include <zlib.h>

#include "reader.h"

static void
put32(uint8_t *p, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		p[i] = (uint8_t)(value >> (24 - 8 * i));
}

static uint32_t
get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy;

	fuzz_check(IMAGE_PNG, data, size);
	if (size < 20)
		return 0;
	copy = malloc(size);
	if (copy == NULL)
		abort();
	memcpy(copy, data, size);
	for (size_t at = 8; size - at >= 12;) {
		uint32_t len = get32(copy + at);
		if (len > size - at - 12)
			break;
		put32(copy + at + 8 + len, (uint32_t)crc32(0, copy + at + 4, len + 4));
		at += 12 + len;
	}
	fuzz_check(IMAGE_PNG, copy, size);
	free(copy);
	return 0;
}
