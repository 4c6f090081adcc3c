/*
 * buf: a growable array of bytes with a maximum that the caller chooses.
 *
 * A zeroed struct is an empty buffer without a maximum. After the first
 * addition, even of no bytes, data ends in a NUL that len does not count;
 * before it data is NULL. An addition past max fails and sets `full`, so a
 * caller may check once after many additions.
 */
#ifndef AV_BASE_BUF_H
#define AV_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

struct buf {
	char *data;
	size_t len;
	size_t size; /* allocated */
	size_t max;  /* most bytes of data; 0: no maximum */
	bool full;   /* an addition has failed */
};

void buf_init(struct buf *b, size_t max);

/* Frees the contents and leaves an empty buffer with the same maximum. */
void buf_release(struct buf *b);

/* Empties it and keeps the memory. */
void buf_clear(struct buf *b);

/* Each appends all of it, or nothing: false, with `full` set. */
bool buf_add(struct buf *b, const void *data, size_t len);
bool buf_str(struct buf *b, const char *s);
bool buf_chr(struct buf *b, char c);
bool buf_printf(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Gives an empty buffer without memory room for size bytes (mem_large). Without
 * so much memory it grows as usual. */
void buf_large(struct buf *b, size_t size);

/* Allocates room for extra more bytes and returns where they go; the caller
 * writes there and adds to len (no NUL is added). NULL: past the maximum,
 * `full` is set. */
char *buf_room(struct buf *b, size_t extra);

/* Drops the first n bytes. */
void buf_eat(struct buf *b, size_t n);

/* Empties it and returns the contents as a string, which the caller frees. */
char *buf_take(struct buf *b);

#endif
