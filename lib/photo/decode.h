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

/* The decoders of the formats, and what they say: damaged, with the decoder's
 * own reason, or decoder_crashed. */
void decode_jpeg(int fd, struct photo *photo);
void decode_webp(int fd, struct photo *photo);
void decode_damaged(struct photo *photo, enum severity severity,
    const char *decoder, const char *reason);
void decode_no_memory(struct photo *photo);

#endif
