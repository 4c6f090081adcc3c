/* A PNG of 900 kB with 900 million pixels: refused at once in little memory. Without the
 * ceiling a worker checks it, not this process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "photo_case.h"

#define SIDE  30000
#define ROWS  100 /* in one block of deflated data, which is then repeated */
#define PIECE ((size_t)ROWS * (SIDE + 1))

static char path[] = "/tmp/avtools-bomb-XXXXXX";

static void
put32(struct buf *b, unsigned long value)
{
	for (unsigned i = 0; i < 4; i++)
		buf_chr(b, (char)(value >> (24 - 8 * i)));
}

static void
chunk(struct buf *b, const char *tag, const struct buf *data)
{
	size_t from = b->len + 4;

	put32(b, data->len);
	buf_str(b, tag);
	buf_add(b, data->data, data->len);
	put32(b, crc32(0, (unsigned char *)b->data + from, (uInt)data->len + 4));
}

/* Deflates zeros as raw data that ends at a byte and does not refer back. */
static void
deflate_zeros(struct buf *out, unsigned long *adler)
{
	unsigned char *zeros = mem_new(PIECE, 1);
	z_stream z = {0};

	*adler = adler32(1, zeros, PIECE);
	assert_int_equal(
	    deflateInit2(&z, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = zeros;
	z.avail_in = PIECE;
	z.next_out = (unsigned char *)buf_room(out, PIECE / 100);
	z.avail_out = PIECE / 100;
	assert_int_equal(deflate(&z, Z_FULL_FLUSH), Z_OK);
	assert_int_equal(z.avail_in, 0);
	out->len += z.total_out;
	deflateEnd(&z);
	free(zeros);
}

static int
make(void **state)
{
	struct buf b = {0}, head = {0}, data = {0}, piece = {0}, end = {0};
	unsigned long adler, sum = 1;
	int fd = mkstemp(path);

	(void)state;
	deflate_zeros(&piece, &adler);
	buf_add(&data, "\x78\x9c", 2);
	for (unsigned i = 0; i < SIDE / ROWS; i++) {
		buf_add(&data, piece.data, piece.len);
		sum = adler32_combine(sum, adler, PIECE);
	}
	buf_add(&data, "\x03\x00", 2); /* an empty last block */
	put32(&data, sum);
	put32(&head, SIDE);
	put32(&head, SIDE);
	buf_add(&head, "\x08\0\0\0\0", 5);
	buf_add(&end, "", 0);
	buf_add(&b, "\x89PNG\r\n\x1a\n", 8);
	chunk(&b, "IHDR", &head);
	chunk(&b, "IDAT", &data);
	chunk(&b, "IEND", &end);
	assert_true(b.len < 1000000);
	assert_int_equal(write(fd, b.data, b.len), b.len);
	close(fd);
	buf_release(&b);
	buf_release(&head);
	buf_release(&data);
	buf_release(&piece);
	buf_release(&end);
	return 0;
}

static int
drop(void **state)
{
	(void)state;
	return unlink(path);
}

/* The peak memory of this process, in kB. */
static long
peak(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss;
}

static double
cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void
test_refused_at_once(void **state)
{
	struct photo_options options = {.depth = PHOTO_READ,
	    .max_pixels = PHOTO_MAX_PIXELS,
	    .at_once = PHOTO_AT_ONCE};
	struct filetype *types = filetype_new();
	struct photo photo;
	struct err e;
	long memory = peak();
	double begun = cpu_ms();

	(void)state;
	assert_int_equal(photo_check_file(path, &options, types, &photo, &e), 0);
	assert_true(cpu_ms() - begun < 10);
	assert_true(peak() - memory < 4096);
	assert_int_equal(photo.findings.n, 1);
	assert_int_equal(photo.findings.list[0].code, CODE_TOO_MANY_PIXELS);
	assert_int_equal(photo.findings.list[0].severity, SEVERITY_REFUSED);
	filetype_free(types);
}

static void
test_decoded_in_a_worker(void **state)
{
	struct photo_options options = {.depth = PHOTO_DECODE, .at_once = PHOTO_AT_ONCE};
	struct photo_case c;
	struct photo photo;
	struct err e;
	long memory = peak();

	(void)state;
	photo_case_init(&c, &(struct photo_pool_options){.workers = 1});
	assert_int_equal(photo_case_check(&c, path, &options, &photo, &e), 0);
	assert_int_equal(photo.findings.n, 0);
	assert_int_equal(photo.facts.state, IMAGE_COMPLETE);
	assert_true(peak() - memory < 4096);
	photo_case_release(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_refused_at_once),
	    cmocka_unit_test(test_decoded_in_a_worker),
	};

	return cmocka_run_group_tests(tests, make, drop);
}
