#include <stdlib.h>
#include <string.h>

#include <stb/stb_easy_font.h>
#include <stb/stb_image_resize.h>
#include <stb/stb_image_write.h>

#include "base/mem.h"
#include "picture/canvas.h"

void
canvas_init(struct canvas *c, int width, int height, struct rgba fill)
{
	c->width = width;
	c->height = height;
	c->rgba = mem_new((size_t)width * (size_t)height, 4);
	canvas_rect(c, 0, 0, width, height, fill);
}

void
canvas_release(struct canvas *c)
{
	free(c->rgba);
	*c = (struct canvas){0, 0, NULL};
}

static void
put(struct canvas *c, int x, int y, struct rgba colour)
{
	if (x >= 0 && y >= 0 && x < c->width && y < c->height)
		memcpy(
		    c->rgba + ((size_t)y * (size_t)c->width + (size_t)x) * 4, &colour, 4);
}

void
canvas_rect(struct canvas *c, int x, int y, int w, int h, struct rgba colour)
{
	for (int j = y; j < y + h; j++)
		for (int i = x; i < x + w; i++)
			put(c, i, j, colour);
}

void
canvas_disc(struct canvas *c, int x, int y, int radius, struct rgba colour)
{
	for (int j = -radius; j <= radius; j++)
		for (int i = -radius; i <= radius; i++)
			if (i * i + j * j <= radius * radius)
				put(c, x + i, y + j, colour);
}

void
canvas_text(struct canvas *c, int x, int y, int scale, const char *s, struct rgba colour)
{
	/* A quad has four corners, each of x, y and z as float and a colour. */
	static float quads[64 * 1024 / sizeof(float)];
	char text[64];
	int n;

	strncpy(text, s, sizeof text - 1);
	text[sizeof text - 1] = '\0';
	n = stb_easy_font_print(0, 0, text, NULL, quads, sizeof quads);
	for (int i = 0; i < n; i++) {
		const float *q = quads + i * 16;

		canvas_rect(c, x + (int)q[0] * scale, y + (int)q[1] * scale,
		    (int)(q[8] - q[0]) * scale, (int)(q[9] - q[1]) * scale, colour);
	}
}

void
canvas_paste(struct canvas *c, int x, int y, int w, int h, const struct canvas *from)
{
	unsigned char *scaled = mem_new((size_t)w * (size_t)h, 4);

	stbir_resize_uint8(from->rgba, from->width, from->height, 0, scaled, w, h, 0, 4);
	for (int j = 0; j < h; j++)
		for (int i = 0; i < w; i++) {
			const unsigned char *p =
			    scaled + ((size_t)j * (size_t)w + (size_t)i) * 4;

			put(c, x + i, y + j, (struct rgba){p[0], p[1], p[2], 255});
		}
	free(scaled);
}

void
canvas_scale(struct canvas *c, const struct canvas *from, int longest)
{
	int side = from->width > from->height ? from->width : from->height;
	int w = from->width * longest / side, h = from->height * longest / side;

	canvas_init(c, w > 0 ? w : 1, h > 0 ? h : 1, (struct rgba){0, 0, 0, 255});
	canvas_paste(c, 0, 0, c->width, c->height, from);
}

struct rgba
canvas_colour(uint64_t random)
{
	return (struct rgba){(unsigned char)(64 + (random & 127)),
	    (unsigned char)(64 + ((random >> 8) & 127)),
	    (unsigned char)(64 + ((random >> 16) & 127)), 255};
}

static void
append(void *out, void *data, int len)
{
	buf_add(out, data, (size_t)len);
}

void
canvas_png(const struct canvas *c, struct buf *out)
{
	stbi_write_force_png_filter = 1;
	stbi_write_png_to_func(append, out, c->width, c->height, 4, c->rgba, 0);
}

void
canvas_jpeg(const struct canvas *c, int quality, struct buf *out)
{
	stbi_write_jpg_to_func(append, out, c->width, c->height, 4, c->rgba, quality);
}
