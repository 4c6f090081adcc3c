/*
 * decode: every pixel of a picture, to see whether it can be decoded. For the cage alone: the
 * libraries behind it are large and the bytes are a stranger's.
 *
 *   JPEG  libjpeg-turbo, at an eighth of the size: all of the coded data is decoded, and only
 *         the arithmetic behind it, which cannot fail, is spared (a third of the time saved). Its
 *         warnings ("premature end of data segment") are damage.
 *   PNG   stb_image, as a second opinion: the reader has inflated and checked every byte.
 *         It holds the picture twice, so one that takes more than the memory is left to the
 *         first opinion.
 *   WebP  libwebp, all frames of an animation.
 */
#ifndef AV_PHOTO_DECODE_H
#define AV_PHOTO_DECODE_H

#include "photo/photo.h"

/* Decodes the photo's bytes in fd, from which photo_check drew no finding that refuses it, and
 * adds what it finds: damaged, decoder_crashed (no memory). memory: bytes there are. */
void decode_pixels(int fd, uint64_t memory, struct photo *photo);

/* Of one format each. */
void decode_jpeg(int fd, struct photo *photo);
void decode_png(int fd, uint64_t memory, struct photo *photo);
void decode_webp(int fd, struct photo *photo);

/* The finding that a decoder came to, with its reason. */
void decode_damaged(
    struct photo *photo, enum severity severity, const char *decoder, const char *reason);
void decode_no_memory(struct photo *photo);

/* Up to n bytes at that offset; 0 at the end or on an error. */
size_t decode_read(int fd, void *p, size_t n, uint64_t at);

#endif
