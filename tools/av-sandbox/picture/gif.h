/*
 * gif: writes an animated GIF89a, its colours rounded to a cube of 6x6x6.
 */
#ifndef SANDBOX_GIF_H
#define SANDBOX_GIF_H

#include "picture/canvas.h"

/* All frames have the size given at the beginning. delay is in hundredths of a
 * second. */
void gif_begin(struct buf *out, int width, int height);
void gif_frame(struct buf *out, const struct canvas *frame, int delay);
void gif_end(struct buf *out);

#endif
