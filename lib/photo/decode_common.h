/*
 * decode_common: what the decoders of the formats share.
 */
#ifndef AV_PHOTO_DECODE_COMMON_H
#define AV_PHOTO_DECODE_COMMON_H

#include "photo/photo.h"

/* Decode all pixels of one format; see decode_pixels. */
void decode_jpeg(int fd, struct photo *photo);
void decode_webp(int fd, struct photo *photo);

/* Adds the finding damaged, with the decoder's own reason. */
void decode_damaged(struct photo *photo, enum severity severity,
    const char *decoder, const char *reason);

/* Adds the finding decoder_crashed. */
void decode_no_memory(struct photo *photo);

/* Reads up to n bytes at that offset; 0 at the end or on an error. */
size_t decode_read(int fd, void *p, size_t n, uint64_t at);

#endif
