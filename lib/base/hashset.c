#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/hashset.h"
#include "base/mem.h"
#include "base/sha256.h"

/* The first 128 bits of a hash; zero marks a free slot. Open addressing with linear
 * probing, at most 75 % full. */
struct hashset_slot {
	uint64_t half[2];
};

void
hashset_release(struct hashset *set)
{
	free(set->table);
	*set = (struct hashset){0};
}

static bool
is_free(const struct hashset_slot *s)
{
	return s->half[0] == 0 && s->half[1] == 0;
}

/* The slot that holds the hash, or the free one where it would go. */
static struct hashset_slot *
find_slot(const struct hashset *set, const struct hashset_slot *wanted)
{
	for (uint64_t i = wanted->half[0];; i++) {
		struct hashset_slot *s = &set->table[i & (set->size - 1)];

		if (is_free(s) || memcmp(s, wanted, sizeof *s) == 0)
			return s;
	}
}

static void
grow(struct hashset *set)
{
	struct hashset old = *set;

	set->size = old.size == 0 ? 64 : old.size * 2;
	set->table = mem_new(set->size, sizeof *set->table);
	for (size_t i = 0; i < old.size; i++)
		if (!is_free(&old.table[i]))
			*find_slot(set, &old.table[i]) = old.table[i];
	free(old.table);
}

bool
hashset_add(struct hashset *set, const unsigned char *hash)
{
	struct hashset_slot wanted, *slot;

	memcpy(&wanted, hash, sizeof wanted);
	if (is_free(&wanted))
		wanted.half[1] = 1;
	if (set->count >= set->size - set->size / 4)
		grow(set);
	slot = find_slot(set, &wanted);
	if (!is_free(slot))
		return false;
	*slot = wanted;
	set->count++;
	return true;
}

bool
hashset_add_str(struct hashset *set, const char *s)
{
	unsigned char sum[SHA256_BYTES];
	struct sha256 sha;

	sha256_init(&sha);
	sha256_add(&sha, s, strlen(s));
	sha256_sum(&sha, sum);
	return hashset_add(set, sum);
}

bool
hashset_has(const struct hashset *set, const unsigned char *hash)
{
	struct hashset_slot wanted;

	memcpy(&wanted, hash, sizeof wanted);
	if (is_free(&wanted))
		wanted.half[1] = 1;
	return set->size > 0 && !is_free(find_slot(set, &wanted));
}
