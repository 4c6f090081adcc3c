/* Whatever bytes come as gzip, deflate or br, decoding ends, and the sizes of the pieces that
 * they come in change nothing. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "http/decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
collect(void *arg, char *data, size_t len)
{
	return buf_add(arg, data, len);
}

static bool
decode(const char *coding, const char *data, size_t size, size_t piece, struct buf *out)
{
	struct decode *d = decode_new(coding, (unsigned char)*data);
	bool damaged = false, whole;

	buf_init(out, 100000);
	if (d == NULL)
		return false;
	for (size_t at = 0; at < size; at += piece)
		if (!decode_add(d, data + at, size - at < piece ? size - at : piece,
		        collect, out, &damaged))
			break;
	whole = !damaged && !out->full && decode_is_whole(d);
	decode_free(d);
	return whole;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const codings[] = {"gzip", "deflate", "br"};
	const char *coding, *bytes = (const char *)data + 2;
	struct buf at_once, in_pieces;
	bool whole;

	if (size < 3)
		return 0;
	coding = codings[data[0] % 3];
	whole = decode(coding, bytes, size - 2, size, &at_once);
	if (decode(coding, bytes, size - 2, data[1] % 64 + 1, &in_pieces) != whole ||
	    (whole && (at_once.len != in_pieces.len ||
	                  (at_once.len > 0 &&
	                      memcmp(at_once.data, in_pieces.data, at_once.len) != 0))))
		abort();
	buf_release(&at_once);
	buf_release(&in_pieces);
	return 0;
}
