#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "image/reader.h"

#define TAG(a, b, c, d)                                                                  \
	((uint32_t)(d) << 24 | (uint32_t)(c) << 16 | (uint32_t)(b) << 8 | (uint32_t)(a))

#define VP8  TAG('V', 'P', '8', ' ')
#define VP8L TAG('V', 'P', '8', 'L')
#define VP8X TAG('V', 'P', '8', 'X')
#define ANMF TAG('A', 'N', 'M', 'F')
#define EXIF TAG('E', 'X', 'I', 'F')
#define XMP  TAG('X', 'M', 'P', ' ')

/* Flags of VP8X (RFC 9649, 2.7). */
#define FLAG_ANIMATION 0x02
#define FLAG_EXIF      0x08
#define FLAG_ALPHA     0x10

#define ANMF_HEADER 16

struct webp {
	uint64_t end;       /* of the file, by RIFF's size */
	uint64_t frame_end; /* of the ANMF that the reader is in; 0: in none */
	uint32_t tag, len;
	uint64_t chunk_end; /* padding included */
	uint8_t flags;      /* of VP8X */
	unsigned n_frames;
	bool extended, seen_picture, seen_frame_picture;
	uint32_t frame_width, frame_height;
};

static size_t chunk_header(struct image_reader *r, const uint8_t *p, size_t n);

static size_t
finish_picture(struct image_reader *r, size_t n)
{
	struct webp *w = r->own;

	if (!w->seen_picture)
		return image_damage(r, n, "there is no picture (VP8, VP8L) in it");
	return image_complete(r, n, w->end);
}

/* Skips the rest of the chunk after the n bytes of this step, to the next chunk. */
static size_t
end_chunk(struct image_reader *r, size_t n)
{
	struct webp *w = r->own;
	uint64_t at = r->at + n;

	if (w->frame_end != 0 && w->chunk_end == w->frame_end) {
		if (!w->seen_frame_picture)
			return image_damage(r, n, "a frame (ANMF) has no picture");
		w->frame_end = 0;
	}
	r->skip = w->chunk_end - at;
	if (w->chunk_end < w->end && w->end - w->chunk_end < 8)
		return image_damage(r, n, "the last chunk is too short");
	if (w->chunk_end < w->end)
		return image_next(r, n, chunk_header, 8);
	/* complete only when the chunk's last byte was there: wait for it */
	if (w->chunk_end == at)
		return finish_picture(r, n);
	r->skip--;
	return image_next(r, n, chunk_header, 1);
}

/* A VP8 or VP8L picture of that size. It must agree with VP8X, or with ANMF in a frame;
 * without VP8X it is the size of the file. */
static size_t
picture(struct image_reader *r, size_t n, uint32_t width, uint32_t height)
{
	struct webp *w = r->own;
	struct image_facts *f = &r->facts;

	f->depth = 8;
	if (width == 0 || height == 0)
		return image_damage(r, n, "its size is %u x %u pixels", width, height);
	if (w->frame_end != 0) {
		if (width != w->frame_width || height != w->frame_height)
			return image_damage(
			    r, n, "a frame has another size than its header (ANMF) says");
		w->seen_frame_picture = true;
	} else if (w->seen_picture) {
		image_odd(r, r->at, "there are two pictures (VP8, VP8L) in it");
	} else if (w->extended && (width != f->width || height != f->height)) {
		return image_damage(
		    r, n, "the picture has another size than the header (VP8X) says");
	}
	w->seen_picture = true;
	if (!w->extended && !f->header)
		image_size(r, width, height);
	/* Exif comes after the picture, when VP8X announces it */
	f->header_end =
	    f->header && (w->flags & FLAG_EXIF) == 0 && (!f->frames || f->animated);
	return end_chunk(r, n);
}

/* VP8 (RFC 6386, 9.1): frame tag, start code, size. It must be a shown key frame. */
static size_t
chunk_vp8(struct image_reader *r, const uint8_t *p, size_t n)
{
	struct webp *w = r->own;
	uint32_t tag = le24(p);

	if ((tag & 1) != 0 || (tag >> 1 & 7) > 3 || (tag >> 4 & 1) == 0 ||
	    memcmp(p + 3, "\x9d\x01\x2a", 3) != 0)
		return image_damage(r, n, "the picture's header (VP8) is malformed");
	/* libwebp reads on behind the chunk */
	if ((tag >> 5) >= w->len - 10)
		image_odd(r, r->at, "the first partition (VP8) is longer than its chunk");
	r->facts.channels = r->facts.alpha ? 4 : 3;
	return picture(r, n, le16(p + 6) & 0x3fff, le16(p + 8) & 0x3fff);
}

/* VP8L (RFC 9649, 3.4): signature, size, alpha, version 0. */
static size_t
chunk_vp8l(struct image_reader *r, const uint8_t *p, size_t n)
{
	uint32_t bits = le32(p + 1);

	if (p[0] != 0x2f || bits >> 29 != 0)
		return image_damage(r, n, "the picture's header (VP8L) is malformed");
	r->facts.lossless = true;
	r->facts.alpha |= (bits >> 28 & 1) != 0;
	r->facts.channels = r->facts.alpha ? 4 : 3;
	return picture(r, n, (bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1);
}

/* VP8X (RFC 9649, 2.7): flags, size of the canvas. */
static size_t
chunk_vp8x(struct image_reader *r, const uint8_t *p, size_t n)
{
	struct webp *w = r->own;

	w->extended = true;
	w->flags = p[0];
	r->facts.alpha = (w->flags & FLAG_ALPHA) != 0;
	r->facts.channels = r->facts.alpha ? 4 : 3;
	r->facts.depth = 8;
	r->facts.frames = (w->flags & FLAG_ANIMATION) != 0;
	image_size(r, le24(p + 4) + 1, le24(p + 7) + 1);
	return end_chunk(r, n);
}

/* ANMF (RFC 9649, 2.7.1.1): position, size and time of a frame. Its chunks follow within
 * it. */
static size_t
chunk_anmf(struct image_reader *r, const uint8_t *p, size_t n)
{
	struct webp *w = r->own;
	uint64_t x = 2 * (uint64_t)le24(p), y = 2 * (uint64_t)le24(p + 3);

	w->frame_width = le24(p + 6) + 1;
	w->frame_height = le24(p + 9) + 1;
	if (x + w->frame_width > r->facts.width || y + w->frame_height > r->facts.height)
		return image_damage(r, n, "a frame (ANMF) lies outside of the picture");
	if (w->len < ANMF_HEADER + 8)
		return image_damage(r, n, "a frame (ANMF) has no picture");
	r->facts.animated = ++w->n_frames > 1;
	w->frame_end = w->chunk_end;
	w->seen_frame_picture = false;
	return image_next(r, n, chunk_header, 8);
}

/* Programs disagree about Exif that VP8X does not announce. */
static void
read_exif(struct image_reader *r, const uint8_t *p, size_t n)
{
	struct webp *w = r->own;
	struct image_facts *f = &r->facts;
	bool first = !f->exif;

	exif_read(f, p, n);
	if (first && (w->flags & FLAG_EXIF) == 0 && f->orientation > 1) {
		f->other_orientation = f->orientation;
		f->orientation = 0;
	}
}

/* EXIF and XMP, each in one piece. */
static size_t
chunk_meta(struct image_reader *r, const uint8_t *p, size_t n)
{
	struct webp *w = r->own;

	if (w->tag == EXIF) {
		read_exif(r, p, n);
		r->facts.header_end = r->facts.header;
	} else {
		xmp_read(r, p, n);
	}
	return end_chunk(r, n);
}

/* Why the chunk may not stand here (RFC 9649, 2.7), or NULL. */
static const char *
misplaced(const struct image_reader *r, const struct webp *w, uint64_t at)
{
	bool first = at == 12;

	if (first && w->tag != VP8 && w->tag != VP8L && w->tag != VP8X)
		return "the first chunk is neither VP8, VP8L nor VP8X";
	if (w->chunk_end > w->end)
		return "a chunk is longer than the file (RIFF)";
	if (w->frame_end != 0 && w->chunk_end > w->frame_end)
		return "a chunk is longer than its frame (ANMF)";
	if (w->tag == VP8X && !first)
		return "the header (VP8X) is out of place";
	if (w->tag == ANMF && (w->frame_end != 0 || !r->facts.frames))
		return "a frame (ANMF) is out of place";
	if ((w->tag == VP8 || w->tag == VP8L) && r->facts.frames && w->frame_end == 0)
		return "a picture (VP8, VP8L) stands outside of the frames (ANMF)";
	return NULL;
}

static size_t
chunk_header(struct image_reader *r, const uint8_t *p, size_t n)
{
	/* the chunks whose first bytes are read (RFC 9649, 2.5 to 2.7) */
	static const struct {
		uint32_t tag;
		size_t need;
		image_step *step;
	} headers[] = {{VP8, 10, chunk_vp8}, {VP8L, 5, chunk_vp8l},
	    {VP8X, 10, chunk_vp8x}, {ANMF, ANMF_HEADER, chunk_anmf}};
	struct webp *w = r->own;
	uint64_t bound = w->frame_end != 0 ? w->frame_end : w->end;
	const char *why;

	if (n == 1) /* the last byte of the file, see end_chunk */
		return finish_picture(r, n);
	w->tag = le32(p);
	w->len = le32(p + 4);
	w->chunk_end = r->at + 8 + w->len + (w->len & 1);
	/* some writers leave out the padding of the last chunk */
	if (w->len % 2 == 1 && w->chunk_end == bound + 1 && w->frame_end == 0)
		w->chunk_end--;
	why = misplaced(r, w, r->at);
	if (why != NULL)
		return image_damage(r, n, "%s", why);
	if (w->len > 0 && ((w->tag == EXIF && w->len <= IMAGE_EXIF_MAX) ||
	                      (w->tag == XMP && w->len <= IMAGE_NEED_MAX)))
		return image_next(r, n, chunk_meta, w->len);
	r->facts.exif_unread |= w->tag == EXIF && !r->facts.exif && w->len > 0;
	for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
		if (headers[i].tag != w->tag)
			continue;
		if (w->len < headers[i].need)
			return image_damage(r, n, "a chunk is shorter than its header");
		return image_next(r, n, headers[i].step, headers[i].need);
	}
	return end_chunk(r, n);
}

static size_t
start(struct image_reader *r, const uint8_t *p, size_t n)
{
	struct webp *w = r->own;
	uint32_t size = le32(p + 4);

	if (memcmp(p, "RIFF", 4) != 0 || memcmp(p + 8, "WEBP", 4) != 0)
		return image_damage(r, n, "the signature (RIFF, WEBP) is missing");
	if (size < 4 + 8 || size > UINT32_MAX - 8)
		return image_damage(r, n, "the size of the file (RIFF) is invalid");
	w->end = (uint64_t)size + 8;
	return image_next(r, n, chunk_header, 8);
}

/* Exif follows the picture: what was read no further may have it. */
static void
webp_finish(struct image_reader *r)
{
	struct webp *w = r->own;
	struct image_facts *f = &r->facts;

	f->exif_unread |=
	    f->state == IMAGE_DAMAGED && (w->flags & FLAG_EXIF) != 0 && !f->exif;
}

static void *
webp_open(struct image_reader *r)
{
	image_next(r, 0, start, 12);
	return mem_new(1, sizeof(struct webp));
}

const struct image_format image_webp = {webp_open, webp_finish, free};
