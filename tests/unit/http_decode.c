/* Content-Encoding: what is encoded comes out as it was, in pieces of any size; what is not
 * encoded passes; what is damaged, cut or too large is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "base/buf.h"
#include "http/decode.h"

static const char json[] = "{\"id\":\"a1\",\"is\":\"fine\"}";

/* Appends text, compressed by zlib with these windowBits. */
static void
add_zlib(struct buf *out, const char *text, size_t len, int bits)
{
	z_stream z = {.next_in = (Bytef *)(uintptr_t)text, .avail_in = (uInt)len};
	char *to;

	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, bits, 8, 0), Z_OK);
	to = buf_room(out, len + 100);
	z.next_out = (Bytef *)to;
	z.avail_out = (uInt)len + 100;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	out->len += z.total_out;
	deflateEnd(&z);
}

/* Appends a text of at most 64 KiB as br, not compressed (RFC 7932, 9.2). */
static void
add_brotli(struct buf *out, const char *text, size_t len)
{
	size_t head = (len - 1) << 4 | 1 << 20;

	for (int i = 0; i < 3; i++)
		buf_chr(out, (char)(head >> (8 * i) & 0xff));
	buf_add(out, text, len);
	buf_chr(out, 3); /* the last block, which is empty */
}

static bool
collect(void *arg, char *data, size_t len)
{
	return buf_add(arg, data, len);
}

/* Decodes in pieces of this size. *whole: it came to its end. */
static bool
decoded(const char *coding, const struct buf *in, size_t piece, struct buf *out,
    bool *whole, bool *damaged)
{
	struct decode *d = decode_new(coding, (unsigned char)in->data[0]);
	bool taken = true;

	assert_non_null(d);
	buf_clear(out);
	out->full = *damaged = false;
	for (size_t at = 0; taken && at < in->len; at += piece)
		taken = decode_add(d, in->data + at,
		    in->len - at < piece ? in->len - at : piece, collect, out, damaged);
	*whole = decode_is_whole(d);
	decode_free(d);
	return taken;
}

static void
round_trips(void **unused)
{
	static const struct {
		const char *coding;
		int bits; /* 0: br */
	} all[] = {
	    {"gzip", 31}, {"X-GZIP", 31}, {"deflate", 15}, {"Deflate", -15}, {"br", 0}};
	struct buf out = {0};
	bool whole, damaged;

	(void)unused;
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		struct buf in = {0};

		if (all[i].bits == 0)
			add_brotli(&in, json, sizeof json - 1);
		else
			add_zlib(&in, json, sizeof json - 1, all[i].bits);
		for (size_t piece = 1; piece <= in.len; piece++) {
			assert_true(
			    decoded(all[i].coding, &in, piece, &out, &whole, &damaged));
			assert_true(whole);
			assert_string_equal(out.data, json);
		}
		in.len -= 5;
		assert_true(decoded(all[i].coding, &in, in.len, &out, &whole, &damaged));
		assert_false(whole);
		buf_release(&in);
	}
	buf_release(&out);
}

static void
gzip_members_and_what_follows(void **unused)
{
	struct buf in = {0}, out = {0};
	bool whole, damaged;

	(void)unused;
	add_zlib(&in, json, 10, 31);
	add_zlib(&in, json + 10, sizeof json - 11, 31);
	buf_add(&in, "\0\0garbage", 9);
	for (size_t piece = 1; piece <= in.len; piece++) {
		assert_true(decoded("gzip", &in, piece, &out, &whole, &damaged));
		assert_true(whole);
		assert_string_equal(out.data, json);
	}
	buf_release(&in);
	buf_release(&out);
}

static void
what_is_not_encoded_passes(void **unused)
{
	(void)unused;
	assert_null(decode_new(NULL, '{'));
	assert_null(decode_new("identity", '{'));
	assert_null(decode_new("utf-8", '{'));
	assert_null(decode_new("aws-chunked", 0x89));
	assert_null(decode_new("gzip, br", 0x1f));
	assert_null(decode_new("gzip", '{'));
	assert_null(decode_new("gzip", 0xff));
	assert_null(decode_new("deflate", '['));
	assert_null(decode_new("br", '{'));
	assert_true(decode_knows("br"));
	assert_false(decode_knows(NULL));
	assert_false(decode_knows("zstd"));
}

static void
damage_and_limits(void **unused)
{
	enum { BOMB = 64 * 1024 * 1024 };
	struct buf in = {0}, out = {0}, zeros = {0};
	bool whole, damaged;

	(void)unused;
	add_zlib(&in, json, sizeof json - 1, 31);
	in.data[12] ^= 0x55;
	assert_false(decoded("gzip", &in, in.len, &out, &whole, &damaged));
	assert_true(damaged);
	buf_clear(&in);
	buf_add(&in, "\xff\xff\xff\xff", 4);
	assert_false(decoded("br", &in, in.len, &out, &whole, &damaged));
	assert_true(damaged);
	buf_clear(&in);
	memset(buf_room(&zeros, BOMB), 0, BOMB);
	zeros.len = BOMB;
	add_zlib(&in, zeros.data, zeros.len, 31);
	buf_release(&zeros);
	out.max = 1000000; /* the caller refuses, and decoding ends there */
	assert_false(decoded("gzip", &in, in.len, &out, &whole, &damaged));
	assert_false(damaged);
	assert_in_range(out.len, 900000, 1000000);
	buf_release(&in);
	buf_release(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(round_trips),
	    cmocka_unit_test(gzip_members_and_what_follows),
	    cmocka_unit_test(what_is_not_encoded_passes),
	    cmocka_unit_test(damage_and_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
