#include <brotli/decode.h>

#include "base/late.h"

#define VALUES(F)                                                                        \
	F(BrotliDecoderState *, BrotliDecoderCreateInstance,                             \
	    (brotli_alloc_func alloc, brotli_free_func release, void *arg),              \
	    (alloc, release, arg))                                                       \
	F(BrotliDecoderResult, BrotliDecoderDecompressStream,                            \
	    (BrotliDecoderState * d, size_t * in_len, const uint8_t **in,                \
	        size_t *out_len, uint8_t **out, size_t *total),                          \
	    (d, in_len, in, out_len, out, total))

#define VOIDS(F) F(void, BrotliDecoderDestroyInstance, (BrotliDecoderState * d), (d))

LATE(VALUES, VOIDS, "libbrotlidec.so.1", "libbrotli1")
