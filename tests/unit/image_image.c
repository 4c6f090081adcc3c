/* The readers on real files: complete, cut at every offset, with a bit flipped in every byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/buf.h"
#include "image/image.h"

#define PHOTOS "tests/photos/"

static void
load(const char *name, struct buf *b)
{
	char path[256];
	FILE *f;
	char piece[4096];
	size_t n;

	snprintf(path, sizeof path, PHOTOS "%s", name);
	f = fopen(path, "rb");
	assert_non_null(f);
	buf_init(b, 0);
	while ((n = fread(piece, 1, sizeof piece, f)) > 0)
		buf_add(b, piece, n);
	assert_int_equal(fclose(f), 0);
	assert_true(b->len > 0);
}

/* Feeds the data in pieces of that size. Each piece has memory of its own, so that a
 * sanitizer finds a read beyond it. */
static struct image_facts
read_with(const char *data, size_t len, size_t piece, uint64_t max_pixels, size_t at_once)
{
	enum image_type type = image_detect(data, len);
	struct image_facts facts = {0};
	struct image_reader *r;

	if (type == IMAGE_OTHER)
		return facts;
	r = image_new(type, max_pixels, at_once);
	for (size_t at = 0; at < len; at += piece) {
		size_t n = len - at < piece ? len - at : piece;
		char *copy = malloc(n);
		assert_non_null(copy);
		memcpy(copy, data + at, n);
		image_feed(r, copy, n);
		free(copy);
	}
	image_finish(r);
	facts = *image_facts(r);
	image_free(r);
	return facts;
}

/* The pixels inflated at once and not: the verdict is the same. */
static struct image_facts
read_image(const char *data, size_t len, size_t piece, uint64_t max_pixels)
{
	struct image_facts at_once =
	    read_with(data, len, piece, max_pixels, (size_t)1 << 26);
	struct image_facts streamed = read_with(data, len, piece, max_pixels, 0);

	assert_int_equal(at_once.state, streamed.state);
	return at_once;
}

/* Calls fn for every sample whose name has that ending. */
static void
each(const char *ending, void (*fn)(const char *name, const struct buf *b))
{
	DIR *dir = opendir(PHOTOS);
	unsigned n = 0;

	assert_non_null(dir);
	for (struct dirent *d; (d = readdir(dir)) != NULL;) {
		size_t len = strlen(d->d_name), end = strlen(ending);
		struct buf b;
		if (d->d_name[0] == '.' || len < end ||
		    strcmp(d->d_name + len - end, ending) != 0)
			continue;
		load(d->d_name, &b);
		fn(d->d_name, &b);
		buf_release(&b);
		n++;
	}
	closedir(dir);
	assert_true(n > 0);
}

static void
sound(const char *name, const struct buf *b)
{
	static const size_t pieces[] = {1, 2, 3, 7, 64, 4096};
	struct image_facts first = read_image(b->data, b->len, b->len, 0);

	if (first.state != IMAGE_COMPLETE)
		fail_msg("%s: at %ju: %s", name, (uintmax_t)first.end, first.reason);
	assert_int_equal(first.end, b->len);
	assert_int_equal(first.after, 0);
	for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
		struct image_facts f = read_image(b->data, b->len, pieces[i], 0);
		if (memcmp(&f, &first, sizeof f) != 0)
			fail_msg("%s: other facts in pieces of %zu", name, pieces[i]);
	}
}

static void
test_sound(void **state)
{
	(void)state;
	each("", sound);
}

static void
cut(const char *name, const struct buf *b)
{
	for (size_t len = 0; len < b->len; len++) {
		struct image_facts f = read_image(b->data, len, 100, 0);
		if (f.state == IMAGE_COMPLETE || f.state == IMAGE_OPEN) {
			/* the first bytes tell the format; without them there is none */
			if (f.type != IMAGE_OTHER)
				fail_msg("%s cut to %zu bytes passes", name, len);
			assert_true(len < 12);
		}
	}
}

static void
test_cut_anywhere(void **state)
{
	(void)state;
	each("", cut);
}

static void
flip(const char *name, const struct buf *b)
{
	for (size_t i = 0; i < b->len; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			struct image_facts f;
			b->data[i] = (char)(b->data[i] ^ 1 << bit);
			f = read_image(b->data, b->len, b->len, 0);
			if (f.state == IMAGE_COMPLETE)
				fail_msg("%s with bit %u of byte %zu flipped passes",
				    name, bit, i);
			b->data[i] = (char)(b->data[i] ^ 1 << bit);
		}
}

static void
test_png_flipped_anywhere(void **state)
{
	(void)state;
	each(".png", flip);
}

/* True for a byte within a table or a scan's header, or just before one. */
static bool
in_header(const struct buf *b, size_t at)
{
	const unsigned char *p = (const unsigned char *)b->data;

	for (size_t i = 2; i + 4 < b->len; i++)
		if (p[i] == 0xff && (p[i + 1] == 0xc4 || p[i + 1] == 0xda)) {
			size_t len = (size_t)p[i + 2] << 8 | p[i + 3];
			if (at + 1 >= i && at < i + 2 + len)
				return true;
			i += 1 + len;
		}
	return false;
}

/* An EOI over two bytes of the coded data, at every offset. */
static void
plant(const char *name, const struct buf *b)
{
	const char *sos = memmem(b->data, b->len, "\xff\xda", 2);
	size_t from = (size_t)(sos - b->data) + 14;

	for (size_t i = from; i + 4 < b->len; i++) {
		char old[2] = {b->data[i], b->data[i + 1]};
		struct image_facts f;
		if (in_header(b, i))
			continue;
		memcpy(b->data + i, "\xff\xd9", 2);
		f = read_image(b->data, b->len, 100, 0);
		if (f.state == IMAGE_COMPLETE)
			fail_msg("%s with an EOI at %zu: %ju bytes after", name, i,
			    (uintmax_t)f.after);
		memcpy(b->data + i, old, 2);
	}
}

static void
test_planted_eoi(void **state)
{
	(void)state;
	each(".jpg", plant);
}

/* Writes the CRC of len bytes from there. */
static void
put_crc(struct buf *b, size_t to, size_t from, unsigned len)
{
	unsigned long crc = crc32(0, (const unsigned char *)b->data + from, len);

	for (unsigned i = 0; i < 4; i++)
		b->data[to + i] = (char)(crc >> (24 - 8 * i));
}

static struct image_facts
facts_of(const char *name)
{
	struct buf b;
	struct image_facts f;

	load(name, &b);
	f = read_image(b.data, b.len, b.len, 0);
	buf_release(&b);
	return f;
}

static void
test_facts(void **state)
{
	static const struct row {
		const char *name;
		uint32_t width, height;
		uint8_t orientation, channels, depth;
		const char *
		    flags; /* a: alpha, p: palette, i: progressive, l: lossless, n: animated,
		                      g: gps */
	} rows[] = {
	    {"baseline.jpg", 64, 48, 0, 3, 8, ""},
	    {"progressive.jpg", 64, 48, 0, 3, 8, "i"},
	    {"restart.jpg", 64, 48, 0, 3, 8, ""},
	    {"exif.jpg", 64, 48, 6, 3, 8, "g"},
	    {"rgb.png", 24, 20, 0, 3, 8, "l"},
	    {"interlaced.png", 24, 20, 0, 4, 8, "ail"},
	    {"palette.png", 24, 20, 0, 1, 2, "pl"},
	    {"depth16.png", 24, 20, 0, 3, 16, "l"},
	    {"animated.png", 24, 20, 0, 3, 8, "ln"},
	    {"lossy.webp", 64, 48, 0, 3, 8, ""},
	    {"lossless.webp", 24, 20, 0, 3, 8, "l"},
	    {"alpha.webp", 24, 20, 0, 4, 8, "a"},
	    {"exif.webp", 64, 48, 6, 3, 8, "g"},
	    {"animated.webp", 24, 20, 0, 4, 8, "an"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct row *r = &rows[i];
		struct image_facts f = facts_of(r->name);
		char flags[8], *p = flags;
		if (f.alpha)
			*p++ = 'a';
		if (f.palette)
			*p++ = 'p';
		if (f.progressive)
			*p++ = 'i';
		if (f.lossless)
			*p++ = 'l';
		if (f.animated)
			*p++ = 'n';
		if (f.gps)
			*p++ = 'g';
		*p = '\0';
		if (f.width != r->width || f.height != r->height ||
		    f.orientation != r->orientation || f.channels != r->channels ||
		    f.depth != r->depth || strcmp(flags, r->flags) != 0)
			fail_msg("%s: %ux%u orientation %u channels %u depth %u '%s'",
			    r->name, f.width, f.height, f.orientation, f.channels,
			    f.depth, flags);
	}
}

static void
put32(struct buf *b, unsigned long value)
{
	for (unsigned i = 0; i < 4; i++)
		buf_chr(b, (char)(value >> (24 - 8 * i)));
}

static void
add_chunk(struct buf *b, const char *tag, const char *data, size_t len)
{
	put32(b, len);
	buf_add(b, tag, 4);
	buf_add(b, data, len);
	put32(b, crc32(0, (uint8_t *)b->data + b->len - len - 4, (uInt)len + 4));
}

/* A pixel whose data has that many empty blocks in front, a byte in each chunk. */
static void
make_scattered(struct buf *b, unsigned empty, const char *last_block)
{
	buf_init(b, 0);
	buf_add(b, "\x89PNG\r\n\x1a\n", 8);
	add_chunk(b, "IHDR", "\0\0\0\1\0\0\0\1\x8\0\0\0", 13);
	add_chunk(b, "IDAT", "\x78\1", 2);
	for (unsigned i = 0; i < 5 * empty; i++)
		add_chunk(b, "IDAT", i % 5 < 3 ? "" : "\xff", 1);
	for (unsigned i = 0; i < 11; i++)
		add_chunk(b, "IDAT", last_block + i, 1);
	add_chunk(b, "IEND", "", 0);
}

static void
check_scattered(unsigned empty)
{
	static const char good[] = "\1\2\0\xfd\xff\0\7\0\x9\0\x8",
	                  bad_sum[] = "\1\2\0\xfd\xff\0\7\0\x9\0\x9",
	                  bad_filter[] = "\1\2\0\xfd\xff\5\7\0\x13\0\xd";
	struct image_facts facts;
	struct buf b;

	make_scattered(&b, empty, good);
	assert_int_equal(read_image(b.data, b.len, 65536, 0).state, IMAGE_COMPLETE);
	assert_int_equal(read_image(b.data, b.len - 20, 65536, 0).state, IMAGE_TRUNCATED);
	buf_release(&b);
	make_scattered(&b, empty, bad_sum);
	facts = read_image(b.data, b.len, 65536, 0);
	assert_int_equal(facts.state, IMAGE_DAMAGED);
	assert_int_equal(facts.end, b.len - 12 - 13);
	assert_int_equal(read_image(b.data, b.len - 1, 65536, 0).state, IMAGE_DAMAGED);
	buf_release(&b);
	make_scattered(&b, empty, bad_filter);
	facts = read_image(b.data, b.len, 65536, 0);
	assert_int_equal(facts.state, IMAGE_DAMAGED);
	assert_int_equal(facts.end, b.len - 12 - 6 * 13);
	buf_release(&b);
}

/* A few chunks are inflated at once; of too many no note is kept. */
static void
test_png_in_chunks(void **state)
{
	(void)state;
	check_scattered(0);
	check_scattered(60000);
}

/* Without a ceiling: the rows of so many pixels have 2^64 + 983 bytes. */
static void
test_png_too_large_to_count(void **state)
{
	static const unsigned char zeros[983];
	unsigned char deflated[64];
	uLongf len = sizeof deflated;
	struct buf b, header;

	(void)state;
	assert_int_equal(compress(deflated, &len, zeros, sizeof zeros), Z_OK);
	buf_init(&b, 0);
	buf_init(&header, 0);
	put32(&header, 2146601980);
	put32(&header, 1074182839);
	buf_add(&header, "\x10\6\0\0\0", 5); /* 16 bits of red, green, blue and alpha */
	buf_add(&b, "\x89PNG\r\n\x1a\n", 8);
	add_chunk(&b, "IHDR", header.data, header.len);
	add_chunk(&b, "IDAT", (const char *)deflated, len);
	add_chunk(&b, "IEND", "", 0);
	assert_int_equal(read_image(b.data, b.len, b.len, 0).state, IMAGE_DAMAGED);
	buf_release(&header);
	buf_release(&b);
}

/* Pixel data that is too short, with right checksums: found below the ceiling of pixels, not
 * inflated above it. */
static void
test_pixel_ceiling(void **state)
{
	struct buf b;

	(void)state;
	load("rgb.png", &b);
	b.data[23]++; /* one more row */
	put_crc(&b, 29, 12, 17);
	assert_int_equal(read_image(b.data, b.len, b.len, 0).state, IMAGE_DAMAGED);
	assert_int_equal(read_image(b.data, b.len, b.len, 24 * 21).state, IMAGE_DAMAGED);
	assert_int_equal(
	    read_image(b.data, b.len, b.len, 24 * 21 - 1).state, IMAGE_COMPLETE);
	buf_release(&b);
}

static void
test_after_the_end(void **state)
{
	struct buf b;
	struct image_facts f;

	(void)state;
	load("baseline.jpg", &b);
	buf_add(&b, "\0\0\0", 3);
	f = read_image(b.data, b.len, 5, 0);
	assert_int_equal(f.state, IMAGE_COMPLETE);
	assert_int_equal(f.after, 3);
	assert_int_equal(f.trailer, TRAILER_ZEROS);
	buf_add(&b, "PK\x03\x04", 4);
	f = read_image(b.data, b.len, 5, 0);
	assert_int_equal(f.after, 7);
	assert_int_equal(f.trailer, TRAILER_UNKNOWN);
	assert_int_equal(f.state, IMAGE_ODD);
	assert_false(f.odd);
	b.len -= 7;
	buf_add(&b, "\xff\xd8\xff\xe0", 4);
	f = read_image(b.data, b.len, 5, 0);
	assert_int_equal(f.trailer, TRAILER_PICTURE);
	buf_release(&b);
	load("baseline.jpg", &b);
	buf_add(&b, "\xff\xd9", 2);
	f = read_image(b.data, b.len, 5, 0);
	assert_int_equal(f.state, IMAGE_ODD);
	assert_int_equal(f.after, 2);
	buf_release(&b);
}

/* What follows a picture has one name, however it comes in pieces and whatever zeros are
 * in it. */
static void
test_trailer_in_pieces(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		enum image_trailer trailer;
	} all[] = {
#define ROW(text, trailer) {text, sizeof text - 1, trailer}
	    ROW("\0\0\0\0", TRAILER_ZEROS),
	    ROW("\0\0\0\0abc\0\0SEFH\0\0\0\0SEFT", TRAILER_SAMSUNG),
	    ROW("abc\0\0\0\0\0\0\0\0SEFT\0\0\0\0\0\0\0\0\0", TRAILER_SAMSUNG),
	    ROW("a\0SE\0FT", TRAILER_UNKNOWN),
	    ROW("\0\0\0\30ftypmp42\0\0\0\0isom", TRAILER_MOVIE),
	    ROW("\1\0\0\0\0\0\0\0ftyp", TRAILER_UNKNOWN),
	    ROW("\0\0\xff\xd8\xff\0\0\0", TRAILER_PICTURE),
	    ROW("\xff\0\xd8\xff", TRAILER_UNKNOWN),
#undef ROW
	};
	struct buf b;

	(void)state;
	load("baseline.jpg", &b);
	for (size_t i = 0, len = b.len; i < sizeof all / sizeof *all; i++, b.len = len) {
		buf_add(&b, all[i].bytes, all[i].n);
		for (size_t piece = 1; piece <= b.len;
		     piece += piece < 40 ? 1 : b.len / 3)
			assert_int_equal(
			    read_image(b.data, b.len, piece, 0).trailer, all[i].trailer);
	}
	buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_trailer_in_pieces),
	    cmocka_unit_test(test_sound),
	    cmocka_unit_test(test_facts),
	    cmocka_unit_test(test_cut_anywhere),
	    cmocka_unit_test(test_png_flipped_anywhere),
	    cmocka_unit_test(test_png_in_chunks),
	    cmocka_unit_test(test_png_too_large_to_count),
	    cmocka_unit_test(test_planted_eoi),
	    cmocka_unit_test(test_pixel_ceiling),
	    cmocka_unit_test(test_after_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
