/* Which pictures count as the same, and what a worker does with what is no picture. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "os/loop.h"
#include "photo/thumbnail.h"

#define SIDE THUMBNAIL_SIDE

static struct buf
read_file(const char *path)
{
	struct buf b = {0};
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	assert_int_equal(
	    read(fd, buf_room(&b, (size_t)st.st_size), (size_t)st.st_size), st.st_size);
	b.len = (size_t)st.st_size;
	close(fd);
	return b;
}

static int
memory_file(const void *data, size_t len)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
	return fd;
}

static bool
make(const struct buf *b, struct thumbnail *t)
{
	int fd = memory_file(b->data, b->len);
	bool made = thumbnail_make(fd, b->len, t);

	close(fd);
	return made;
}

static struct thumbnail
of_file(const char *path)
{
	struct buf b = read_file(path);
	struct thumbnail t;

	assert_true(make(&b, &t));
	buf_release(&b);
	return t;
}

static void
formats_show_the_same(void **unused)
{
	struct thumbnail jpeg = of_file("tests/photos/baseline.jpg"),
	                 progressive = of_file("tests/photos/progressive.jpg"),
	                 png = of_file("tests/photos/rgb.png"),
	                 webp = of_file("tests/photos/lossless.webp"),
	                 other = of_file("tests/photos/palette.png");

	(void)unused;
	assert_true(thumbnail_same(&jpeg, &progressive));
	assert_true(thumbnail_same(&png, &webp));
	assert_false(thumbnail_same(&png, &other));
	assert_false(thumbnail_same(&png, &jpeg));
}

/* A picture with an edge, to be changed. */
static struct thumbnail
half_dark(void)
{
	struct thumbnail t = {.width = 1000, .height = 500};

	for (size_t i = 0; i < SIDE * SIDE; i++)
		memset(t.cells[i], i % SIDE < SIDE / 2 ? 60 : 160, 3);
	return t;
}

static void
how_much_may_differ(void **unused)
{
	struct thumbnail a = half_dark(), b = a;

	(void)unused;
	assert_true(thumbnail_same(&a, &b));
	b.width = 1019;
	assert_true(thumbnail_same(&a, &b));
	b.width = 1025;
	assert_false(thumbnail_same(&a, &b));
	b = a;
	b.cells[77][1] = (uint8_t)(a.cells[77][1] + 16); /* one value */
	assert_true(thumbnail_same(&a, &b));
	b.cells[77][1]++;
	assert_false(thumbnail_same(&a, &b));
	b = a;
	for (size_t i = 0; i < SIDE * SIDE; i++) /* all a little brighter */
		b.cells[i][i % 3] += 3;
	assert_true(thumbnail_same(&a, &b));
	b = a;
	for (size_t y = 8; y < 12; y++) /* a region of another colour */
		for (size_t x = 8; x < 12; x++)
			b.cells[y * SIDE + x][2] -= 4;
	assert_false(thumbnail_same(&a, &b));
	memset(a.cells, 90, sizeof a.cells); /* of one colour */
	assert_false(thumbnail_same(&a, &a));
}

static void
rotate(struct thumbnail *t)
{
	struct thumbnail from = *t;

	t->width = from.height;
	t->height = from.width;
	for (size_t y = 0; y < SIDE; y++)
		for (size_t x = 0; x < SIDE; x++)
			memcpy(t->cells[x * SIDE + SIDE - 1 - y],
			    from.cells[y * SIDE + x], 3);
}

static void
mirror(struct thumbnail *t)
{
	struct thumbnail from = *t;

	for (size_t i = 0; i < SIDE * SIDE; i++)
		memcpy(t->cells[i], from.cells[i / SIDE * SIDE + SIDE - 1 - i % SIDE], 3);
}

static void
turned_as_exif_says(void **unused)
{
	/* Whether it is mirrored, and quarters of a turn to the right after that. */
	static const struct {
		bool mirrored;
		unsigned quarters;
	} all[] = {{0, 0}, {1, 0}, {0, 2}, {1, 2}, {1, 3}, {0, 1}, {1, 1}, {0, 3}};
	static const char entry[] = "\x12\x01\x03\x00\x01\x00\x00\x00\x06";
	static const char entry_be[] = "\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06";
	struct thumbnail stored = of_file("tests/photos/baseline.jpg"), t, wanted;
	struct buf b = read_file("tests/photos/exif.jpg");
	char *at = memmem(b.data, b.len, entry, sizeof entry - 1);

	(void)unused;
	at = at != NULL ? at + sizeof entry - 2
	                : (char *)memmem(b.data, b.len, entry_be, sizeof entry_be - 1) +
	                      sizeof entry_be - 2;
	for (char i = 0; i < 8; i++) {
		wanted = stored;
		if (all[(int)i].mirrored)
			mirror(&wanted);
		for (unsigned n = 0; n < all[(int)i].quarters; n++)
			rotate(&wanted);
		*at = (char)(i + 1);
		assert_true(make(&b, &t));
		assert_memory_equal(&t, &wanted, sizeof t);
	}
	buf_release(&b);
}

static unsigned n_done;

static void
not_decoded(void *unused, const struct thumbnail *t)
{
	(void)unused;
	assert_null(t);
	n_done++;
}

static void
decoded(void *unused, const struct thumbnail *t)
{
	(void)unused;
	assert_non_null(t);
	n_done++;
}

static void
workers_end_well(void **unused)
{
	static const char text[] = "no picture at all";
	struct buf cut = read_file("tests/photos/baseline.jpg");
	struct loop *loop = loop_new();
	struct workers *workers = thumbnail_workers(loop);
	struct thumbnail_job jobs[4] = {{.done = not_decoded}, {.done = not_decoded},
	    {.done = not_decoded}, {.done = decoded}};
	int fds[] = {memory_file(text, sizeof text), memory_file(cut.data, cut.len / 2),
	    memory_file("", 0), memory_file(cut.data, cut.len)};
	uint64_t sizes[] = {sizeof text, cut.len / 2, 0, cut.len};

	(void)unused;
	for (size_t i = 0; i < 4; i++)
		thumbnail_submit(workers, &jobs[i], fds[i], sizes[i]);
	loop_run(loop);
	assert_int_equal(n_done, 4);
	for (size_t i = 0; i < 4; i++)
		close(fds[i]);
	workers_free(workers);
	loop_free(loop);
	buf_release(&cut);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(formats_show_the_same),
	    cmocka_unit_test(how_much_may_differ),
	    cmocka_unit_test(turned_as_exif_says),
	    cmocka_unit_test(workers_end_well),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
