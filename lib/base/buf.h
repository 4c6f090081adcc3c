/*
 * buf: growable bytes with a ceiling that the caller chose.
 *
 * A zeroed struct is an empty buffer without a ceiling. data is always terminated by a NUL
 * that does not count (data is "" when empty, never NULL, after the first buf_ call). Growing
 * past max is refused and remembered in `full`, so that a loop of additions needs one check.
 */
#ifndef AV_BASE_BUF_H
#define AV_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

struct buf {
	char *data;
	size_t len;
	size_t size; /* allocated */
	size_t max;  /* ceiling in bytes of data; 0: none */
	bool full;   /* an addition was refused */
};

/* An empty buffer that refuses to hold more than max bytes. */
void buf_init(struct buf *b, size_t max);

/* Frees the contents and leaves an empty buffer with the same ceiling. */
void buf_release(struct buf *b);

/* Empties it and keeps the memory. */
void buf_clear(struct buf *b);

/* Each returns false, adds nothing and sets `full` where the ceiling is in the way. */
bool buf_add(struct buf *b, const void *data, size_t len);
bool buf_str(struct buf *b, const char *s);
bool buf_chr(struct buf *b, char c);
bool buf_printf(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Makes room for extra more bytes and returns where they go, or NULL; the caller writes there
 * and adds to len. */
char *buf_room(struct buf *b, size_t extra);

/* Drops the first n bytes. */
void buf_eat(struct buf *b, size_t n);

/* Gives the contents away as a string that the caller frees; the buffer is empty again. */
char *buf_take(struct buf *b);

#endif
