#include <libdeflate.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/mem.h"
#include "image/image.h"
#include "image/reader.h"

static const struct image_format *const formats[] = {
    [IMAGE_JPEG] = &image_jpeg,
    [IMAGE_PNG] = &image_png,
    [IMAGE_WEBP] = &image_webp,
};

enum image_type
image_detect(const void *data, size_t len)
{
	const uint8_t *p = data;

	if (len >= 3 && memcmp(p, "\xff\xd8\xff", 3) == 0)
		return IMAGE_JPEG;
	if (len >= 8 && memcmp(p, "\x89PNG\r\n\x1a\n", 8) == 0)
		return IMAGE_PNG;
	if (len >= 12 && memcmp(p, "RIFF", 4) == 0 && memcmp(p + 8, "WEBP", 4) == 0)
		return IMAGE_WEBP;
	return IMAGE_OTHER;
}

void
image_prepare(void)
{
	libdeflate_crc32(0, NULL, 0);
	zlibVersion();
}

struct image_reader *
image_new(enum image_type type, uint64_t max_pixels, size_t at_once)
{
	struct image_reader *r = mem_new(1, sizeof *r);

	r->facts.type = type;
	r->max_pixels = max_pixels;
	r->at_once = at_once;
	r->format = formats[type];
	buf_init(&r->held, IMAGE_EXIF_MAX);
	r->own = r->format->open(r);
	return r;
}

void
image_free(struct image_reader *r)
{
	if (r == NULL)
		return;
	r->format->close(r->own);
	buf_release(&r->held);
	free(r);
}

/* Appends bytes to those kept of what follows the picture. */
static void
keep_tail(struct image_reader *r, const uint8_t *p, size_t n)
{
	size_t take = TRAILER_BYTES - r->n_first < n ? TRAILER_BYTES - r->n_first : n;

	memcpy(r->first + r->n_first, p, take);
	r->n_first += take;
	take = n < TRAILER_BYTES ? n : TRAILER_BYTES;
	memmove(r->last, r->last + take, TRAILER_BYTES - take);
	memcpy(r->last + TRAILER_BYTES - take, p + n - take, take);
}

/* Keeps the first and the last bytes after the end, without zeros before and behind.
 * Zeros at the end of a piece are kept once something follows them. */
static void
feed_tail(struct image_reader *r, const uint8_t *p, size_t n)
{
	static const uint8_t zeros[TRAILER_BYTES];
	size_t end = n, begin = 0;

	while (end > 0 && p[end - 1] == 0)
		end--;
	if (r->n_first == 0)
		while (begin < end && p[begin] == 0)
			begin++;
	if (begin < end) {
		keep_tail(r, zeros, r->n_zeros);
		keep_tail(r, p + begin, end - begin);
		r->n_zeros = 0;
	}
	if (r->n_first > 0) {
		r->n_zeros += n - end;
		if (r->n_zeros > TRAILER_BYTES)
			r->n_zeros = TRAILER_BYTES;
	}
}

/* Names what follows the picture. Phones put it there on purpose, so it tells nothing
 * about the picture. */
static enum image_trailer
name_trailer(const struct image_reader *r)
{
	/* as ExifTool knows them: Samsung (twice), Insta360, Nikon, FotoStation, Photo
	 * Mechanic */
	static const struct {
		enum image_trailer trailer;
		const char *end;
	} ends[] = {{TRAILER_SAMSUNG, "SEFT"}, {TRAILER_SAMSUNG, "QDIOBS"},
	    {TRAILER_VENDOR, "8db42d694ccc418790edff439fe026bf"},
	    {TRAILER_VENDOR, "/NIKON APP"}, {TRAILER_VENDOR, "\xa1\xb2\xc3\xd4"},
	    {TRAILER_VENDOR, "cbipcbbl"}};

	if (r->facts.after == 0)
		return TRAILER_NONE;
	if (r->n_first == 0)
		return TRAILER_ZEROS;
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		size_t n = strlen(ends[i].end);
		if (memcmp(r->last + TRAILER_BYTES - n, ends[i].end, n) == 0)
			return ends[i].trailer;
	}
	if (r->n_first >= 3 && memcmp(r->first, "\xff\xd8\xff", 3) == 0)
		return r->gain_map ? TRAILER_GAIN_MAP : TRAILER_PICTURE;
	if (r->n_first >= 4 && memcmp(r->first, "HDRP", 4) == 0)
		return TRAILER_HDR_PLUS;
	/* the length of the first box is before it; its zeros are not kept */
	if (memmem(r->first, r->n_first < 8 ? r->n_first : 8, "ftyp", 4) != NULL)
		return TRAILER_MOVIE;
	return r->listed ? TRAILER_LISTED : TRAILER_UNKNOWN;
}

/* Consumes at least one byte of an open picture. */
static size_t
feed_some(struct image_reader *r, const uint8_t *p, size_t n)
{
	size_t missing = r->need - r->held.len;
	size_t take = r->skip < n ? (size_t)r->skip : n;

	if (take > 0) {
		r->skip -= take;
	} else if (r->need == 0 || (r->held.len == 0 && n >= r->need)) {
		take = r->step(r, p, r->need == 0 ? n : r->need);
	} else { /* collect what the step needs in one piece */
		take = n < missing ? n : missing;
		buf_add(&r->held, p, take);
		if (take < missing)
			return take;
		r->at += r->step(r, (const uint8_t *)r->held.data, r->held.len);
		buf_clear(&r->held);
		return take;
	}
	r->at += take;
	return take;
}

void
image_feed(struct image_reader *r, const void *data, size_t len)
{
	const uint8_t *p = data;

	r->fed += len;
	while (len > 0 && r->facts.state == IMAGE_OPEN) {
		size_t n = feed_some(r, p, len);
		p += n;
		len -= n;
	}
	if (len > 0 && r->facts.state == IMAGE_COMPLETE)
		feed_tail(r, p, len);
}

uint64_t
image_skip(struct image_reader *r, uint64_t max)
{
	uint64_t n = r->skip < max ? r->skip : max;

	r->skip -= n;
	r->fed += n;
	r->at += n;
	return n;
}

void
image_finish(struct image_reader *r)
{
	struct image_facts *f = &r->facts;

	if (f->state == IMAGE_OPEN) {
		f->state = IMAGE_TRUNCATED;
		f->end = r->fed;
		snprintf(f->reason, sizeof f->reason, "the file ends too early");
	} else if (f->state == IMAGE_COMPLETE) {
		f->after = r->fed - f->end;
		f->trailer = name_trailer(r);
	}
	if (r->format->finish != NULL)
		r->format->finish(r);
	if (f->state == IMAGE_COMPLETE && f->odd)
		f->state = IMAGE_ODD;
}

const struct image_facts *
image_facts(const struct image_reader *r)
{
	return &r->facts;
}
