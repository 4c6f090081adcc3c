/* Reads the input unchanged, and again with correct checksums, to get past the check of CRCs. */
#include "reader.h"
#include "sums.h"

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
	fuzz_right_sums(copy, size);
	fuzz_check(IMAGE_PNG, copy, size);
	free(copy);
	return 0;
}
