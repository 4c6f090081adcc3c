#include "reader.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_check(IMAGE_WEBP, data, size);
	return 0;
}
