/* A small file of each format, cut at every length, and with a byte changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "image/whole.h"

#define N(a)          (sizeof(a) / sizeof *(a))
#define TEXT(s)       (const unsigned char *)(s), sizeof(s) - 1
#define WHOLE(s)      TEXT(s), sizeof(s) - 1
#define ENDS_AT(s, n) TEXT(s), (n)

static const char png[] =
    "\x89PNG\r\n\x1a\n\0\0\0\15IHDR\0\0\0\1\0\0\0\1\10\2\0\0\0\x90\x77\x53\xde"
    "\0\0\0\14IDAT\10\xd7\x63\xf8\xcf\xc0\0\0\3\1\1\0\x18\xdd\x8d\xb0\0\0\0\0IEND\xae"
    "\x42\x60\x82";

static const char mp4[] = "\0\0\0\20ftypisom\0\0\2\0\0\0\0\14moov\1\2\3\4"
                          "\0\0\0\1mdat\0\0\0\0\0\0\0\23abc";

/* An MP4 with its index at the end, as cameras write it. */
static const char mp4_late[] =
    "\0\0\0\20ftypisom\0\0\2\0\0\0\0\13mdatabc\0\0\0\12moov\1\2";

static const char heif[] = "\0\0\0\20ftypheic\0\0\2\0\0\0\0\12meta\1\2\0\0\0\13mdatabc";

/* EBML header; Segment of known length: Tracks, Cluster. */
static const char webm[] = "\x1a\x45\xdf\xa3\x82\1\2\x18\x53\x80\x67\x8f\x16\x54\xae\x6b"
                           "\x81\1\x1f\x43\xb6\x75\x40\3abc";
/* Segment and Cluster of unknown length, as it is streamed. */
static const char webm_live[] =
    "\x1a\x45\xdf\xa3\x82\1\2\x18\x53\x80\x67\1\xff\xff\xff\xff\xff\xff\xff\x16\x54\xae"
    "\x6b\x81\1\x1f\x43\xb6\x75\xff\xe7\x81\0\xa3\x84\x81\0\0\0";

static const char glb[] = "glTF\2\0\0\0\x22\0\0\0\2\0\0\0JSON{}\4\0\0\0BIN\0abcd";
static const char gif[] = "GIF89a\1\0\1\0\x80\0\0abcdef!\xf9\4\0\0\0\0\0"
                          ",\0\0\0\0\1\0\1\0\0\2\2\x44\1\0;";
static const char zip[] = "PK\1\2PK\5\6\0\0\0\0\0\0\1\0\4\0\0\0\0\0\0\0\2\0hi";
static const char json[] = "{\"asset\":[1,2]} \n";

static const struct file {
	const char *type, *ext;
	const unsigned char *data;
	size_t size, whole; /* whole: length from which it is whole */
} files[] = {{"image/png", "png", WHOLE(png)}, {"video/mp4", "mp4", WHOLE(mp4)},
    {"video/mp4", "mp4", WHOLE(mp4_late)}, {"image/heic", NULL, WHOLE(heif)},
    {"video/webm", "webm", WHOLE(webm)}, {"model/gltf-binary", "glb", WHOLE(glb)},
    {"image/gif", "gif", WHOLE(gif)}, {"application/zip", "zip", WHOLE(zip)},
    {"application/json", NULL, ENDS_AT(json, sizeof json - 3)},
    {"model/gltf+json", NULL, ENDS_AT(json, sizeof json - 3)},
    {"text/plain", "gltf", ENDS_AT(json, sizeof json - 3)}};

/* Damaged, though their length and their ends are right. */
static const struct file damaged[] = {
    {"image/png", NULL, TEXT("\x89PNG\r\n\x1a\nand garbage"), 0},
    {"image/jpeg", NULL, TEXT("\xff\xd8\xff\xe0\0\4\0\0and garbage\xff\xd9"), 0},
    {"image/webp", NULL, TEXT("RIFF\20\0\0\0WEBPVP8 \4\0\0\0abcd"), 0},
    {"image/png", NULL, TEXT("GIF89a"), 0},
    {"image/gif", NULL, TEXT("GIF89a\1\0\1\0\0\0\0;"), 0},
    {"image/gif", NULL, TEXT("GIF89a\1\0\1\0\0\0\0no block;"), 0},
    {"video/mp4", NULL, TEXT("\0\0\0\20ftypisom\0\0\2\0\0\0\0\12mdat\1\2"), 0},
    {"video/mp4", NULL, TEXT("\0\0\0\20ftypisom\0\0\2\0\0\0\0\4moov\0\0\0\10mdat"), 0},
    {"video/webm", NULL, TEXT("\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\x80"), 0},
    {"video/webm", NULL, TEXT("\x1a\x45\xdf\xa3\x82\1\2\0\x81\1"), 0},
    {"model/gltf-binary", NULL, TEXT("glTF\2\0\0\0\x16\0\0\0\2\0\0\0JSON{["), 0},
    {"model/gltf-binary", NULL, TEXT("glTF\2\0\0\0\x16\0\0\0\3\0\0\0JSON{}"), 0},
    {"model/gltf+json", NULL, TEXT("{\"a\":} "), 0},
    {"text/plain", "gltf", TEXT("[{}]"), 0}, {"text/plain", "json", TEXT("sorry {}"), 0},
    {"application/zip", NULL, TEXT("PK\5\6\0\0\0\0\0\0\1\0\4\0\0\0\0\0\0\0\0\0"), 0},
    {"application/zip", NULL, TEXT("PK\3\4PK\5\6"), 0}, {"image/png", NULL, TEXT(""), 0}};

static int fd;

static bool
is_whole(const struct file *f, size_t size)
{
	char why[WHOLE_WHY] = "";
	bool whole;

	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(pwrite(fd, f->data, size, 0), (ssize_t)size);
	whole = file_is_whole(fd, size, f->type, f->ext, why);
	assert_true(whole == (why[0] == '\0'));
	return whole;
}

static void
every_length(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < N(files); i++)
		for (size_t n = 0; n <= files[i].size; n++)
			if (is_whole(&files[i], n) != (n >= files[i].whole))
				fail_msg("%s of %zu bytes", files[i].type, n);
}

static void
every_damage(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < N(damaged); i++)
		if (is_whole(&damaged[i], damaged[i].size))
			fail_msg("%s, %zu", damaged[i].type, i);
}

/* Its end is the end of the file, so only a cut within an element can be seen. */
static void
streamed_webm(void **unused)
{
	const struct file live = {"video/webm", NULL, WHOLE(webm_live)};

	(void)unused;
	assert_true(is_whole(&live, live.size));
	assert_false(is_whole(&live, live.size - 1));
	assert_true(is_whole(&live, live.size - 6));
}

/* A window of the file ends within a chunk, a box and a sub-block. */
static void
long_files(void **unused)
{
	static unsigned char data[400000];
	const struct file film = {"video/mp4", NULL, data, sizeof data, 0},
	                  anim = {"image/gif", NULL, data, sizeof data, 0};
	size_t head = sizeof gif - 1 - 5, n;

	(void)unused;
	memcpy(data, mp4, 28);
	memcpy(data + 28, "\0\6\x1a\x64mdat", 8); /* 399972 */
	assert_true(is_whole(&film, sizeof data));
	assert_false(is_whole(&film, sizeof data - 1));
	/* the GIF's picture in sub-blocks of one byte */
	memset(data, 1, sizeof data);
	memcpy(data, gif, head);
	n = head + (sizeof data - head) / 2 * 2 - 2;
	memcpy(data + n, "\0;", 2);
	assert_true(is_whole(&anim, n + 2));
	assert_false(is_whole(&anim, n + 1));
}

static void
other_types_are_not_checked(void **unused)
{
	const struct file text = {"text/plain", "txt", TEXT("anything at all"), 0},
	                  data = {"application/octet-stream", NULL, TEXT("\0\1"), 0};

	(void)unused;
	assert_true(is_whole(&text, text.size));
	assert_true(is_whole(&data, data.size));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_length),
	    cmocka_unit_test(every_damage),
	    cmocka_unit_test(streamed_webm),
	    cmocka_unit_test(long_files),
	    cmocka_unit_test(other_types_are_not_checked),
	};

	fd = memfd_create("result", MFD_CLOEXEC);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
