#include "repeats.h"
#include "base/sha256.h"

#define AT_MOST 32768
#define FOR_MS  (30 * 60 * 1000)

void
repeats_release(struct repeats *r)
{
	hashset_release(&r->now);
	hashset_release(&r->before);
}

static void
hash(const void *body, size_t len, unsigned char sum[SHA256_BYTES])
{
	struct sha256 sha;

	sha256_init(&sha);
	sha256_add(&sha, body, len);
	sha256_sum(&sha, sum);
}

/* Forgets what came long ago. */
static void
forget(struct repeats *r, int64_t ms)
{
	while (r->now.count >= AT_MOST || ms - r->since >= FOR_MS) {
		hashset_release(&r->before);
		r->before = r->now;
		r->now = (struct hashset){0};
		r->since = ms - r->since >= 2 * FOR_MS ? ms - FOR_MS : ms;
	}
}

bool
repeats_has(struct repeats *r, const void *body, size_t len, int64_t ms)
{
	unsigned char sum[SHA256_BYTES];

	forget(r, ms);
	hash(body, len, sum);
	return hashset_has(&r->now, sum) || hashset_has(&r->before, sum);
}

void
repeats_add(struct repeats *r, const void *body, size_t len, int64_t ms)
{
	unsigned char sum[SHA256_BYTES];

	forget(r, ms);
	hash(body, len, sum);
	(void)hashset_add(&r->now, sum);
}
