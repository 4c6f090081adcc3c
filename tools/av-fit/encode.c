#include <vips/vips.h>

#include "fit.h"

/* A higher quality shows no difference, a lower one too much. */
#define QUALITY_MAX 95
#define QUALITY_MIN 70

static int
save(VipsImage *image, enum image_type type, int quality, void **made, size_t *len)
{
	switch (type) {
	case IMAGE_PNG:
		return vips_pngsave_buffer(image, made, len, "compression", 6, "filter",
		    VIPS_FOREIGN_PNG_FILTER_ALL, NULL);
	case IMAGE_WEBP:
		return vips_webpsave_buffer(image, made, len, "Q", quality, NULL);
	default:
		return vips_jpegsave_buffer(
		    image, made, len, "Q", quality, "optimize_coding", TRUE, NULL);
	}
}

/* Encodes at one quality. 0 when it fits max_bytes; else 1 and nothing in *made; -1 on an
 * error. */
static int
try(VipsImage *image, enum image_type type, int quality, uint64_t max_bytes, void **made,
    size_t *len)
{
	if (save(image, type, quality, made, len) != 0)
		return -1;
	if (max_bytes == 0 || *len <= max_bytes)
		return 0;
	g_free(*made);
	*made = NULL;
	return 1;
}

int
fit_encode(VipsImage *image, enum image_type type, const struct fit_request *request,
    void **made, size_t *len, uint8_t *quality)
{
	uint64_t max_bytes = request->limits.image.max_bytes;
	int low = QUALITY_MIN, result;
	int high = request->options.thumbnail > 0 ? QUALITY_MIN : QUALITY_MAX;
	void *better = NULL;
	size_t n = 0;

	*quality = type == IMAGE_PNG ? 0 : (uint8_t)high;
	result = try(image, type, high, max_bytes, made, len);
	if (result <= 0 || type == IMAGE_PNG)
		return result;
	result = try(image, type, low, max_bytes, made, len);
	while (
	    result == 0 && high - low > 1) { /* low fits and is in *made, high does not */
		int middle = (low + high) / 2;
		result = try(image, type, middle, max_bytes, &better, &n);
		if (result == 0) {
			g_free(*made);
			*made = better;
			*len = n;
			low = middle;
		} else if (result > 0) {
			high = middle;
			result = 0;
		} else {
			g_free(*made);
			*made = NULL;
		}
	}
	*quality = (uint8_t)low;
	return result;
}
