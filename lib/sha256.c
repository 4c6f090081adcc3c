#include "sha256.h"

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
	static const char digits[] = "0123456789abcdef";
	unsigned char sum[SHA256_BYTES];

	sha256_sum(s, sum);
	for (size_t i = 0; i < sizeof sum; i++) {
		hex[2 * i] = digits[sum[i] >> 4];
		hex[2 * i + 1] = digits[sum[i] & 15];
	}
	hex[2 * sizeof sum] = '\0';
}
