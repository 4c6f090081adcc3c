/*
 * draw: the files that a service would have made of a photo.
 *
 * The same item always gives the same bytes.
 */
#ifndef SANDBOX_DRAW_H
#define SANDBOX_DRAW_H

#include "core/state.h"

/* Appends the item's file of that name ("still.png", "picture.gif",
 * "cover.jpg", "video.mp4" ...) and returns its media type. NULL: the item has
 * no such file. */
const char *draw(const struct sb_item *it, const char *what, struct buf *out);

/* The width and height of a rendering. */
int picture_size(const struct sb_item *it);

#endif
