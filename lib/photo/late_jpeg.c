#include <stddef.h>
#include <stdio.h>

#include <jpeglib.h>

#include "base/late.h"

#define VALUES(F)                                                                        \
	F(struct jpeg_error_mgr *, jpeg_std_error, (struct jpeg_error_mgr * errors),     \
	    (errors))                                                                    \
	F(int, jpeg_read_header, (j_decompress_ptr d, boolean need), (d, need))          \
	F(boolean, jpeg_start_decompress, (j_decompress_ptr d), (d))                     \
	F(JDIMENSION, jpeg_read_scanlines,                                               \
	    (j_decompress_ptr d, JSAMPARRAY rows, JDIMENSION n), (d, rows, n))           \
	F(JDIMENSION, jpeg_skip_scanlines, (j_decompress_ptr d, JDIMENSION n), (d, n))   \
	F(boolean, jpeg_finish_decompress, (j_decompress_ptr d), (d))                    \
	F(boolean, jpeg_resync_to_restart, (j_decompress_ptr d, int marker), (d, marker))

#define VOIDS(F)                                                                         \
	F(void, jpeg_CreateDecompress, (j_decompress_ptr d, int version, size_t size),   \
	    (d, version, size))                                                          \
	F(void, jpeg_destroy_decompress, (j_decompress_ptr d), (d))

#if JPEG_LIB_VERSION >= 80
LATE(VALUES, VOIDS, "libjpeg.so.8", "libjpeg8")
#else
LATE(VALUES, VOIDS, "libjpeg.so.62", "libjpeg62-turbo")
#endif
