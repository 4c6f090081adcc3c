/*
 * gif: an animated GIF89a, frame after frame, in the 6x6x6 colour cube.
 */
#ifndef SANDBOX_GIF_H
#define SANDBOX_GIF_H

#include "picture/canvas.h"

/* All frames have the size that the beginning names; delay is in hundredths of a second. */
void gif_begin(struct buf *out, int width, int height);
void gif_frame(struct buf *out, const struct canvas *frame, int delay);
void gif_end(struct buf *out);

#endif
