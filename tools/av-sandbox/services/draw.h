/*
 * draw: what a service would have made of a photo: the same bytes each time for the same item.
 */
#ifndef SANDBOX_DRAW_H
#define SANDBOX_DRAW_H

#include "core/state.h"

/* Appends the file of that name ("still.png", "picture.gif", "cover.jpg", "video.mp4", ...)
 * for the item and returns its media type; NULL where the item has none. */
const char *draw(const struct sb_item *it, const char *what, struct buf *out);

#endif
