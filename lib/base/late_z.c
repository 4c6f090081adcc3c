#include <zlib.h>

#include "base/late.h"

#define VALUES(F)                                                                        \
	F(int, inflateInit_, (z_stream * z, const char *version, int size),              \
	    (z, version, size))                                                          \
	F(int, inflateInit2_, (z_stream * z, int bits, const char *version, int size),   \
	    (z, bits, version, size))                                                    \
	F(int, inflate, (z_stream * z, int flush), (z, flush))                           \
	F(int, inflateReset, (z_stream * z), (z))                                        \
	F(int, inflateEnd, (z_stream * z), (z))                                          \
	F(const char *, zlibVersion, (void), ())

#define VOIDS(F)

LATE(VALUES, VOIDS, "libz.so.1", "zlib1g")
