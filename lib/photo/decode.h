/*
 * decode: decodes every pixel of a picture and throws it away, to find damage
 * that the structure does not show, or to acquit a picture whose structure
 * breaks a rule.
 *
 *   JPEG  libjpeg-turbo, at an eighth of the size, in gray, and without pixels
 *         for most rows: it decodes all of the coded data and saves a third of
 *         the time, as the arithmetic that follows is left out. Its warnings
 *         ("premature end of data segment") are damage, but for three that are
 *         no more than a risk.
 *   PNG   nothing: image/png.c has inflated and checked every byte.
 *   WebP  libwebp, all frames of an animation, without the filter that smooths
 *         the edges of blocks.
 *
 * For confined workers only (photo/pool.h): the libraries are large, and the
 * bytes may be an attack on them. A decoder answers in numbers, which the
 * worker's parent checks and turns into findings.
 */
#ifndef AV_PHOTO_DECODE_H
#define AV_PHOTO_DECODE_H

#include "photo/photo.h"

struct decoded {
	enum { DECODED_WELL, DECODED_DAMAGED, DECODED_NO_MEMORY } result;
	int code;    /* of libjpeg's message, or a VP8StatusCode */
	int args[8]; /* the numbers in libjpeg's message */
};

/* Loads the decoders, if that is not done yet: a confined process cannot. */
void decode_prepare(void);

/* True for a JPEG or WebP with no finding that refuses it for good: with
 * PHOTO_DECODE, or when photo_needs_decoder. */
bool decode_wanted(
    const struct photo *photo, const struct photo_options *options);

/* Decodes the photo in fd. *d is zeroed before. */
void decode_pixels(int fd, const struct photo *photo, struct decoded *d);

/* Adds the findings damaged and decoder_crashed (out of memory), or acquits the
 * photo. False when decode_pixels cannot have set *d. */
bool decode_findings(const struct decoded *d,
    const struct photo_options *options, struct photo *photo);

/* True when the picture is all there: the decoder was silent, or warned of a
 * mere risk. */
bool decode_is_sound(const struct decoded *d, enum image_type type);

/* The decoders of the formats, and the words for a code: NULL for none. text is
 * room for the words. */
#define DECODE_TEXT 512
void decode_jpeg(int fd, const struct photo *photo, struct decoded *d);
void decode_webp(int fd, const struct photo *photo, struct decoded *d);
const char *decode_jpeg_words(
    const struct decoded *d, char text[DECODE_TEXT], enum severity *severity);
const char *decode_webp_words(const struct decoded *d);

#endif
