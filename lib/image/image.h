/*
 * image: bounded readers for JPEG, PNG and WebP.
 *
 * A reader is fed a file's bytes in order, in pieces of any size, as one read of the file goes
 * by, and tells what the picture is and whether it is all there. It decodes no pixels, keeps at
 * most 64 kB of what it was fed, and trusts nothing:
 *
 *   JPEG  every marker, length and table, the entropy data's stuffing and restart markers, that
 *         each component has its scans down to the last bit of precision, that a scan is not
 *         shorter than its blocks can be coded. A picture that was cut inside a scan and then
 *         closed with an EOI is only found by decoding (photo/decode.h).
 *   PNG   every chunk's CRC and place; the pixel data is inflated and thrown away: zlib's
 *         Adler-32, the exact number of bytes, each row's filter. Nothing is left in doubt.
 *   WebP  RIFF's size, chunks, and that the headers of VP8, VP8L, VP8X and ANMF agree. The
 *         coded pixels carry no checksum; only decoding tells.
 *
 * Sources: ITU T.81; W3C PNG, third edition; RFC 9649 (WebP), RFC 6386 (VP8); CIPA DC-008 (Exif).
 */
#ifndef AV_IMAGE_IMAGE_H
#define AV_IMAGE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum image_type { IMAGE_OTHER, IMAGE_JPEG, IMAGE_PNG, IMAGE_WEBP };

enum image_state {
	IMAGE_OPEN, /* more bytes are wanted */
	IMAGE_COMPLETE, /* its end was reached, all in order; what follows does not belong to it */
	IMAGE_TRUNCATED, /* the bytes ended first; set by image_finish */
	IMAGE_DAMAGED,   /* the bytes contradict the format */
};

struct image_facts {
	enum image_type type;
	enum image_state state;
	bool header; /* width to lossless below are known */
	bool
	    header_end; /* nothing more is to be learnt from the header: a quick look may stop */
	uint32_t width, height; /* as stored, before any turning */
	uint8_t orientation;    /* of Exif, 1 to 8; 0: not stated */
	uint8_t channels;       /* as coded, alpha included: 1 to 4 */
	uint8_t depth;          /* bits of a channel (of a palette's index) */
	bool alpha;
	bool palette;
	bool cmyk;
	bool progressive; /* or interlaced */
	bool arithmetic;  /* JPEG with arithmetic coding */
	bool exotic;      /* lossless or hierarchical JPEG */
	bool lossless;
	bool animated;
	bool gps;           /* a place is in the metadata */
	bool scans_missing; /* a progressive JPEG without its last refinements */
	bool zeros_after;   /* all bytes after the end are zero */
	bool picture_after; /* another JPEG follows, as some phones write it */
	bool
	    scan_after; /* what follows is the rest of a JPEG scan: its EOI was not the real one */
	uint64_t
	    end; /* length of the picture when complete; else the offset of the trouble */
	uint64_t after;   /* bytes after the end; set by image_finish */
	char reason[128]; /* what is wrong, for people */
};

struct image_reader;

/* The format that the first bytes (12 are enough) are the sure beginning of. */
enum image_type image_detect(const void *data, size_t len);

/* A reader for one picture of that type, not IMAGE_OTHER. Where the header promises more than
 * max_pixels (0: no ceiling), pixel data is passed over instead of inflated. */
struct image_reader *image_new(enum image_type type, uint64_t max_pixels);
void image_free(struct image_reader *r);

void image_feed(struct image_reader *r, const void *data, size_t len);

/* How many of the next bytes the reader has no interest in, and passing over them unread. */
uint64_t image_skippable(const struct image_reader *r);
void image_skip(struct image_reader *r, uint64_t len);

/* All bytes were fed: settles what is still open. */
void image_finish(struct image_reader *r);

/* What is known so far. Borrowed. */
const struct image_facts *image_facts(const struct image_reader *r);

#endif
