#include <brotli/decode.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

#include "base/mem.h"
#include "http/decode.h"

enum { PIECE = 16 * 1024, GZIP_FIRST = 0x1f, ZLIB_METHOD = 8 };

enum coding { PLAIN, GZIP, DEFLATE, BR };

struct decode {
	bool whole;                 /* the encoded bytes have ended */
	bool gzip;                  /* which may go on with another member */
	BrotliDecoderState *brotli; /* NULL: zlib is used */
	z_stream zlib;
	char piece[PIECE]; /* decoded */
};

static void *
allocate(void *unused, size_t size)
{
	(void)unused;
	return mem_new(1, size);
}

static void
wipe(void *unused, void *p)
{
	(void)unused;
	if (p != NULL)
		explicit_bzero(p, malloc_usable_size(p));
	free(p);
}

static void *
allocate_items(void *unused, unsigned n, unsigned size)
{
	(void)unused;
	return mem_new(n, size);
}

static enum coding
coding_of(const char *name)
{
	static const struct {
		const char *name;
		enum coding coding;
	} all[] = {{"gzip", GZIP}, {"x-gzip", GZIP}, {"deflate", DEFLATE}, {"br", BR}};

	for (size_t i = 0; name != NULL && i < sizeof all / sizeof *all; i++)
		if (strcasecmp(name, all[i].name) == 0)
			return all[i].coding;
	return PLAIN;
}

bool
decode_knows(const char *coding)
{
	return coding_of(coding) != PLAIN;
}

/* True if the first byte shows that the header is wrong. Deflate begins like JSON only if
 * its first block, of a few bytes, is its last; with the byte of an object, br is empty. */
static bool
is_plain(enum coding coding, unsigned char first)
{
	return coding == GZIP ? first != GZIP_FIRST
	                      : first == '{' || (first == '[' && coding == DEFLATE);
}

/* The windowBits of inflateInit2. */
static int
zlib_bits(enum coding coding, unsigned char first)
{
	if (coding == GZIP)
		return MAX_WBITS + 16;
	return (first & 0x0f) == ZLIB_METHOD ? MAX_WBITS : -MAX_WBITS;
}

struct decode *
decode_new(const char *coding, unsigned char first)
{
	enum coding kind = coding_of(coding);
	struct decode *d;

	if (kind == PLAIN || is_plain(kind, first))
		return NULL;
	d = mem_new(1, sizeof *d);
	d->gzip = kind == GZIP;
	d->zlib.zalloc = allocate_items;
	d->zlib.zfree = wipe;
	if (kind == BR)
		d->brotli =
		    mem_checked(BrotliDecoderCreateInstance(allocate, wipe, NULL));
	else if (inflateInit2(&d->zlib, zlib_bits(kind, first)) != Z_OK)
		mem_checked(NULL);
	return d;
}

void
decode_free(struct decode *d)
{
	if (d == NULL)
		return;
	if (d->brotli != NULL)
		BrotliDecoderDestroyInstance(d->brotli);
	else
		inflateEnd(&d->zlib);
	wipe(NULL, d);
}

static bool
add_brotli(struct decode *d, const char *data, size_t len, decode_out *out, void *arg,
    bool *damaged)
{
	const uint8_t *in = (const uint8_t *)data;
	BrotliDecoderResult result;

	do {
		uint8_t *to = (uint8_t *)d->piece;
		size_t room = sizeof d->piece;

		result =
		    BrotliDecoderDecompressStream(d->brotli, &len, &in, &room, &to, NULL);
		*damaged = result == BROTLI_DECODER_RESULT_ERROR;
		if (*damaged || (room < sizeof d->piece &&
		                    !out(arg, d->piece, sizeof d->piece - room)))
			return false;
	} while (result == BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT);
	d->whole = result == BROTLI_DECODER_RESULT_SUCCESS;
	return true;
}

/* True if another member of gzip begins (RFC 1952, 2.2). What else follows the end is
 * ignored. */
static bool
has_more_members(const struct decode *d, unsigned char next)
{
	return d->gzip && next == GZIP_FIRST;
}

static bool
add_zlib(struct decode *d, const char *data, size_t len, decode_out *out, void *arg,
    bool *damaged)
{
	z_stream *z = &d->zlib;
	int result;

	z->next_in = (Bytef *)(uintptr_t)data; /* zlib does not change it */
	z->avail_in = (uInt)len;
	do {
		size_t n;

		z->next_out = (Bytef *)d->piece;
		z->avail_out = sizeof d->piece;
		result = inflate(z, Z_NO_FLUSH);
		n = sizeof d->piece - z->avail_out;
		*damaged =
		    result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR;
		if (*damaged || (n > 0 && !out(arg, d->piece, n)))
			return false;
		if (result == Z_STREAM_END && z->avail_in > 0 &&
		    has_more_members(d, *z->next_in))
			result = inflateReset(z);
	} while (result == Z_OK && (z->avail_in > 0 || z->avail_out == 0));
	d->whole = result == Z_STREAM_END;
	return true;
}

bool
decode_add(struct decode *d, const char *data, size_t len, decode_out *out, void *arg,
    bool *damaged)
{
	*damaged = false;
	if (d->whole) {
		if (len == 0 || !has_more_members(d, (unsigned char)*data))
			return true;
		inflateReset(&d->zlib);
	}
	return d->brotli != NULL ? add_brotli(d, data, len, out, arg, damaged)
	                         : add_zlib(d, data, len, out, arg, damaged);
}

bool
decode_is_whole(const struct decode *d)
{
	return d->whole;
}
