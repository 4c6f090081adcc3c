/*
 * reader: what the readers of the formats share.
 *
 * A reader is a chain of steps. A step gets bytes that begin at offset r->at,
 * returns how many it consumed, and names the next step with image_next. A
 * step with a need gets exactly that many bytes in one piece and consumes them
 * all; a step with need 0 gets what there is and consumes at least one.
 */
#ifndef AV_IMAGE_READER_H
#define AV_IMAGE_READER_H

#include "base/buf.h"
#include "base/err.h"
#include "image/facts.h"

#define IMAGE_NEED_MAX 65536
/* Of Exif in PNG and WebP, which is read in one piece. */
#define IMAGE_EXIF_MAX ((size_t)64 << 20)

struct image_reader;
typedef size_t image_step(struct image_reader *r, const uint8_t *p, size_t n);

struct image_format {
	/* Sets the first step. Returns r->own. */
	void *(*open)(struct image_reader *r);
	/* The file has ended, whatever the state; may be NULL. */
	void (*finish)(struct image_reader *r);
	void (*close)(void *own);
};

extern const struct image_format image_jpeg, image_png, image_webp;

#define TRAILER_BYTES 32

struct image_reader {
	struct image_facts facts;
	const struct image_format *format;
	void *own; /* the format's own state */
	image_step *step;
	size_t need;
	uint64_t at;   /* offset of the first byte that no step has consumed */
	uint64_t fed;  /* bytes fed or skipped */
	uint64_t skip; /* bytes to skip before the next step */
	uint64_t max_pixels;
	size_t at_once;
	struct buf held; /* the first part of what the step needs */
	/* Of the bytes after the end: the first, from the first that is not
	 * zero, and the last, up to the last that is not zero. */
	uint8_t first[TRAILER_BYTES], last[TRAILER_BYTES];
	size_t n_first;
	size_t n_zeros; /* after the last that is not zero, at most 32 */
	/* What the metadata says about bytes after the end. */
	bool listed, gain_map;
};

/* These return n, so that a step can say `return image_next(...)`. */

/* Sets the next step; need is at most IMAGE_NEED_MAX, or IMAGE_EXIF_MAX. */
size_t image_next(
    struct image_reader *r, size_t n, image_step *step, size_t need);

/* Notes that something at that offset contradicts the format; the reading goes
 * on. The first such note counts. */
void image_odd(struct image_reader *r, uint64_t at, const char *fmt, ...)
    PRINTF(3, 4);

/* End the reading: damaged at that offset, damaged in the bytes of this step,
 * or complete with len bytes. */
size_t image_damage_at(struct image_reader *r, size_t n, uint64_t at,
    const char *fmt, ...) PRINTF(4, 5);
#define image_damage(r, n, ...) image_damage_at(r, n, (r)->at, __VA_ARGS__)
size_t image_complete(struct image_reader *r, size_t n, uint64_t len);

/* Sets the size. False, and damaged, when it is 0. */
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

/* image/exif.c: orientation and location from Exif, which is a TIFF structure
 * with or without "Exif\0\0" in front, and from an XMP packet, which may also
 * list what follows the picture. Of several Exif blocks the first counts, as
 * exiftool, Pillow and libvips have it. Metadata that cannot be read is no
 * damage. */
void exif_read(struct image_facts *facts, const uint8_t *p, size_t n);
void xmp_read(struct image_reader *r, const uint8_t *p, size_t n);

#endif
