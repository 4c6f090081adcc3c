/* Reads a BMP by stb_image: of libvips' loaders only ImageMagick's takes it, which can run
 * other programs. */
#include <stdlib.h>

#define STBI_ONLY_BMP
#define STBI_NO_STDIO
#define STB_IMAGE_IMPLEMENTATION
#include <stb/stb_image.h>

#include "fit.h"

static uint32_t
number(const uint8_t *p, size_t bytes)
{
	uint32_t n = 0;

	while (bytes-- > 0)
		n = n << 8 | p[bytes];
	return n;
}

/* The end of the rows of pixels; 0 for a BMP that stb_image does not read well: one that is
 * compressed or has odd sizes. stb_image itself fills what is missing with black. */
static uint64_t
end_of_rows(const uint8_t *data, size_t len)
{
	bool old = len >= 54 && number(data + 14, 4) == 12;
	uint64_t width, height, bits, row;

	if (len < 54 || data[0] != 'B' || data[1] != 'M')
		return 0;
	width = old ? number(data + 18, 2) : number(data + 18, 4);
	height =
	    old ? number(data + 20, 2) : (uint64_t)llabs((int32_t)number(data + 22, 4));
	bits = number(data + (old ? 24 : 28), 2);
	if (width == 0 || width > INT32_MAX || height == 0 || bits > 32 ||
	    (!old && data[30] != 0 && data[30] != 3))
		return 0;
	row = (width * bits + 31) / 32 * 4;
	return row > len ? 0 : number(data + 10, 4) + row * height;
}

void *
fit_read_bmp(
    const void *data, size_t len, uint64_t max_pixels, int size[3], bool *too_many)
{
	uint64_t end = end_of_rows(data, len);

	*too_many = false;
	if (end == 0 || end > len || len > INT_MAX ||
	    !stbi_info_from_memory(data, (int)len, &size[0], &size[1], &size[2]))
		return NULL;
	/* a negative height: the rows run from top to bottom */
	*too_many =
	    max_pixels > 0 && (uint64_t)size[0] * (uint64_t)llabs(size[1]) > max_pixels;
	return *too_many ? NULL
	                 : stbi_load_from_memory(
	                       data, (int)len, &size[0], &size[1], &size[2], 0);
}
