/*
 * decode: decodes every pixel of a picture and throws it away, to find damage
 * that the structure does not show.
 *
 *   JPEG  libjpeg-turbo, at an eighth of the size: it decodes all of the coded
 *         data and saves a third of the time, as most of the arithmetic that
 *         follows is left out. Its warnings ("premature end of data segment")
 *         are damage.
 *   PNG   nothing: image/png.c has inflated and checked every byte.
 *   WebP  libwebp, all frames of an animation.
 *
 * For confined workers only (photo/pool.h): the libraries are large, and the
 * bytes may be an attack on them.
 */
#ifndef AV_PHOTO_DECODE_H
#define AV_PHOTO_DECODE_H

#include "photo/photo.h"

/* Decodes the photo in fd, for which photo_check found nothing that refuses
 * it. Adds the findings damaged and decoder_crashed (out of memory). */
void decode_pixels(int fd, struct photo *photo);

#endif
