#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/sha256.h"
#include "service/idempotency.h"
#include "json/json.h"

/* A clock is put back by more than this only by hand. */
#define PUT_BACK_MS 60000

/* Writes a UUID of version 4, whose random bits are those of the tag, hashed. */
static void
write_key(char key[37], const char *tag, int64_t at)
{
	unsigned char sum[SHA256_BYTES];
	char text[96], hex[33];
	struct sha256 sha;
	int n =
	    snprintf(text, sizeof text, "avtools-idempotency-1 %.40s %" PRId64, tag, at);

	sha256_init(&sha);
	sha256_add(&sha, text, (size_t)n);
	sha256_sum(&sha, sum);
	sum[6] = (unsigned char)(0x40 | (sum[6] & 0x0f));
	sum[8] = (unsigned char)(0x80 | (sum[8] & 0x3f));
	hex_of(hex, sum, 16);
	snprintf(key, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16,
	    hex + 20);
}

void
idempotency_init(struct idempotency *i, const struct operation *op, const char *tag,
    int64_t intended_at)
{
	double life_s = json_num(op->def, "/idempotency/life_s", 0);

	*i = (struct idempotency){0};
	if (life_s <= 0 || tag == NULL)
		return;
	write_key(i->key, tag, intended_at);
	if (clock_unix_ms() > intended_at - PUT_BACK_MS)
		i->until = intended_at + (int64_t)(life_s * 900);
}

bool
idempotency_lives(const struct idempotency *i)
{
	return clock_unix_ms() < i->until;
}
