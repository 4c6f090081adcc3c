/*
 * source: a photo's bytes on their way out, held against what was judged.
 *
 * The digest is taken while the bytes are handed over. The last of them are held back until the
 * whole is known to be the photo that was meant: one that changed on the way is never sent in
 * full, so that no service can have taken it. Constant memory at any size.
 */
#ifndef AV_PHOTO_SOURCE_H
#define AV_PHOTO_SOURCE_H

#include <sys/stat.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/sha256.h"

struct photo_stream {
	int fd;
	uint64_t bytes; /* in all */
	uint64_t at;    /* handed over */
	struct stat st;
	struct sha256 sha;
	char want[SHA256_HEX]; /* "": nothing is expected */
	char got[SHA256_HEX];  /* the digest, once all was handed over */
};

/* Opens it; errors as photo_open's, and changed_while_read where its size is not bytes (0: any).
 * sha256: the digest that it must have, or NULL. */
int photo_stream_open(struct photo_stream *s, const char *path, uint64_t bytes,
    const char *sha256, struct err *e);

/* The next up to n (at least 1) bytes, 0 at the end, -1 with file_unreadable or
 * changed_while_read; after an error the stream is good for nothing but closing. */
ssize_t photo_stream_read(struct photo_stream *s, void *p, size_t n, struct err *e);

/* Begins again at the first byte. */
void photo_stream_rewind(struct photo_stream *s);

/* Harmless on a zeroed or closed one. */
void photo_stream_close(struct photo_stream *s);

#endif
