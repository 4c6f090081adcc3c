#include <ctype.h>
#include <string.h>
#include <unistd.h>

#include "image/image.h"
#include "image/reader.h"
#include "image/truncated.h"

static bool
read_at(int fd, uint64_t at, void *to, size_t len)
{
	return pread(fd, to, len, (off_t)at) == (ssize_t)len;
}

/* ISO/IEC 14496-12, 4.2: the length of the box at that offset; 0 when it is cut off. */
static uint64_t
box_at(int fd, uint64_t at, uint64_t size, char name[4])
{
	uint8_t head[16];
	uint64_t len;

	if (size - at < 8 || !read_at(fd, at, head, 8))
		return 0;
	memcpy(name, head + 4, 4);
	len = be32(head);
	if (len == 0) /* the box reaches to the end of the file */
		len = size - at;
	else if (len == 1 && size - at >= 16 && read_at(fd, at, head, 16))
		len = (uint64_t)be32(head + 8) << 32 | be32(head + 12);
	return len >= 8 && len <= size - at ? len : 0;
}

/* ISO/IEC 14496-12: a sequence of boxes. A film needs moov (the index) and mdat (the
 * data). */
static bool
mp4_is_truncated(int fd, uint64_t size)
{
	bool index = false, data = false;
	char name[4];

	for (uint64_t at = 0, len; at < size; at += len) {
		len = box_at(fd, at, size, name);
		if (len == 0)
			return true;
		index = index || memcmp(name, "moov", 4) == 0;
		data = data || memcmp(name, "mdat", 4) == 0;
	}
	return !index || !data;
}

static bool
picture_is_truncated(int fd, uint64_t size)
{
	char piece[65536];
	struct image_reader *reader = NULL;
	bool cut;

	for (uint64_t at = 0, n; at < size; at += n) {
		n = size - at < sizeof piece ? size - at : sizeof piece;
		if (!read_at(fd, at, piece, n))
			break;
		if (reader == NULL) {
			enum image_type type = image_detect(piece, n);
			if (type == IMAGE_OTHER)
				return false;
			reader = image_new(type, 1); /* 1: do not inflate */
		}
		image_feed(reader, piece, n);
	}
	if (reader == NULL)
		return false;
	image_finish(reader);
	cut = image_facts(reader)->state == IMAGE_TRUNCATED;
	image_free(reader);
	return cut;
}

/* True when the last byte that is no blank differs from `wanted`. */
static bool
lacks_last(int fd, uint64_t size, char wanted)
{
	char c = '\0';

	do
		if (size == 0 || !read_at(fd, --size, &c, 1))
			return true;
	while (isspace((unsigned char)c));
	return c != wanted;
}

/* glTF 2.0, binary: "glTF", version and length, the numbers with the least byte first. */
static bool
glb_is_truncated(int fd, uint64_t size)
{
	uint8_t head[12];

	if (size < sizeof head || !read_at(fd, 0, head, sizeof head))
		return true;
	return le32(head + 8) > size;
}

bool
is_truncated(int fd, uint64_t size, const char *type)
{
	if (strcmp(type, "image/jpeg") == 0 || strcmp(type, "image/png") == 0 ||
	    strcmp(type, "image/webp") == 0)
		return picture_is_truncated(fd, size);
	if (strcmp(type, "video/mp4") == 0)
		return mp4_is_truncated(fd, size);
	if (strcmp(type, "image/gif") == 0)
		return lacks_last(fd, size, ';');
	if (strcmp(type, "model/gltf-binary") == 0)
		return glb_is_truncated(fd, size);
	if (strcmp(type, "application/json") == 0 || strcmp(type, "model/gltf+json") == 0)
		return lacks_last(fd, size, '}');
	return false;
}
