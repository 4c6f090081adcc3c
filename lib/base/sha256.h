/*
 * sha256: the SHA-256 digest of bytes added piece by piece.
 *
 * Uses nettle, because libcrypto doubles the time that a program takes to
 * start: it has 18,000 addresses to relocate.
 */
#ifndef AV_BASE_SHA256_H
#define AV_BASE_SHA256_H

#include <stdbool.h>
#include <stddef.h>

#include <nettle/sha2.h>
#undef sha256_init /* nettle's name for nettle_sha256_init */

struct sha256 {
	struct sha256_ctx ctx;
};

#define SHA256_BYTES SHA256_DIGEST_SIZE
#define SHA256_HEX   65 /* 64 digits and a NUL */

void sha256_init(struct sha256 *s);
void sha256_add(struct sha256 *s, const void *data, size_t len);

/* The digest of the bytes so far; more may be added. */
void sha256_sum(const struct sha256 *s, unsigned char sum[SHA256_BYTES]);

/* The same as 64 lower-case hexadecimal digits and a NUL. */
void sha256_hex(const struct sha256 *s, char hex[SHA256_HEX]);

/* The same of what is left to read of a regular file. False: it is none, or it
 * cannot be read. */
bool sha256_file(int fd, char hex[SHA256_HEX]);

#endif
