#include "image/reader.h"
#include "reader.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct image_reader reader = {0};

	exif_read(&reader.facts, data, size);
	xmp_read(&reader, data, size);
	if (reader.facts.orientation > 8)
		abort();
	return 0;
}
