/* The bodies of the stb headers, except the decoder's (lib/photo/stb.c). They are system
 * headers, so the compiler hides their warnings. */

/* Compresses with zlib: stb's own compressor takes four times as long. */
#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

static unsigned char *
deflate_fast(unsigned char *data, int len, int *out_len, int quality)
{
	uLongf size = compressBound((uLong)len);
	unsigned char *out = malloc(size);

	(void)quality;
	if (out == NULL || compress2(out, &size, data, (uLong)len, 1) != Z_OK ||
	    size > INT_MAX) {
		free(out);
		return NULL;
	}
	*out_len = (int)size;
	return out;
}

#define STBIW_ZLIB_COMPRESS deflate_fast
#define STBI_WRITE_NO_STDIO
#define STB_IMAGE_WRITE_IMPLEMENTATION
#include <stb/stb_image_write.h>

#define STB_IMAGE_RESIZE_IMPLEMENTATION
#include <stb/stb_image_resize.h>
