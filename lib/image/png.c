#include <libdeflate.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/mem.h"
#include "image/reader.h"

#define TAG(a, b, c, d)                                                                  \
	((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

#define IHDR TAG('I', 'H', 'D', 'R')
#define PLTE TAG('P', 'L', 'T', 'E')
#define IDAT TAG('I', 'D', 'A', 'T')
#define IEND TAG('I', 'E', 'N', 'D')
#define TRNS TAG('t', 'R', 'N', 'S')
#define ACTL TAG('a', 'c', 'T', 'L')
#define EXIF TAG('e', 'X', 'I', 'f')
#define ITXT TAG('i', 'T', 'X', 't')
#define TEXT TAG('t', 'E', 'X', 't')
#define ZTXT TAG('z', 'T', 'X', 't')

/* Sections and tables named below are of the W3C's PNG, third edition. */

#define COLOR_PALETTE 3
#define SCRATCH       (32 * 1024)

/* From so many bytes of rows on, room for the kept pixel data is taken at once. With less it
 * grows: for a batch of small photos, libc then keeps the memory from one to the next. */
#define LARGE ((uint64_t)4 << 20)

#define PARTS_MAX ((size_t)4 << 20)

struct pass {
	uint64_t row; /* bytes of a row, with the byte of its filter */
	uint64_t rows;
};

/* The pixel data of a chunk, from that byte of what is kept. */
struct part {
	uint64_t chunk_at;
	size_t from;
};

struct png {
	uint32_t tag, len;
	uint64_t chunk_at; /* offset of the chunk, for damage of the pixel data */
	uint32_t left;     /* of the chunk's data */
	uint32_t crc;
	uint8_t color;
	bool seen_palette, seen_data, data_over;
	bool ignored;   /* the chunk: decoders pass over it */
	bool inflating; /* the pixel data is checked */
	bool keeping;   /* the pixel data is kept, to be inflated at once */
	bool inflated;  /* it has ended, or what follows cannot be inflated */
	bool raw_exif;  /* there is Exif in a text chunk */
	struct buf data, parts;
	z_stream z;
	struct pass pass[7];
	unsigned n_pass, at_pass;
	uint64_t inflated_len; /* of all rows */
	uint64_t at_row, at_byte;
	/* zlib is 5 % slower when this is not aligned */
	_Alignas(16) uint8_t out[SCRATCH];
};

static size_t chunk_header(struct image_reader *r, const uint8_t *p, size_t n);

/* The rows and their bytes: one pass, or the seven of Adam7 (section 8). */
static void
plan_passes(struct png *g, const struct image_facts *f, bool interlaced)
{
	static const uint8_t x0[] = {0, 4, 0, 2, 0, 1, 0}, dx[] = {8, 8, 4, 4, 2, 2, 1};
	static const uint8_t y0[] = {0, 0, 4, 0, 2, 0, 1}, dy[] = {8, 8, 8, 4, 4, 2, 2};
	uint64_t bits = (uint64_t)f->channels * f->depth;

	for (unsigned i = 0; i < (interlaced ? 7 : 1); i++) {
		uint64_t w = f->width, h = f->height;
		if (interlaced) {
			w = (w + dx[i] - 1 - x0[i]) / dx[i];
			h = (h + dy[i] - 1 - y0[i]) / dy[i];
		}
		if (w == 0 || h == 0)
			continue;
		g->pass[g->n_pass] = (struct pass){1 + (w * bits + 7) / 8, h};
		g->inflated_len += g->pass[g->n_pass++].row * h;
	}
}

/* The channels of a colour type; 0 when the depth does not go with it (table 12). */
static uint8_t
channels_of(uint8_t color, uint8_t depth)
{
	static const uint8_t channels[] = {1, 0, 3, 1, 2, 0, 4};
	bool known = depth == 8 || depth == 16 ||
	             ((color == 0 || color == COLOR_PALETTE) &&
	                 (depth == 1 || depth == 2 || depth == 4));

	if (color > 6 || !known || (color == COLOR_PALETTE && depth == 16))
		return 0;
	return channels[color];
}

/* IHDR (11.2.1): size, depth, colour type, compression, filter and interlace methods. */
static size_t
chunk_ihdr(struct image_reader *r, const uint8_t *p, size_t n)
{
	struct png *g = r->own;
	struct image_facts *f = &r->facts;

	g->color = p[9];
	f->depth = p[8];
	f->channels = channels_of(g->color, f->depth);
	if (f->channels == 0 || p[10] != 0 || p[11] != 0 || p[12] > 1 ||
	    be32(p) > INT32_MAX || be32(p + 4) > INT32_MAX)
		return image_damage(r, n, "the header (IHDR) has an invalid value");
	f->palette = g->color == COLOR_PALETTE;
	f->alpha = g->color >= 4;
	f->progressive = p[12] == 1;
	f->lossless = true;
	if (!image_size(r, be32(p), be32(p + 4)))
		return n;
	plan_passes(g, f, f->progressive);
	g->inflating =
	    r->max_pixels == 0 || (uint64_t)f->width * f->height <= r->max_pixels;
	/* The length of more pixels could overflow; a byte has at most eight. */
	g->keeping = g->inflating && (uint64_t)f->width * f->height / 8 <= r->at_once &&
	             g->inflated_len <= r->at_once;
	return image_next(r, n, chunk_header, 8);
}

/* Programs that read a PNG from its start see no Exif behind the pixels. */
static void
read_exif(struct image_reader *r, const uint8_t *p, size_t len)
{
	struct png *g = r->own;
	struct image_facts *f = &r->facts;
	bool first = !f->exif;

	exif_read(f, p, len);
	if (first && g->seen_data && f->orientation > 1) {
		f->other_orientation = f->orientation;
		f->orientation = 0;
	}
}

/* A chunk whose CRC is right. p: its data. */
static size_t
chunk_done(struct image_reader *r, const uint8_t *p, size_t len, size_t n)
{
	static const char raw[] = "Raw profile type exif";
	struct png *g = r->own;

	switch (g->ignored ? 0 : g->tag) {
	case IHDR:
		return chunk_ihdr(r, p, n);
	case PLTE:
		g->seen_palette = true;
		break;
	case TRNS:
		r->facts.alpha = true;
		break;
	case ACTL:
		r->facts.frames = true;
		r->facts.animated = len >= 4 && be32(p) > 1;
		break;
	case EXIF:
		read_exif(r, p, len);
		break;
	case ITXT:
		if (len > 17 && memcmp(p, "XML:com.adobe.xmp", 17) == 0)
			xmp_read(r, p, len);
		break;
	case TEXT:
	case ZTXT: /* Exif as ImageMagick wrote it before PNG had eXIf */
		g->raw_exif |= len > sizeof raw && memcmp(p, raw, sizeof raw) == 0;
		break;
	case IEND:
		if (g->inflating && g->at_pass < g->n_pass)
			return image_damage(
			    r, n, "the pixel data (IDAT) is not complete");
		if (g->inflating && !g->inflated)
			image_odd(r, r->at, "the pixel data (IDAT) has no end");
		if (!r->facts.exif)
			r->facts.exif_unread = g->raw_exif;
		return image_complete(r, n, r->at + n);
	default:
		break;
	}
	return image_next(r, n, chunk_header, 8);
}

/* A chunk whose CRC is wrong. Decoders leave out an ancillary one. */
static size_t
wrong_crc(struct image_reader *r, size_t n)
{
	struct png *g = r->own;

	if ((g->tag >> 24 & 0x20) == 0)
		return image_damage(r, n, "the checksum of a chunk is wrong");
	image_odd(r, g->chunk_at, "the checksum of a chunk is wrong");
	r->facts.exif_unread |= g->tag == EXIF && !r->facts.exif;
	return image_next(r, n, chunk_header, 8);
}

/* A short chunk: its data and CRC in one piece. */
static size_t
chunk_whole(struct image_reader *r, const uint8_t *p, size_t n)
{
	struct png *g = r->own;
	size_t len = n - 4;

	if (libdeflate_crc32(g->crc, p, len) != be32(p + len))
		return wrong_crc(r, n);
	return chunk_done(r, p, len, n);
}

/* Follows the rows through n inflated bytes. False for a filter above 4 (9.2). */
static bool
follow_rows(struct image_reader *r, size_t n)
{
	struct png *g = r->own;

	for (size_t i = 0; i < n;) {
		const struct pass *pass = &g->pass[g->at_pass];
		uint64_t take = n - i;
		if (g->at_pass == g->n_pass) {
			image_odd(r, g->chunk_at,
			    "the pixel data (IDAT) has more rows than the picture");
			return true;
		}
		if (g->at_byte == 0 && g->out[i] > 4)
			return false;
		if (take > pass->row - g->at_byte)
			take = pass->row - g->at_byte;
		i += take;
		g->at_byte += take;
		if (g->at_byte < pass->row)
			continue;
		g->at_byte = 0;
		if (++g->at_row == pass->rows) {
			g->at_row = 0;
			g->at_pass++;
		}
	}
	return true;
}

/* Inflates a piece of IDAT and drops the pixels. libpng warns of what is behind the last
 * row, and goes on. */
static size_t
inflate_piece(struct image_reader *r, const uint8_t *p, size_t n)
{
	struct png *g = r->own;
	int status = Z_OK;

	if (g->inflated && n > 0)
		image_odd(r, g->chunk_at, "bytes follow the pixel data (IDAT)");
	if (g->inflated)
		return n;
	if (g->z.state == NULL && inflateInit(&g->z) != Z_OK)
		return image_damage_at(r, n, g->chunk_at, "zlib cannot start");
	g->z.next_in = (uint8_t *)(uintptr_t)p;
	g->z.avail_in = (uInt)n;
	do {
		g->z.next_out = g->out;
		g->z.avail_out = sizeof g->out;
		status = inflate(&g->z, Z_NO_FLUSH);
		if (!follow_rows(r, sizeof g->out - g->z.avail_out))
			return image_damage_at(r, n, g->chunk_at,
			    "a row of the pixel data (IDAT) is malformed");
	} while (status == Z_OK && (g->z.avail_in > 0 || g->z.avail_out == 0));
	g->inflated = status != Z_OK && status != Z_BUF_ERROR;
	if (status == Z_STREAM_END && g->at_pass < g->n_pass)
		return image_damage_at(
		    r, n, g->chunk_at, "the pixel data (IDAT) is too short");
	if (status == Z_STREAM_END && g->z.avail_in > 0)
		image_odd(r, g->chunk_at, "bytes follow the pixel data (IDAT)");
	if (status == Z_STREAM_END || !g->inflated)
		return n;
	/* A wrong checksum says that a pixel before it is wrong. */
	if (g->at_pass < g->n_pass ||
	    (g->z.msg != NULL && strcmp(g->z.msg, "incorrect data check") == 0))
		return image_damage_at(r, n, g->chunk_at,
		    "the pixel data (IDAT) cannot be inflated: %s",
		    g->z.msg != NULL ? g->z.msg : "zlib error");
	image_odd(r, g->chunk_at, "the end of the pixel data (IDAT) is malformed: %s",
	    g->z.msg != NULL ? g->z.msg : "zlib error");
	return n;
}

/* Inflates what is kept, chunk by chunk: it is too long, or zlib has to say what is wrong. */
static void
inflate_parts(struct image_reader *r)
{
	struct png *g = r->own;
	const struct part *parts = (const void *)g->parts.data;
	size_t n = g->parts.len / sizeof *parts;
	uint64_t chunk_at = g->chunk_at;

	for (size_t i = 0; i < n && r->facts.state != IMAGE_DAMAGED; i++) {
		size_t end = i + 1 < n ? parts[i + 1].from : g->data.len;
		g->chunk_at = parts[i].chunk_at;
		inflate_piece(
		    r, (uint8_t *)g->data.data + parts[i].from, end - parts[i].from);
	}
	g->chunk_at = chunk_at;
	buf_release(&g->data);
	buf_release(&g->parts);
}

/* True when what is kept inflates to exactly the rows. libdeflate takes codes that zlib refuses
 * (lengths 286 and 287, distances 30 and 31). No encoder writes them, and the checksum of the
 * chunk finds those that damage makes. */
static bool
inflate_at_once(const struct png *g)
{
	struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
	uint8_t *out = mem_large((size_t)g->inflated_len);
	size_t used = 0, at = 0;
	bool sound = d != NULL && out != NULL &&
	             libdeflate_zlib_decompress_ex(d, g->data.data, g->data.len, out,
	                 g->inflated_len, &used, NULL) == LIBDEFLATE_SUCCESS &&
	             used == g->data.len;

	for (unsigned i = 0; i < g->n_pass && sound; i++)
		for (uint64_t y = 0; y < g->pass[i].rows && sound; y++) {
			sound = out[at] <= 4; /* its filter */
			at += g->pass[i].row;
		}
	free(out);
	libdeflate_free_decompressor(d);
	return sound;
}

/* Keeps a piece of IDAT, as long as the bounds allow. */
static size_t
keep_piece(struct image_reader *r, const uint8_t *p, size_t n)
{
	struct png *g = r->own;
	const struct part part = {g->chunk_at, g->data.len};
	bool first = n == g->len - g->left; /* of the chunk */

	if (g->data.data == NULL && g->inflated_len >= LARGE)
		buf_large(&g->data, (size_t)g->inflated_len);
	if ((!first || buf_add(&g->parts, &part, sizeof part)) && buf_add(&g->data, p, n))
		return n;
	g->keeping = false;
	inflate_parts(r);
	return r->facts.state != IMAGE_DAMAGED ? inflate_piece(r, p, n) : n;
}

/* The kept pixel data ends here. False when it is damaged. */
static bool
inflate_kept(struct image_reader *r)
{
	struct png *g = r->own;

	if (!g->keeping || g->data.len == 0)
		return true;
	g->keeping = false;
	if (inflate_at_once(g)) {
		g->inflated = true;
		g->at_pass = g->n_pass;
		buf_release(&g->data);
		buf_release(&g->parts);
	} else {
		inflate_parts(r);
	}
	return r->facts.state != IMAGE_DAMAGED;
}

/* The CRC of a long chunk. Long text was not kept, so it is not read. */
static size_t
chunk_crc(struct image_reader *r, const uint8_t *p, size_t n)
{
	struct png *g = r->own;

	if (g->crc != be32(p))
		return inflate_kept(r) ? wrong_crc(r, n) : n;
	return g->tag == IEND || g->tag == PLTE ? chunk_done(r, p, 0, n)
	                                        : image_next(r, n, chunk_header, 8);
}

/* A piece of a long chunk, or of IDAT. */
static size_t
chunk_data(struct image_reader *r, const uint8_t *p, size_t n)
{
	struct png *g = r->own;
	size_t take = n < g->left ? n : g->left;

	g->crc = libdeflate_crc32(g->crc, p, take);
	g->left -= (uint32_t)take;
	if (g->left == 0)
		image_next(r, take, chunk_crc, 4);
	if (g->tag != IDAT || !g->inflating)
		return take;
	return g->keeping ? keep_piece(r, p, take) : inflate_piece(r, p, take);
}

static bool
wrong_palette(const struct png *g)
{
	return g->len > 768 || g->len % 3 != 0;
}

/* True for a chunk before IHDR that libpng passes over: any ancillary one that it does not
 * know. */
static bool
is_passed_over(const struct png *g)
{
	static const char known[][5] = {"bKGD", "cHRM", "eXIf", "gAMA", "hIST", "iCCP",
	    "iTXt", "oFFs", "pCAL", "pHYs", "sBIT", "sCAL", "sPLT", "sRGB", "tEXt",
	    "tIME", "tRNS", "zTXt"};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (be32((const uint8_t *)known[i]) == g->tag)
			return false;
	return (g->tag >> 24 & 0x20) != 0;
}

/* What decoders pass over (libpng: "benign error"), or NULL. */
static const char *
harmless(const struct image_reader *r, const struct png *g)
{
	if (!r->facts.header && g->tag != IHDR)
		return "the first chunk is not IHDR";
	switch (g->tag) {
	case PLTE:
		if (g->seen_data || g->color == 0 || g->color == 4)
			return "the palette (PLTE) is out of place";
		return wrong_palette(g) ? "the palette (PLTE) has the wrong length"
		                        : NULL;
	case IDAT:
		return g->data_over ? "pixel data (IDAT) is out of place" : NULL;
	case IEND:
		return g->len != 0 ? "the end (IEND) is not empty" : NULL;
	default:
		return NULL;
	}
}

/* Why the chunk may not stand here (5.6), or NULL. */
static const char *
misplaced(const struct image_reader *r, const struct png *g)
{
	if (!r->facts.header && g->tag != IHDR && !is_passed_over(g))
		return "the first chunk is not IHDR";
	switch (g->tag) {
	case IHDR:
		return r->facts.header ? "there are two headers (IHDR)"
		       : g->len != 13  ? "the header (IHDR) has the wrong length"
		                       : NULL;
	case PLTE:
		if (g->seen_palette && !g->seen_data)
			return "there are two palettes (PLTE)";
		return r->facts.palette && (g->len == 0 || wrong_palette(g))
		           ? "the palette (PLTE) has the wrong length"
		           : NULL;
	case IDAT:
		if (r->facts.palette && !g->seen_palette)
			return "the palette (PLTE) is missing";
		return g->data_over && !(g->inflating && g->at_pass == g->n_pass)
		           ? "pixel data (IDAT) is out of place"
		           : NULL;
	case IEND:
		return !g->seen_data ? "there is no pixel data (IDAT)" : NULL;
	default:
		return (g->tag >> 24 & 0x20) == 0
		           ? "it has a critical chunk that is not known"
		           : NULL;
	}
}

/* A chunk's type is four ASCII letters (5.3). */
static bool
is_tag(const uint8_t *p)
{
	for (unsigned i = 0; i < 4; i++)
		if ((p[i] | 0x20) < 'a' || (p[i] | 0x20) > 'z')
			return false;
	return true;
}

static size_t
chunk_header(struct image_reader *r, const uint8_t *p, size_t n)
{
	struct png *g = r->own;
	const char *why;

	g->len = g->left = be32(p);
	g->tag = be32(p + 4);
	g->chunk_at = r->at;
	if ((g->tag != IDAT || g->len > INT32_MAX) && !inflate_kept(r))
		return n;
	if (!is_tag(p + 4) || g->len > INT32_MAX)
		return image_damage(r, n, "the header of a chunk is malformed");
	why = misplaced(r, g);
	if (why != NULL)
		return image_damage(r, n, "%s", why);
	why = harmless(r, g);
	if (why != NULL)
		image_odd(r, r->at, "%s", why);
	if (g->tag == IDAT) {
		g->seen_data = true;
		r->facts.header_end = true;
	} else if (g->seen_data) {
		g->data_over = true;
	}
	/* an acTL after IDAT means nothing (11.3.6.1) */
	g->ignored = (g->tag == ACTL && g->seen_data) || (g->tag == PLTE && why != NULL);
	g->crc = libdeflate_crc32(0, p + 4, 4);
	if (g->tag != IDAT &&
	    g->len <= (g->tag == EXIF ? IMAGE_EXIF_MAX : IMAGE_NEED_MAX) - 4)
		return image_next(r, n, chunk_whole, g->len + 4);
	r->facts.exif_unread |= g->tag == EXIF && !r->facts.exif;
	if (g->len > 0)
		return image_next(r, n, chunk_data, 0);
	return image_next(r, n, chunk_crc, 4);
}

static size_t
start(struct image_reader *r, const uint8_t *p, size_t n)
{
	if (memcmp(p, "\x89PNG\r\n\x1a\n", 8) != 0)
		return image_damage(r, n, "the signature is missing");
	return image_next(r, n, chunk_header, 8);
}

static void *
png_open(struct image_reader *r)
{
	struct png *g = mem_new(1, sizeof *g);

	buf_init(&g->data, r->at_once);
	buf_init(&g->parts, PARTS_MAX);
	image_next(r, 0, start, 8);
	return g;
}

/* A file that is cut off may be damaged before that. */
static void
png_finish(struct image_reader *r)
{
	struct image_facts *f = &r->facts;
	char reason[sizeof f->reason];

	memcpy(reason, f->reason, sizeof reason);
	if (inflate_kept(r))
		snprintf(f->reason, sizeof f->reason, "%s", reason);
}

static void
png_close(void *own)
{
	struct png *g = own;

	buf_release(&g->data);
	buf_release(&g->parts);
	if (g->z.state != NULL)
		inflateEnd(&g->z);
	free(g);
}

const struct image_format image_png = {png_open, png_finish, png_close};
