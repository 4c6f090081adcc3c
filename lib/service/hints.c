#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/sha256.h"
#include "service/hints.h"

#define UNKNOWN 16384

uint64_t
hints_hash(const char *provider, const char *id)
{
	unsigned char sum[SHA256_BYTES];
	struct sha256 sha;
	uint64_t hash;

	sha256_init(&sha);
	sha256_add(&sha, provider, strlen(provider) + 1);
	sha256_add(&sha, id, strlen(id));
	sha256_sum(&sha, sum);
	memcpy(&hash, sum, sizeof hash);
	return hash != 0 ? hash : 1;
}

void
hints_release(struct hints *h)
{
	free(h->lists);
	hashset_release(&h->unknown);
	hashset_release(&h->before);
}

static struct hint_list *
list_of(const struct hints *h, uint64_t hash)
{
	return &h->lists[hash & (h->size - 1)];
}

static void
grow(struct hints *h)
{
	struct hints old = *h;
	struct hint *hint;

	h->size = old.size == 0 ? 64 : old.size * 2;
	h->lists = mem_new(h->size, sizeof *h->lists);
	for (size_t i = 0; i < old.size; i++)
		while ((hint = SLIST_FIRST(&old.lists[i])) != NULL) {
			SLIST_REMOVE_HEAD(&old.lists[i], entry);
			SLIST_INSERT_HEAD(list_of(h, hint->hash), hint, entry);
		}
	free(old.lists);
}

/* The hash as hashset takes it. */
static const unsigned char *
wide(uint64_t hash, unsigned char sum[SHA256_BYTES])
{
	memset(sum, 0, SHA256_BYTES);
	memcpy(sum, &hash, sizeof hash);
	return sum;
}

bool
hints_add(struct hints *h, struct hint *hint)
{
	unsigned char sum[SHA256_BYTES];

	if (hint->listed || hint->hash == 0)
		return false;
	if (h->count >= h->size)
		grow(h);
	SLIST_INSERT_HEAD(list_of(h, hint->hash), hint, entry);
	h->count++;
	hint->listed = true;
	wide(hint->hash, sum);
	return hashset_has(&h->unknown, sum) || hashset_has(&h->before, sum);
}

void
hints_remove(struct hints *h, struct hint *hint)
{
	if (!hint->listed)
		return;
	SLIST_REMOVE(list_of(h, hint->hash), hint, hint, entry);
	h->count--;
	hint->listed = false;
}

void
hints_remember(struct hints *h, uint64_t hash)
{
	unsigned char sum[SHA256_BYTES];

	if (h->unknown.count >= UNKNOWN) {
		hashset_release(&h->before);
		h->before = h->unknown;
		h->unknown = (struct hashset){0};
	}
	(void)hashset_add(&h->unknown, wide(hash, sum));
}

bool
hints_find(
    struct hints *h, uint64_t hash, void (*fn)(void *arg, struct hint *hint), void *arg)
{
	struct hint *hint = h->size > 0 ? SLIST_FIRST(list_of(h, hash)) : NULL, *next;
	bool any = false;

	for (; hint != NULL; hint = next) {
		next = SLIST_NEXT(hint, entry);
		if (hint->hash != hash)
			continue;
		any = true;
		fn(arg, hint);
	}
	return any;
}

void
hints_all(struct hints *h, void (*fn)(void *arg, struct hint *hint), void *arg)
{
	for (size_t i = 0; i < h->size; i++) {
		struct hint *hint = SLIST_FIRST(&h->lists[i]), *next;

		for (; hint != NULL; hint = next) {
			next = SLIST_NEXT(hint, entry);
			fn(arg, hint);
		}
	}
}
