/* The whole check of a photo beside the library of its type: what that decodes in full and
 * without a warning is not damaged for us. Half of the mutations move, copy or drop whole
 * chunks (segments), and put sizes and checksums right, to get past the first check. */
#include <sys/mman.h>
#include <unistd.h>

#include "peers.h"
#include "photo/decode.h"
#include "sums.h"

#define PARTS_MAX 200

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);

/* Refused for what the bytes are, not for a limit or a rare coding. */
static bool
is_refused(const struct photo *photo)
{
	for (unsigned i = 0; i < photo->findings.n; i++) {
		const struct finding *f = &photo->findings.list[i];
		if (f->severity == SEVERITY_REFUSED &&
		    (f->code == CODE_DAMAGED || f->code == CODE_TRUNCATED ||
		        f->code == CODE_NOT_A_PICTURE))
			return true;
	}
	return false;
}

/* As av-validate --decode, without its workers. */
static void
check(int fd, size_t size, struct photo *photo)
{
	static const struct photo_options deep = {
	    PHOTO_DECODE, PEERS_PIXELS, 0, PHOTO_AT_ONCE};
	struct decoded decoded = {0};
	struct err e;

	if (photo_check(fd, size, &deep, NULL, photo, &e) != 0)
		abort();
	if (!decode_wanted(photo, &deep))
		return;
	decode_pixels(fd, photo, &decoded);
	if (!decode_findings(&decoded, &deep, photo))
		abort();
}

static bool
is_sound(enum image_type type, const uint8_t *data, size_t size)
{
	switch (type) {
	case IMAGE_JPEG:
		return peer_jpeg_is_sound(data, size);
	case IMAGE_PNG:
		return peer_png_is_sound(data, size);
	case IMAGE_WEBP:
		return peer_webp_is_sound(data, size);
	default:
		return false;
	}
}

/* The library comes first: what it does not decode is not read by our code, so it is new to the
 * fuzzer in nothing and is not kept. Mutations then begin with sound pictures only. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	struct photo photo;

	if (fd < 0)
		fd = memfd_create("photo", MFD_CLOEXEC);
	if (!is_sound(image_detect(data, size), data, size))
		return 0;
	if (ftruncate(fd, 0) < 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	check(fd, size, &photo);
	if (is_refused(&photo)) {
		fprintf(
		    stderr, "refused, but sound: %s\n", photo.findings.list[0].message);
		abort();
	}
	return 0;
}

static uint32_t
le32(const uint8_t *p)
{
	return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

/* The length of the chunk, segment or stretch of coded data at p; at least 1. */
static size_t
part_len(enum image_type type, const uint8_t *p, size_t n)
{
	size_t i = 2;

	switch (type) {
	case IMAGE_PNG:
		return n < 4 ? n : 12 + (size_t)fuzz_get32(p);
	case IMAGE_WEBP:
		return n < 8 ? n : 8 + (size_t)le32(p + 4) + (p[4] & 1);
	default:
		if (n >= 4 && p[0] == 0xff && p[1] != 0xd8 && (p[1] & 0xf8) != 0xd0)
			return 2 + ((size_t)p[2] << 8 | p[3]);
		while (i + 1 < n && (p[i] != 0xff || p[i + 1] == 0))
			i++;
		return i;
	}
}

/* Where the parts begin, and the end. */
static size_t
parts(enum image_type type, const uint8_t *data, size_t size, size_t at[PARTS_MAX + 1])
{
	size_t n = 0, from = type == IMAGE_PNG ? 8 : type == IMAGE_WEBP ? 12 : 2;

	while (n < PARTS_MAX && from < size) {
		size_t len = part_len(type, data + from, size - from);
		at[n++] = from;
		from = len < size - from ? from + len : size;
	}
	at[n] = size;
	return n;
}

/* Replaces n bytes at that offset by others, which may be of the same data. */
static size_t
splice(
    uint8_t *data, size_t size, size_t max, size_t at, size_t n, size_t from, size_t len)
{
	uint8_t *copy;

	if (size - n + len > max)
		return size;
	copy = malloc(len + 1);
	if (copy == NULL)
		abort();
	memcpy(copy, data + from, len);
	memmove(data + at + len, data + at + n, size - at - n);
	memcpy(data + at, copy, len);
	free(copy);
	return size - n + len;
}

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	enum image_type type = image_detect(data, size);
	size_t at[PARTS_MAX + 1], n, a, b;

	if (type == IMAGE_OTHER)
		return LLVMFuzzerMutate(data, size, max);
	n = parts(type, data, size, at);
	if (n == 0 || seed % 2 == 0) {
		size = LLVMFuzzerMutate(data, size, max);
	} else {
		a = seed / 8 % n;
		b = seed / 8 / n % n;
		if (seed % 8 / 2 == 0) /* drop a part */
			size = splice(data, size, max, at[a], at[a + 1] - at[a], 0, 0);
		else if (seed % 8 / 2 == 1) /* a part in the place of another */
			size = splice(data, size, max, at[a], at[a + 1] - at[a], at[b],
			    at[b + 1] - at[b]);
		else /* once more, somewhere else */
			size =
			    splice(data, size, max, at[a], 0, at[b], at[b + 1] - at[b]);
	}
	if (seed / 64 % 4 != 0 && type == IMAGE_PNG)
		fuzz_right_sums(data, size);
	if (seed / 64 % 4 != 0 && type == IMAGE_WEBP && size >= 12)
		for (unsigned i = 0; i < 4; i++)
			data[4 + i] = (uint8_t)((size - 8) >> 8 * i);
	return size;
}
