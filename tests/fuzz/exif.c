#include "image/reader.h"
#include "reader.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct image_facts facts = {0};

	exif_read(&facts, data, size);
	xmp_read(&facts, data, size);
	if (facts.orientation > 8)
		abort();
	return 0;
}
