/*
 * reader: what the readers of the formats share. For image/image.c, image/jpeg.c, image/png.c, image/webp.c.
 *
 * A reader is a chain of steps. A step gets bytes that begin at offset r->at, says how many it
 * consumed, and names the next step with image_next: that one either wants `need` bytes in one
 * piece and consumes them all, or (need 0) takes what there is and consumes at least one.
 */
#ifndef AV_IMAGE_READER_H
#define AV_IMAGE_READER_H

#include "base/buf.h"
#include "base/err.h"
#include "image/image.h"

#define IMAGE_NEED_MAX 65536

struct image_reader;
typedef size_t image_step(struct image_reader *r, const uint8_t *p, size_t n);

struct image_format {
	void *(*open)(struct image_reader *r); /* sets the first step; returns r->own */
	void (*tail)(
	    struct image_reader *r, const uint8_t *p, size_t n); /* bytes after the end */
	void (*finish)(
	    struct image_reader *r); /* all bytes are in, complete or not; may be NULL */
	void (*close)(void *own);
};

extern const struct image_format image_jpeg, image_png, image_webp;

struct image_reader {
	struct image_facts facts;
	const struct image_format *format;
	void *own; /* the format's own state */
	image_step *step;
	size_t need;
	uint64_t at;   /* offset of the next byte that no step has consumed */
	uint64_t fed;  /* bytes seen or skipped so far */
	uint64_t skip; /* bytes to pass over before the next step */
	uint64_t max_pixels;
	struct buf held; /* the beginning of what the step needs */
};

/* What comes next; need at most IMAGE_NEED_MAX. */
void image_next(struct image_reader *r, image_step *step, size_t need);

/* The next step comes after len bytes that nobody reads. */
void image_pass(struct image_reader *r, uint64_t len);

/* Ends the reading: damaged at that offset, or complete with len bytes in all. Both return n,
 * so that a step may say `return image_damage(...)`. */
size_t image_damage(struct image_reader *r, size_t n, uint64_t at, const char *fmt, ...)
    PRINTF(4, 5);
size_t image_complete(struct image_reader *r, size_t n, uint64_t len);

/* Sets size, channels and depth; false and damaged where there are no pixels. */
bool image_size(struct image_reader *r, uint32_t width, uint32_t height);

static inline uint32_t
be16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static inline uint32_t
be32(const uint8_t *p)
{
	return be16(p) << 16 | be16(p + 2);
}

static inline uint32_t
le16(const uint8_t *p)
{
	return (uint32_t)p[1] << 8 | p[0];
}

static inline uint32_t
le24(const uint8_t *p)
{
	return (uint32_t)p[2] << 16 | le16(p);
}

static inline uint32_t
le32(const uint8_t *p)
{
	return le16(p + 2) << 16 | le16(p);
}

/* image/exif.c: orientation and GPS from a TIFF structure (with or without "Exif\0\0" in front) and
 * GPS from an XMP packet. Odd metadata is no damage: what cannot be read is not stated. */
void exif_read(struct image_facts *facts, const uint8_t *p, size_t n);
void xmp_read(struct image_facts *facts, const uint8_t *p, size_t n);

#endif
