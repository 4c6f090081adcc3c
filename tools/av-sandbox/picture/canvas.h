/*
 * canvas: RGBA pixels, and drawing on them.
 */
#ifndef SANDBOX_CANVAS_H
#define SANDBOX_CANVAS_H

#include <stdint.h>

#include "base/buf.h"

struct canvas {
	int width, height;
	unsigned char *rgba; /* width * height * 4 bytes */
};

struct rgba {
	unsigned char r, g, b, a;
};

void canvas_init(struct canvas *c, int width, int height, struct rgba fill);
void canvas_release(struct canvas *c);

void canvas_rect(
    struct canvas *c, int x, int y, int w, int h, struct rgba colour);
void canvas_disc(
    struct canvas *c, int x, int y, int radius, struct rgba colour);

/* Draws letters of a bitmap font, scale pixels for each dot, with the top left
 * corner at x and y. */
void canvas_text(struct canvas *c, int x, int y, int scale, const char *s,
    struct rgba colour);

/* Draws a picture of any size into a box, scaled and opaque. */
void canvas_paste(
    struct canvas *c, int x, int y, int w, int h, const struct canvas *from);

/* Makes a canvas that holds the picture, its longest side as given. */
void canvas_scale(struct canvas *c, const struct canvas *from, int longest);

/* A colour of medium brightness out of a random number. */
struct rgba canvas_colour(uint64_t random);

/* Appends the picture to a buffer. quality is from 1 to 100. */
void canvas_png(const struct canvas *c, struct buf *out);
void canvas_jpeg(const struct canvas *c, int quality, struct buf *out);

#endif
