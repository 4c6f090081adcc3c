/*
 * decode: undoes the Content-Encoding of a response.
 *
 * Requests ask for no encoding, but some servers send one all the same. gzip,
 * deflate (with and without zlib's header) and br are undone as the bytes come.
 * Bytes are passed on as they are if the first one shows that the header is
 * wrong, or if the encoding is another one or one of several.
 *
 * The caller limits what comes out: its `out` refuses. A byte in gives at most
 * some 1000 bytes out, in pieces of 16 KiB. All memory is wiped when it is
 * freed, since a response may hold secrets.
 */
#ifndef AV_HTTP_DECODE_H
#define AV_HTTP_DECODE_H

#include <stdbool.h>
#include <stddef.h>

struct decode;

/* True for the value of a Content-Encoding that can be undone; NULL is none. */
bool decode_knows(const char *coding);

/* coding: the header's value, or NULL. first: the first byte of the body. NULL:
 * there is nothing to decode. */
struct decode *decode_new(const char *coding, unsigned char first);
void decode_free(struct decode *d);

/* Takes decoded bytes; false: no more. */
typedef bool decode_out(void *arg, char *data, size_t len);

/* Decodes the next bytes. False if out refused, or if they are damaged, which
 * sets *damaged. */
bool decode_add(struct decode *d, const char *data, size_t len, decode_out *out,
    void *arg, bool *damaged);

/* True if the encoded bytes have come to their end. */
bool decode_is_whole(const struct decode *d);

#endif
