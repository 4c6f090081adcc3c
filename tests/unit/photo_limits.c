/* Limits of services, names, and the stream, which notices changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/utf8.h"
#include "photo/limits.h"
#include "photo/source.h"

static const char *const three[] = {"image/jpeg", "image/png", "image/webp", NULL};
static const struct aspect wide_or_tall[] = {{16, 9}, {9, 16}};
static const struct image_limits strict = {
    .types = three,
    .max_bytes = 10000000,
    .max_bytes_lenient = 10485760,
    .min_width = 1280,
    .min_height = 720,
    .max_width = 3840,
    .max_height = 2160,
    .either_orientation = true,
    .aspects = wide_or_tall,
    .n_aspects = 2,
};

/* The codes of all findings, in order, separated by blanks. */
static void
codes(const struct findings *fs, char *out, size_t size)
{
	out[0] = '\0';
	for (unsigned i = 0; i < fs->n; i++) {
		size_t len = strlen(out);
		snprintf(out + len, size - len, "%s%s:%s", i > 0 ? " " : "",
		    code_info(fs->list[i].code)->name,
		    severity_name(fs->list[i].severity));
		assert_true(fs->list[i].message[0] != '\0');
	}
}

static void
test_image(void **state)
{
	static const struct row {
		uint32_t w, h;
		uint8_t orientation;
		uint64_t bytes;
		const char *type, *want;
	} rows[] = {
	    {1920, 1080, 1, 1, "image/jpeg", ""},
	    {1280, 720, 1, 10000000, "image/webp", ""},
	    {720, 1280, 1, 1, "image/png", ""},
	    {2160, 3840, 1, 1, "image/png", ""},
	    {3840, 2160, 1, 1, "image/png", ""},
	    {1080, 1920, 6, 1, "image/jpeg", ""}, /* shown as 1920x1080 */
	    {1919, 1080, 1, 1, "image/jpeg", "aspect_refused:refused"},
	    {1920, 1081, 1, 1, "image/jpeg", "aspect_refused:refused"},
	    {1366, 768, 1, 1, "image/jpeg", "aspect_refused:refused"},
	    {1264, 711, 1, 1, "image/jpeg", "too_small:refused"},
	    {711, 1264, 1, 1, "image/jpeg", "too_small:refused"},
	    {3856, 2169, 1, 1, "image/jpeg", "too_large:refused"},
	    {1280, 720, 1, 10000001, "image/jpeg", "near_byte_limit:risky"},
	    {1280, 720, 1, 10485760, "image/jpeg", "near_byte_limit:risky"},
	    {1280, 720, 1, 10485761, "image/jpeg", "too_many_bytes:refused"},
	    {100, 100, 1, 20000000, "image/heic",
	        "type_refused:refused too_many_bytes:refused too_small:refused "
	        "aspect_refused:refused"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct row *r = &rows[i];
		struct photo p = {.bytes = r->bytes,
		    .width = r->w,
		    .height = r->h,
		    .orientation = r->orientation};
		struct findings fs = {0};
		char got[256];
		strcpy(p.type, r->type);
		limits_check_image(&p, &strict, &fs);
		codes(&fs, got, sizeof got);
		if (strcmp(got, r->want) != 0)
			fail_msg("row %zu: '%s' instead of '%s'", i, got, r->want);
	}
}

static void
test_no_limits(void **state)
{
	struct photo p = {
	    .bytes = 1 << 30, .width = 1, .height = 60000, .orientation = 1};
	struct findings fs = {0};

	(void)state;
	limits_check_image(&p, &(struct image_limits){0}, &fs);
	assert_int_equal(fs.n, 0);
	limits_check_image(&p, &(struct image_limits){.max_pixels = 59999}, &fs);
	assert_int_equal(fs.list[0].code, CODE_TOO_LARGE);
}

static void
test_name(void **state)
{
	struct findings fs = {0};

	(void)state;
	limits_check_name("Ann", 3, 5, &fs);
	limits_check_name("äöüßé", 3, 5, &fs); /* five characters, ten bytes */
	limits_check_name("", 0, 0, &fs);
	assert_int_equal(fs.n, 0);
	limits_check_name("Al", 3, 5, &fs);
	limits_check_name("Antony", 3, 5, &fs);
	assert_int_equal(fs.n, 2);
	assert_int_equal(fs.list[0].code, CODE_NAME_TOO_SHORT);
	assert_int_equal(fs.list[1].code, CODE_NAME_TOO_LONG);
}

static void
test_name_from_path(void **state)
{
	static const struct row {
		const char *path;
		unsigned min, max;
		const char *want;
	} rows[] = {
	    {"photos/Ann.jpg", 3, 50, "Ann"},
	    {"Ann", 0, 0, "Ann"},
	    {"a.b/Ann.Lee.jpg", 0, 0, "Ann.Lee"},
	    {"a.b/Ann", 0, 0, "Ann"},
	    {".jpg", 0, 0, ".jpg"},
	    {"x/Al.png", 3, 50, "Al avatar"},
	    {"x/Al.png", 3, 4, "Al a"},
	    {"x/Al.png", 12, 50, "Al avatar___"},
	    {"äöüßé.png", 0, 3, "äöü"},
	    {"Ann\nLee\t\x7f.png", 0, 0, "Ann Lee"},
	    {"Ann \xe2\x80\xa8Lee.png", 0, 0, "Ann Lee"},
	    {"Ann Lee.png", 0, 4, "Ann"}, /* not "Ann " */
	    {"\xff.png", 0, 0, "\xef\xbf\xbd"},
	    {"\x01\x02.png", 3, 0, "avatar"},
	    {"", 0, 0, "avatar"},
	    {"photos/Ann B. Lee/", 0, 0, "Ann B. Lee"},
	    {"Ann/", 0, 0, "Ann"},
	    {"/", 0, 0, "avatar"},
	    {"a//", 0, 0, "avatar"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char *name =
		    limits_name_from_path(rows[i].path, rows[i].min, rows[i].max);
		if (strcmp(name, rows[i].want) != 0)
			fail_msg("'%s': '%s' instead of '%s'", rows[i].path, name,
			    rows[i].want);
		assert_true(utf8_valid(name, strlen(name)));
		free(name);
	}
}

/* Makes a file of n bytes and returns its name in path. */
static void
make(char path[static 32], size_t n)
{
	int fd;

	strcpy(path, "/tmp/avtools-check-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	while (n-- > 0)
		assert_int_equal(write(fd, "x", 1), 1);
	close(fd);
}

/* Reads the stream in pieces; returns the number of bytes read. */
static size_t
drain(struct photo_stream *s, size_t piece, struct err *e, ssize_t *last)
{
	char buf[4096];
	size_t total = 0;

	while ((*last = photo_stream_read(s, buf, piece, e)) > 0)
		total += (size_t)*last;
	return total;
}

static void
test_stream(void **state)
{
	struct photo_stream s;
	struct err e;
	char path[32], sum[SHA256_HEX];
	ssize_t last;

	(void)state;
	make(path, 5000);
	assert_int_equal(photo_stream_open(&s, path, 5000, NULL, &e), 0);
	assert_int_equal(drain(&s, 999, &e, &last), 5000);
	assert_int_equal(last, 0);
	strcpy(sum, s.got);
	photo_stream_close(&s);
	assert_int_equal(photo_stream_open(&s, path, 5000, sum, &e), 0);
	assert_int_equal(drain(&s, 4096, &e, &last), 5000);
	assert_string_equal(s.got, sum);
	photo_stream_close(&s);
	assert_int_equal(photo_stream_open(&s, path, 5000, sum, &e), 0);
	assert_int_equal(drain(&s, 10, &e, &last), 5000);
	photo_stream_close(&s);
	photo_stream_close(&s);
	assert_int_equal(photo_stream_open(&s, path, 4999, NULL, &e), -1);
	assert_int_equal(e.code, CODE_CHANGED_WHILE_READ);
	unlink(path);
}

/* The last byte of another photo, or of one that changes while it is read, is never
 * handed over. */
static void
test_stream_changed(void **state)
{
	struct photo_stream s;
	struct err e;
	char path[32], other[SHA256_HEX], buf[100];
	struct timespec past[2] = {{1000000, 0}, {1000000, 0}};
	ssize_t last;
	int fd;

	(void)state;
	make(path, 5000);
	memset(other, 'a', sizeof other);
	other[64] = '\0';
	assert_int_equal(photo_stream_open(&s, path, 0, other, &e), 0);
	assert_true(drain(&s, 1000, &e, &last) < 5000);
	assert_int_equal(last, -1);
	assert_int_equal(e.code, CODE_CHANGED_WHILE_READ);
	photo_stream_close(&s);

	assert_int_equal(utimensat(AT_FDCWD, path, past, 0), 0);
	assert_int_equal(photo_stream_open(&s, path, 0, NULL, &e), 0);
	assert_int_equal(photo_stream_read(&s, buf, sizeof buf, &e), sizeof buf);
	fd = open(path, O_WRONLY);
	assert_int_equal(pwrite(fd, "y", 1, 0), 1);
	close(fd);
	assert_true(drain(&s, 1000, &e, &last) < 5000 - sizeof buf);
	assert_int_equal(last, -1);
	photo_stream_close(&s);

	assert_int_equal(photo_stream_open(&s, path, 0, NULL, &e), 0);
	assert_int_equal(truncate(path, 2500), 0);
	assert_int_equal(drain(&s, 1000, &e, &last), 2500);
	assert_int_equal(last, -1);
	assert_int_equal(e.code, CODE_CHANGED_WHILE_READ);
	photo_stream_close(&s);
	unlink(path);
}

static void
test_open(void **state)
{
	char path[32];
	struct stat st;
	struct err e;
	int fd;

	(void)state;
	make(path, 0);
	assert_int_equal(photo_open(path, &fd, &st, &e), -1);
	assert_int_equal(e.code, CODE_FILE_EMPTY);
	unlink(path);
	assert_int_equal(photo_open(path, &fd, &st, &e), -1);
	assert_int_equal(e.code, CODE_FILE_MISSING);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(photo_open(path, &fd, &st, &e), -1); /* and does not block */
	assert_int_equal(e.code, CODE_FILE_NOT_REGULAR);
	unlink(path);
	assert_int_equal(photo_open("/tmp", &fd, &st, &e), -1);
	assert_int_equal(e.code, CODE_FILE_NOT_REGULAR);
	assert_int_equal(symlink(path, path), 0);
	assert_int_equal(photo_open(path, &fd, &st, &e), -1);
	assert_int_equal(e.code, CODE_FILE_UNREADABLE);
	unlink(path);
	if (geteuid() == 0)
		return; /* root can read any file */
	make(path, 1);
	assert_int_equal(chmod(path, 0), 0);
	assert_int_equal(photo_open(path, &fd, &st, &e), -1);
	assert_int_equal(e.code, CODE_FILE_UNREADABLE);
	unlink(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_image),
	    cmocka_unit_test(test_no_limits),
	    cmocka_unit_test(test_name),
	    cmocka_unit_test(test_name_from_path),
	    cmocka_unit_test(test_open),
	    cmocka_unit_test(test_stream),
	    cmocka_unit_test(test_stream_changed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
