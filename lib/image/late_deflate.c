#include <libdeflate.h>

#include "base/late.h"

typedef struct libdeflate_decompressor decompressor;

#define VALUES(F)                                                                        \
	F(decompressor *, libdeflate_alloc_decompressor, (void), ())                     \
	F(uint32_t, libdeflate_crc32, (uint32_t crc, const void *data, size_t len),      \
	    (crc, data, len))                                                            \
	F(enum libdeflate_result, libdeflate_zlib_decompress_ex,                         \
	    (decompressor * d, const void *in, size_t in_len, void *out, size_t out_len, \
	        size_t *in_used, size_t *out_used),                                      \
	    (d, in, in_len, out, out_len, in_used, out_used))

#define VOIDS(F) F(void, libdeflate_free_decompressor, (decompressor * d), (d))

LATE(VALUES, VOIDS, "libdeflate.so.0", "libdeflate0")
