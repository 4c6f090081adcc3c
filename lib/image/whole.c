#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "image/image.h"
#include "image/reader.h"
#include "image/whole.h"
#include "json/scan.h"

#define WINDOW     (128 * 1024) /* a ZIP's end record can begin 64 KiB before the end */
#define MAX_PIXELS 100000000

/* So much pixel data, deflated and inflated, is in memory at most: one file is read at a time. */
#define AT_ONCE ((size_t)16 << 20)

struct file {
	int fd;
	uint64_t size;
	uint64_t from; /* offset of the window */
	size_t n;      /* bytes in it */
	char *why;
	uint8_t window[WINDOW];
};

/* Returns false, so that a check can say `return fault(...)`. */
static bool
fault(struct file *f, const char *why)
{
	snprintf(f->why, WHOLE_WHY, "%s", why);
	return false;
}

static bool
ends_too_early(struct file *f)
{
	return fault(f, "the file ends too early");
}

/* The bytes at that offset, at most a window of them; NULL if the file ends before. Valid
 * until the next call. */
static const uint8_t *
bytes_at(struct file *f, uint64_t at, size_t len)
{
	uint64_t left = at <= f->size ? f->size - at : 0;

	if (len > left)
		return NULL;
	if (at < f->from || at + len > f->from + f->n) {
		size_t want = left < WINDOW ? (size_t)left : WINDOW;
		ssize_t n = pread(f->fd, f->window, want, (off_t)at);

		f->from = at;
		f->n = n > 0 ? (size_t)n : 0;
		if (len > f->n)
			return NULL;
	}
	return f->window + (at - f->from);
}

static bool
picture_is_whole(struct file *f)
{
	const uint8_t *p = bytes_at(f, 0, f->size < WINDOW ? (size_t)f->size : WINDOW);
	enum image_type type = p != NULL ? image_detect(p, f->n) : IMAGE_OTHER;
	struct image_reader *reader;
	bool whole;

	if (type == IMAGE_OTHER)
		return fault(f, "its first bytes are malformed");
	reader = image_new(type, MAX_PIXELS, AT_ONCE);
	for (uint64_t at = 0; at < f->size && bytes_at(f, at, 1) != NULL; at += f->n)
		image_feed(reader, f->window, f->n);
	image_finish(reader);
	whole = image_facts(reader)->state == IMAGE_COMPLETE ||
	        image_facts(reader)->state == IMAGE_ODD;
	if (!whole)
		fault(f, image_facts(reader)->reason);
	image_free(reader);
	return whole;
}

/* The offset behind a GIF's chain of sub-blocks; 0 if the file ends before. */
static uint64_t
skip_sub_blocks(struct file *f, uint64_t at)
{
	const uint8_t *p;

	while ((p = bytes_at(f, at, 1)) != NULL) {
		at += 1 + (uint64_t)p[0];
		if (p[0] == 0)
			return at;
	}
	return 0;
}

/* The bytes of a GIF's colour table, by the flags before it. */
static unsigned
table_size(uint8_t flags)
{
	return (flags & 0x80) != 0 ? 3U << ((flags & 7) + 1) : 0;
}

static bool
gif_is_whole(struct file *f)
{
	const uint8_t *p = bytes_at(f, 0, 13);
	bool picture = false;
	uint64_t at;

	if (p == NULL)
		return ends_too_early(f);
	at = 13 + table_size(p[10]);
	while (at != 0 && (p = bytes_at(f, at, 1)) != NULL) {
		if (p[0] == ';')
			return picture || fault(f, "there is no picture in it");
		if (p[0] == '!') { /* an extension: its label, then sub-blocks */
			at = skip_sub_blocks(f, at + 2);
		} else if (p[0] != ',') {
			return fault(f, "a block of the GIF is malformed");
		} else if ((p = bytes_at(f, at, 10)) == NULL) {
			break;
		} else { /* a picture: descriptor, table, a byte, sub-blocks */
			picture = true;
			at = skip_sub_blocks(f, at + 10 + table_size(p[9]) + 1);
		}
	}
	return ends_too_early(f);
}

/* The length of the ISO box at that offset; 0 if the file ends before its end. */
static uint64_t
box_at(struct file *f, uint64_t at, char name[4])
{
	const uint8_t *p = bytes_at(f, at, 8);
	uint64_t len, left = f->size - at;

	if (p == NULL)
		return 0;
	memcpy(name, p + 4, 4);
	len = be32(p);
	if (len == 0) /* the box reaches to the end of the file */
		len = left;
	else if (len == 1 && (p = bytes_at(f, at, 16)) != NULL)
		len = (uint64_t)be32(p + 8) << 32 | be32(p + 12);
	return len >= 8 && len <= left ? len : 0;
}

/* A sequence of boxes, among them mdat (the data) and the index to it. */
static bool
boxes_are_whole(struct file *f, const char *index_name)
{
	bool index = false, data = false;
	char name[4];

	for (uint64_t at = 0, len; at < f->size; at += len) {
		len = box_at(f, at, name);
		if (len == 0)
			return ends_too_early(f);
		index = index || memcmp(name, index_name, 4) == 0;
		data = data || memcmp(name, "mdat", 4) == 0;
	}
	return (index && data) || fault(f, "its index or its data (mdat) is missing");
}

static bool
mp4_is_whole(struct file *f)
{
	return boxes_are_whole(f, "moov");
}

static bool
heif_is_whole(struct file *f)
{
	return boxes_are_whole(f, "meta");
}

/* Reads an EBML number of 1 to 8 bytes at *at, and moves *at behind it. The first 1 bit
 * tells its length; an id keeps this bit. A length of nothing but 1 bits is unknown: it
 * becomes UINT64_MAX. */
static bool
ebml_number(struct file *f, uint64_t *at, bool is_id, uint64_t *value)
{
	const uint8_t *p = bytes_at(f, *at, 1);
	size_t n = 1;

	while (p != NULL && n <= 8 && (p[0] & 0x100 >> n) == 0)
		n++;
	if (p == NULL || n > 8 || (p = bytes_at(f, *at, n)) == NULL)
		return false;
	*value = is_id ? p[0] : p[0] & ((0x100U >> n) - 1);
	for (size_t i = 1; i < n; i++)
		*value = *value << 8 | p[i];
	if (!is_id && *value == (UINT64_C(1) << 7 * n) - 1)
		*value = UINT64_MAX;
	*at += n;
	return true;
}

static bool
webm_is_whole(struct file *f)
{
	enum { SEGMENT = 0x18538067, CLUSTER = 0x1f43b675, TRACKS = 0x1654ae6b };
	bool segment = false, cluster = false, tracks = false;
	uint64_t at = 0, id, len;

	while (at < f->size) {
		bool open;

		if (!ebml_number(f, &at, true, &id) || !ebml_number(f, &at, false, &len))
			return ends_too_early(f);
		open = len == UINT64_MAX && (id == SEGMENT || id == CLUSTER);
		if (!open && len > f->size - at)
			return ends_too_early(f);
		segment = segment || id == SEGMENT;
		cluster = cluster || id == CLUSTER;
		tracks = tracks || id == TRACKS;
		if (!open && id != SEGMENT) /* else its elements follow */
			at += len;
	}
	return (segment && cluster && tracks) ||
	       fault(f, "its tracks or its data (Cluster) are missing");
}

static bool
object_is_whole(struct file *f, uint64_t at, uint64_t len)
{
	char *text = mem_new(len, 1);
	struct scan s;

	for (uint64_t n = 0; n < len;) {
		ssize_t got = pread(f->fd, text + n, (size_t)(len - n), (off_t)(at + n));
		if (got <= 0)
			break;
		n += (uint64_t)got;
	}
	if (scan_text(text, len, &s, NULL, NULL) && s.type != '{')
		s.what = "it is no object";
	free(text);
	if (s.what != NULL)
		snprintf(f->why, WHOLE_WHY, "the JSON is malformed: %s", s.what);
	return s.what == NULL;
}

static bool
json_is_whole(struct file *f)
{
	return object_is_whole(f, 0, f->size);
}

/* "glTF", version, length; then chunks: length, type, data. The first is the JSON. */
static bool
glb_is_whole(struct file *f)
{
	const uint8_t *p = bytes_at(f, 0, 20);
	uint64_t end, at = 12, len;

	if (p == NULL || (end = le32(p + 8)) > f->size)
		return ends_too_early(f);
	if (memcmp(p + 16, "JSON", 4) != 0)
		return fault(f, "its first chunk is not the JSON");
	while (at < end) {
		if (end - at < 8 || (p = bytes_at(f, at, 8)) == NULL ||
		    (len = le32(p)) > end - at - 8)
			return fault(f, "its chunks are longer than the file");
		if (at == 12 && !object_is_whole(f, at + 8, len))
			return false;
		at += 8 + len;
	}
	return at == end || fault(f, "it has no chunks");
}

/* The end record has 22 bytes and a comment, and stands at the end. */
static bool
zip_is_whole(struct file *f)
{
	size_t tail = f->size < 22 + UINT16_MAX ? (size_t)f->size : 22 + UINT16_MAX;
	const uint8_t *p = bytes_at(f, f->size - tail, tail);

	for (size_t i = tail; p != NULL && i >= 22; i--) {
		const uint8_t *end = p + i - 22;
		uint64_t size = le32(end + 12), from = le32(end + 16);

		if (memcmp(end, "PK\5\6", 4) != 0 || le16(end + 20) != tail - i)
			continue;
		/* 4 GiB and more stand in a record of their own (ZIP64) */
		if (from != UINT32_MAX && from + size > f->size - (tail - i) - 22)
			return fault(f, "its directory is not complete");
		return true;
	}
	return ends_too_early(f);
}

bool
file_is_whole(
    int fd, uint64_t size, const char *type, const char *ext, char why[WHOLE_WHY])
{
	static const struct {
		const char *type, *ext;
		bool (*check)(struct file *f);
	} formats[] = {{"image/jpeg", NULL, picture_is_whole},
	    {"image/png", NULL, picture_is_whole}, {"image/webp", NULL, picture_is_whole},
	    {"image/gif", NULL, gif_is_whole}, {"image/heic", NULL, heif_is_whole},
	    {"image/avif", NULL, heif_is_whole}, {"video/mp4", NULL, mp4_is_whole},
	    {"video/x-m4v", NULL, mp4_is_whole}, {"audio/x-m4a", NULL, mp4_is_whole},
	    {"video/quicktime", NULL, mp4_is_whole}, {"video/webm", NULL, webm_is_whole},
	    {"video/x-matroska", NULL, webm_is_whole},
	    {"model/gltf-binary", NULL, glb_is_whole},
	    {"application/zip", NULL, zip_is_whole},
	    {"model/gltf+json", "gltf", json_is_whole},
	    {"application/json", "json", json_is_whole}};
	struct file *f = mem_new(1, sizeof *f);
	bool whole = true, found = false;

	f->fd = fd;
	f->size = size;
	f->why = why;
	for (size_t i = 0; !found && i < sizeof formats / sizeof *formats; i++) {
		found = strcmp(formats[i].type, type) == 0 ||
		        (ext != NULL && formats[i].ext != NULL &&
		            strcmp(formats[i].ext, ext) == 0);
		if (found)
			whole = formats[i].check(f);
	}
	free(f);
	return whole;
}
