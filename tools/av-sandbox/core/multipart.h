/*
 * multipart: the parts of a multipart/form-data body (RFC 7578), read strictly.
 */
#ifndef SANDBOX_MULTIPART_H
#define SANDBOX_MULTIPART_H

#include <stddef.h>

#include "base/buf.h"

enum { MAX_PARTS = 32 };

struct sb_part {
	char *name;
	char *filename;   /* NULL: a field, not a file */
	char *type;       /* NULL: no Content-Type of its own */
	const char *data; /* in the body */
	size_t len;
};

struct sb_parts {
	struct sb_part at[MAX_PARTS];
	size_t n;
};

/* Reads the body as its Content-Type says. Returns NULL, or what is wrong with
 * the body. Release the parts in either case. */
const char *multipart_read(
    struct sb_parts *p, const char *content_type, const struct buf *body);
void multipart_release(struct sb_parts *p);

#endif
