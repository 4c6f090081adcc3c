/*
 * truncated: whether a file ends where its own format says that it ends.
 *
 * For what came without a length, where the connection's end is also all that is seen of a server
 * that died. JPEG, PNG and WebP by the readers of image/image.h, MP4 by its boxes, GIF by its trailer,
 * glTF by its last brace or its length; of other formats nothing is known.
 */
#ifndef AV_IMAGE_TRUNCATED_H
#define AV_IMAGE_TRUNCATED_H

#include <stdbool.h>
#include <stdint.h>

/* Whether size bytes of fd break off; false where their type (MIME) cannot tell. */
bool is_truncated(int fd, uint64_t size, const char *type);

#endif
