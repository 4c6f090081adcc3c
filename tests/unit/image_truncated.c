/* A small file of each format, cut at every length. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "image/truncated.h"

#define N(a) (sizeof(a) / sizeof *(a))

static const unsigned char png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0, 0, 0,
    13, 'I', 'H', 'D', 'R', 0, 0, 0, 1, 0, 0, 0, 1, 8, 2, 0, 0, 0, 0x90, 0x77, 0x53, 0xde,
    0, 0, 0, 12, 'I', 'D', 'A', 'T', 8, 0xd7, 0x63, 0xf8, 0xcf, 0xc0, 0, 0, 3, 1, 1, 0,
    0x18, 0xdd, 0x8d, 0xb0, 0, 0, 0, 0, 'I', 'E', 'N', 'D', 0xae, 0x42, 0x60, 0x82};

static const unsigned char mp4[] = {0, 0, 0, 16, 'f', 't', 'y', 'p', 'i', 's', 'o', 'm',
    0, 0, 2, 0, 0, 0, 0, 12, 'm', 'o', 'o', 'v', 1, 2, 3, 4, 0, 0, 0, 1, 'm', 'd', 'a',
    't', 0, 0, 0, 0, 0, 0, 0, 19, 'a', 'b', 'c'};

/* An MP4 with its index at the end, as cameras write it. */
static const unsigned char mp4_late[] = {0, 0, 0, 16, 'f', 't', 'y', 'p', 'i', 's', 'o',
    'm', 0, 0, 2, 0, 0, 0, 0, 11, 'm', 'd', 'a', 't', 'a', 'b', 'c', 0, 0, 0, 10, 'm',
    'o', 'o', 'v', 1, 2};

static const unsigned char glb[] = {
    'g', 'l', 'T', 'F', 2, 0, 0, 0, 20, 0, 0, 0, 0, 0, 0, 0, 'J', 'S', 'O', 'N'};

static const unsigned char gif[] = "GIF89a and so on;";
static const unsigned char json[] = "{\"asset\":[1,2]} \n";

static const struct {
	const char *type;
	const unsigned char *data;
	size_t size, complete; /* complete: length from which it is complete */
} files[] = {{"image/png", png, sizeof png, sizeof png},
    {"video/mp4", mp4, sizeof mp4, sizeof mp4},
    {"video/mp4", mp4_late, sizeof mp4_late, sizeof mp4_late},
    {"model/gltf-binary", glb, sizeof glb, sizeof glb},
    {"image/gif", gif, sizeof gif - 1, sizeof gif - 1},
    {"application/json", json, sizeof json - 1, sizeof json - 3},
    {"model/gltf+json", json, sizeof json - 1, sizeof json - 3}};

static void
every_length(void **unused)
{
	int fd = memfd_create("photo", MFD_CLOEXEC);

	(void)unused;
	assert_true(fd >= 0);
	for (size_t i = 0; i < N(files); i++) {
		size_t size = files[i].size;

		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(pwrite(fd, files[i].data, size, 0), (ssize_t)size);
		/* The format is known from the first 12 bytes. */
		for (size_t n = 12; n <= size; n++)
			if (is_truncated(fd, n, files[i].type) != (n < files[i].complete))
				fail_msg("%s of %zu bytes", files[i].type, n);
	}
	close(fd);
}

static void
other_types_are_not_checked(void **unused)
{
	static const char *const types[] = {"text/plain", "application/zip", "image/png"};
	int fd = memfd_create("photo", MFD_CLOEXEC);

	(void)unused;
	assert_int_equal(pwrite(fd, "anything at all", 15, 0), 15);
	for (size_t i = 0; i < N(types); i++)
		assert_false(is_truncated(fd, 15, types[i]));
	assert_true(is_truncated(fd, 15, "video/mp4"));
	assert_true(is_truncated(fd, 0, "application/json"));
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_length),
	    cmocka_unit_test(other_types_are_not_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
