/* Checks of the image readers: any input ends in a state, the facts are within bounds, and they do
 * not depend on the sizes of the pieces that were fed. */
#ifndef AV_FUZZ_READER_H
#define AV_FUZZ_READER_H

#include <stdlib.h>
#include <string.h>

#include "image/image.h"

#define FUZZ_PIXELS 1000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline struct image_facts
fuzz_read(enum image_type type, const uint8_t *data, size_t size, size_t piece,
    size_t at_once)
{
	struct image_reader *r = image_new(type, FUZZ_PIXELS, at_once);
	struct image_facts facts;

	for (size_t at = 0; at < size; at += piece)
		image_feed(r, data + at, size - at < piece ? size - at : piece);
	image_finish(r);
	facts = *image_facts(r);
	image_free(r);
	return facts;
}

static inline void
fuzz_check_with(
    enum image_type type, const uint8_t *data, size_t size, size_t at_once)
{
	struct image_facts a =
	    fuzz_read(type, data, size, size > 0 ? size : 1, at_once);
	struct image_facts b = fuzz_read(type, data, size, 7, at_once);

	if (memcmp(&a, &b, sizeof a) != 0)
		abort();
	if (a.state == IMAGE_OPEN || a.orientation > 8 || a.end > size)
		abort();
	if ((a.state == IMAGE_COMPLETE || a.state == IMAGE_ODD) &&
	    (!a.header || a.width == 0 || a.height == 0))
		abort();
	if ((a.state == IMAGE_COMPLETE) == (a.reason[0] != '\0'))
		abort();
}

static inline void
fuzz_check(enum image_type type, const uint8_t *data, size_t size)
{
	fuzz_check_with(type, data, size, 0);
	if (type == IMAGE_PNG)
		fuzz_check_with(type, data, size, 1 << 24);
}

#endif
