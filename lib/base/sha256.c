#include "base/sha256.h"
#include "base/hex.h"

void
sha256_init(struct sha256 *s)
{
	SHA256_Init(&s->ctx);
}

void
sha256_add(struct sha256 *s, const void *data, size_t len)
{
	SHA256_Update(&s->ctx, data, len);
}

void
sha256_sum(const struct sha256 *s, unsigned char sum[SHA256_BYTES])
{
	SHA256_CTX ctx = s->ctx;

	SHA256_Final(sum, &ctx);
}

void
sha256_hex(const struct sha256 *s, char hex[SHA256_HEX])
{
	unsigned char sum[SHA256_BYTES];

	sha256_sum(s, sum);
	hex_of(hex, sum, sizeof sum);
}
