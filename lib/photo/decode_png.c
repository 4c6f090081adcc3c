#include "photo/decode.h"

/* The only instance of stb_image in the library: PNG, from callbacks, nothing exported. */
#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_PNG
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_NO_HDR
/* it declares functions for formats left out; gcc says so at the end of the file */
#pragma GCC diagnostic ignored "-Wunused-function"
#include <stb/stb_image.h>

struct input {
	int fd;
	uint64_t at, size;
};

static int
input_read(void *user, char *data, int size)
{
	struct input *in = user;
	size_t n = decode_read(in->fd, data, (size_t)size, in->at);

	in->at += n;
	return (int)n;
}

static void
input_skip(void *user, int n)
{
	struct input *in = user;

	in->at += (uint64_t)(int64_t)n;
}

static int
input_eof(void *user)
{
	const struct input *in = user;

	return in->at >= in->size;
}

void
decode_png(int fd, uint64_t memory, struct photo *photo)
{
	static const stbi_io_callbacks callbacks = {input_read, input_skip, input_eof};
	struct input in = {.fd = fd, .size = photo->bytes};
	const struct image_facts *f = &photo->facts;
	uint64_t row = 1 + ((uint64_t)f->width * f->channels * f->depth + 7) / 8;
	uint64_t samples = (uint64_t)f->width * f->height * 4;
	int width, height, channels;
	stbi_uc *pixels;

	/* the file, the inflated rows (in a block that doubles), the pixels, an expanded copy */
	if (2 * photo->bytes + 2 * row * f->height + 2 * samples > memory)
		return;
	pixels = stbi_load_from_callbacks(&callbacks, &in, &width, &height, &channels, 0);
	if (pixels == NULL)
		decode_damaged(photo, SEVERITY_RISKY, "stb_image", stbi_failure_reason());
	else if ((uint32_t)width != f->width || (uint32_t)height != f->height)
		decode_damaged(
		    photo, SEVERITY_REFUSED, "stb_image", "the picture has another size");
	stbi_image_free(pixels);
}
