/*
 * truncated: whether a file ends before its own format says that it ends.
 *
 * For a download without a length, where the end of the connection may also
 * mean that the server died. Knows JPEG, PNG and WebP (image/image.h), MP4 by
 * its boxes, GIF by its trailer, glTF by its last brace or its length.
 */
#ifndef AV_IMAGE_TRUNCATED_H
#define AV_IMAGE_TRUNCATED_H

#include <stdbool.h>
#include <stdint.h>

/* True when the file of size bytes is cut off; false for a MIME type that is
 * not known. */
bool is_truncated(int fd, uint64_t size, const char *type);

#endif
