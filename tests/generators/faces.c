/*
 * faces: draws photos of invented people, for the demo and the tests.
 *
 *	faces FILE=WIDTHxHEIGHT[@PLACE]...
 *
 * A name that ends in .png gives a PNG, any other a JPEG. The face follows from the base
 * name: the same name always gives the same bytes, two names give different ones. Faces of
 * the same place have the same wall behind them and the same clothes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/buf.h"
#include "base/err.h"
#include "picture/canvas.h"

enum { QUALITY = 88, LARGEST = 16384 };

/* FNV-1a */
static uint64_t
hash(const char *s)
{
	uint64_t h = 14695981039346656037u;

	for (; *s != '\0'; s++)
		h = (h ^ (unsigned char)*s) * 1099511628211u;
	return h;
}

static struct rgba
blend(struct rgba a, struct rgba b, int parts, int of)
{
	return (struct rgba){(unsigned char)((a.r * (of - parts) + b.r * parts) / of),
	    (unsigned char)((a.g * (of - parts) + b.g * parts) / of),
	    (unsigned char)((a.b * (of - parts) + b.b * parts) / of), 255};
}

static struct rgba
skin_of(uint64_t h)
{
	static const struct rgba skins[] = {{255, 219, 190, 255}, {241, 194, 150, 255},
	    {224, 172, 105, 255}, {160, 106, 66, 255}, {108, 68, 42, 255}};

	return skins[h % (sizeof skins / sizeof *skins)];
}

static void
background(struct canvas *c, uint64_t h)
{
	struct rgba light =
	    blend(canvas_colour(h >> 8), (struct rgba){255, 255, 255, 255}, 2, 3);

	for (int y = 0; y < c->height; y++)
		canvas_rect(c, 0, y, c->width, 1,
		    blend(light, canvas_colour(h >> 8), y, 2 * c->height));
}

/* Draws a head of radius r around x and y, with hair, eyes and a mouth. */
static void
head(struct canvas *c, int x, int y, int r, uint64_t h)
{
	static const struct rgba white = {255, 255, 255, 255}, dark = {45, 35, 40, 255},
	                         lips = {190, 60, 70, 255};
	struct rgba skin = skin_of(h), hair = blend(canvas_colour(h >> 24), dark, 2, 3);
	int eye = r / 6, apart = r * 2 / 5;

	canvas_disc(c, x, y - r / 6, r + r / 7, hair);
	if (h >> 40 & 1)
		canvas_rect(
		    c, x - r - r / 8, y - r / 6, 2 * (r + r / 8), r + r / 3, hair);
	canvas_rect(c, x - r / 4, y + r / 2, r / 2, r, skin);
	canvas_disc(c, x, y + r / 12, r * 9 / 10, skin);
	for (int side = -1; side <= 1; side += 2) {
		canvas_disc(c, x + side * apart, y, eye, white);
		canvas_disc(c, x + side * apart, y, eye * 3 / 5, canvas_colour(h >> 16));
		canvas_disc(c, x + side * apart, y, eye / 3, dark);
	}
	canvas_disc(c, x, y + r * 9 / 20, r / 4, lips);
	canvas_rect(c, x - r / 4, y + r / 5, r / 2 + 1, r / 4, skin);
	canvas_disc(c, x, y + r / 5, r / 12, blend(skin, dark, 1, 5));
}

static void
draw_face(struct canvas *c, uint64_t h, uint64_t place)
{
	int small = c->width < c->height ? c->width : c->height, r = small / 4;
	int x = c->width / 2, y = c->height / 2 - r / 3;

	background(c, place);
	canvas_disc(c, x, y + r * 7 / 3, r * 7 / 4, canvas_colour(place >> 32));
	canvas_rect(c, x - r * 7 / 4, y + r * 7 / 3, r * 7 / 2, c->height,
	    canvas_colour(place >> 32));
	head(c, x, y, r, h);
	/* Black pixels in the first row make even the smallest pictures differ. */
	for (int i = 0; i < 64 && i < c->width; i++)
		if (h >> i & 1)
			canvas_rect(c, i, 0, 1, 1, (struct rgba){0, 0, 0, 255});
}

static void
write_file(const char *path, const struct buf *b)
{
	FILE *f = fopen(path, "wb");

	if (f == NULL || fwrite(b->data, 1, b->len, f) != b->len || fclose(f) != 0)
		die(EX_CANTCREAT, "cannot write '%s':", path);
}

static void
face(char *spec)
{
	char *size = strrchr(spec, '='), *name, *end, *rest = NULL, *place = NULL;
	struct canvas c;
	struct buf out = {0};
	long width = 0, height = 0;

	if (size != NULL) {
		*size++ = '\0';
		place = strchr(size, '@');
		if (place != NULL)
			*place++ = '\0';
		width = strtol(size, &end, 10);
		if (*end == 'x')
			height = strtol(end + 1, &rest, 10);
	}
	if (rest == NULL || *rest != '\0' || width < 1 || height < 1 || width > LARGEST ||
	    height > LARGEST)
		die(EX_USAGE, "usage: faces FILE=WIDTHxHEIGHT[@PLACE]...");
	name = strrchr(spec, '/') != NULL ? strrchr(spec, '/') + 1 : spec;
	canvas_init(&c, (int)width, (int)height, (struct rgba){255, 255, 255, 255});
	draw_face(&c, hash(name), hash(place != NULL ? place : name));
	if (strlen(spec) > 4 && strcmp(spec + strlen(spec) - 4, ".png") == 0)
		canvas_png(&c, &out);
	else
		canvas_jpeg(&c, QUALITY, &out);
	canvas_release(&c);
	write_file(spec, &out);
	buf_release(&out);
}

int
main(int argc, char *argv[])
{
	for (int i = 1; i < argc; i++)
		face(argv[i]);
	return EX_OK;
}
