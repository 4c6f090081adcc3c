/*
 * source: a photo's file, opened for a check or read to be sent.
 *
 * A stream computes the SHA-256 while its bytes are handed over, and holds the
 * last of them back until all are known to be those of the photo that was
 * checked. A photo that changed is never sent in full, so no service can have
 * accepted it. Memory is constant at any size.
 */
#ifndef AV_PHOTO_SOURCE_H
#define AV_PHOTO_SOURCE_H

#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/sha256.h"

/* Opens a photo for reading. Returns 0, or -1 with file_missing,
 * file_unreadable, too_many_files, file_empty or file_not_regular: a pipe or a
 * device is not read, and to open one does not wait. The caller closes *fd; *st
 * is fstat's answer. */
int photo_open(const char *path, int *fd, struct stat *st, struct err *e);

/* 0 when the open file is still as *st describes it; else -1 with
 * changed_while_read. */
int photo_unchanged(int fd, const struct stat *st, struct err *e);

struct photo_stream {
	int fd;
	uint64_t bytes; /* in all */
	uint64_t at;    /* handed over */
	struct stat st;
	struct sha256 sha;
	char want[SHA256_HEX]; /* "": any */
	char got[SHA256_HEX];  /* the digest, once all bytes are handed over */
};

/* Opens a stream. Errors as photo_open, and changed_while_read when the file
 * has another size than bytes (0: any). sha256: the digest that it must have,
 * or NULL. */
int photo_stream_open(struct photo_stream *s, const char *path, uint64_t bytes,
    const char *sha256, struct err *e);

/* Reads up to n (at least 1) bytes. Returns 0 at the end, or -1 with
 * file_unreadable or changed_while_read; after an error only close. */
ssize_t photo_stream_read(
    struct photo_stream *s, void *p, size_t n, struct err *e);

/* A file as it was when it was checked. */
struct photo_checked {
	const char *path, *sha256;
	uint64_t bytes;
};

/* Reads from offset, as pread(2) does, for a request that may be sent again:
 * opens the file for its first byte and closes it after its last, so that only
 * files that are being sent hold a descriptor. -1 with *e as above; also if the
 * bytes are not the next ones, which leaves *e alone. */
ssize_t photo_stream_send(struct photo_stream *s,
    const struct photo_checked *file, uint64_t offset, void *p, size_t n,
    struct err *e);

/* Does nothing to a zeroed or closed stream. */
void photo_stream_close(struct photo_stream *s);

#endif
