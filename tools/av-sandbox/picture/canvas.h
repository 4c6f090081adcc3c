/*
 * canvas: RGBA pixels and the few things that are done to them.
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

void canvas_rect(struct canvas *c, int x, int y, int w, int h, struct rgba colour);
void canvas_disc(struct canvas *c, int x, int y, int radius, struct rgba colour);

/* Letters of a bitmap font, scale pixels a dot, from its top left corner; returns the width. */
int canvas_text(
    struct canvas *c, int x, int y, int scale, const char *s, struct rgba colour);

/* Puts a picture of any size into a box, scaled, its alpha made full. */
void canvas_paste(
    struct canvas *c, int x, int y, int w, int h, const struct canvas *from);

/* A colour that follows from a number. */
struct rgba colour_of(uint64_t n);

/* Appends the picture to a buffer. quality is JPEG's, 1 to 100. */
void canvas_png(const struct canvas *c, struct buf *out);
void canvas_jpeg(const struct canvas *c, int quality, struct buf *out);

#endif
