/*
 * secret: memory that holds a secret and is wiped before it is given back.
 *
 * What this process allocates itself is wiped; the copies inside libcurl and OpenSSL live as
 * long as their handles, which are closed right after use.
 */
#ifndef AV_AUTH_SECRET_H
#define AV_AUTH_SECRET_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/* Wipes a string and frees it. NULL is welcome. */
void secret_free(char *s);

/* A buffer whose bytes never move (all of max is allocated now), so that growing leaves no
 * copy behind; and its end, which wipes it. */
void secret_buf_init(struct buf *b, size_t max);
void secret_buf_release(struct buf *b);

/* The JSON object in the text, or NULL where it is none (strict, UTF-8, nothing after it). The
 * caller frees it with secret_json_free, which wipes every string in it. */
struct json_object *secret_json_parse(const char *text, size_t len);
void secret_json_free(struct json_object *o);


/* Appends "name":"value" in JSON, with a comma first where b does not end in '{'; nothing
 * where value is NULL. */
void secret_json_add(struct buf *b, const char *name, const char *value);

/* Opens a file with secrets for reading. The descriptor; -2 where there is none; -1 and
 * CODE_UNSAFE_SECRET where it is not ours alone (owner, mode, a link, not a file). */
int secret_open(const char *path, struct err *e);

/* Adds all that fd has up to b's ceiling. -1 (errno set) where it cannot be read or is more. */
int secret_read(int fd, struct buf *b);

/* Whether a and b are the same text, in a time that tells nothing of where they differ. */
bool secret_same(const char *a, const char *b);

/* Hides each occurrence of the value in a message with "***" of its own length. Values below
 * 4 bytes are left alone. */
void secret_hide(char *message, const char *value);

#endif
