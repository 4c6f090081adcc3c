/*
 * secret: memory that holds a secret and is wiped before it is freed.
 *
 * Memory of this process is wiped. Copies inside libcurl and OpenSSL live as
 * long as their handles, which are closed right after use.
 */
#ifndef AV_AUTH_SECRET_H
#define AV_AUTH_SECRET_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/* Wipes a string and frees it; NULL is fine. */
void secret_free(char *s);

/* A buffer whose bytes never move: max bytes are allocated now, so growing
 * leaves no copy behind. secret_buf_release wipes it. */
void secret_buf_init(struct buf *b, size_t max);
void secret_buf_release(struct buf *b);

/* The JSON object in the text; NULL if there is none (strict, UTF-8, nothing
 * after it; a byte order mark may stand before it). secret_json_free wipes
 * every string in it; NULL is fine. */
struct json_object *secret_json_parse(const char *text, size_t len);
void secret_json_free(struct json_object *o);

/* Appends "name":"value" in JSON, after a comma unless b ends in '{'; nothing
 * if value is NULL. */
void secret_json_add(struct buf *b, const char *name, const char *value);

/* Reads what fd holds, at most max bytes, into a new buffer. -1 (errno) if it
 * does not fit or cannot be read. The buffer is to be released in any case. */
int secret_read(int fd, size_t max, struct buf *b);

enum secret_care {
	SECRET_OWN,    /* only its owner may reach it, and it is no link */
	SECRET_NAMED,  /* only its owner may reach it */
	SECRET_PLACED, /* who put it there chose its owner and mode */
};

/* The same for a file: 1; 0 if there is no such file; -1 and CODE_UNSAFE_SECRET
 * if other users can reach it, or if it is not a regular file. */
int secret_read_file(const char *path, enum secret_care care, size_t max,
    struct buf *b, struct err *e);

/* True if both texts are equal. The time it takes does not depend on where they
 * differ. */
bool secret_same(const char *a, const char *b);

/* Replaces each occurrence of the value in a message by as many "*". A value
 * below 4 bytes is left alone. */
void secret_hide(char *message, const char *value);

#endif
