/*
 * sha256: a digest over bytes as they go by (libcrypto's plain functions: they need no set-up
 * of the library, which would read its configuration file and cost every start 1.5 ms).
 */
#ifndef AV_BASE_SHA256_H
#define AV_BASE_SHA256_H

#include <stddef.h>

#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

struct sha256 {
	SHA256_CTX ctx;
};

#define SHA256_BYTES SHA256_DIGEST_LENGTH
#define SHA256_HEX   65 /* 64 digits and a NUL */

void sha256_init(struct sha256 *s);
void sha256_add(struct sha256 *s, const void *data, size_t len);

/* The digest of what was added so far; s may go on. */
void sha256_sum(const struct sha256 *s, unsigned char sum[SHA256_BYTES]);

/* Writes it as 64 lower-case digits and a NUL. */
void sha256_hex(const struct sha256 *s, char hex[SHA256_HEX]);

#endif
