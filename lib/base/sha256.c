#include <sys/stat.h>
#include <unistd.h>

#include "base/hex.h"
#include "base/sha256.h"

void
sha256_init(struct sha256 *s)
{
	nettle_sha256_init(&s->ctx);
}

void
sha256_add(struct sha256 *s, const void *data, size_t len)
{
	nettle_sha256_update(&s->ctx, len, data);
}

void
sha256_sum(const struct sha256 *s, unsigned char sum[SHA256_BYTES])
{
	struct sha256_ctx ctx = s->ctx;

	nettle_sha256_digest(&ctx, SHA256_BYTES, sum);
}

void
sha256_hex(const struct sha256 *s, char hex[SHA256_HEX])
{
	unsigned char sum[SHA256_BYTES];

	sha256_sum(s, sum);
	hex_of(hex, sum, sizeof sum);
}

bool
sha256_file(int fd, char hex[SHA256_HEX])
{
	char chunk[65536];
	struct sha256 sha;
	struct stat st;
	ssize_t n = -1;

	sha256_init(&sha);
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		while ((n = read(fd, chunk, sizeof chunk)) > 0)
			sha256_add(&sha, chunk, (size_t)n);
	sha256_hex(&sha, hex);
	return n == 0;
}
