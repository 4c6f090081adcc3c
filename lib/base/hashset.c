#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/hashset.h"
#include "base/mem.h"

enum { FIRST_SIZE = 64 };

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

static struct hashset_slot
slot_of(const unsigned char *hash)
{
	struct hashset_slot s;

	memcpy(s.half, hash, sizeof s.half);
	if (is_free(&s))
		s.half[1] = 1;
	return s;
}

/* The slot that holds the hash, or the free one where it would go. */
static struct hashset_slot *
find_slot(const struct hashset *set, const struct hashset_slot *wanted)
{
	for (uint64_t i = wanted->half[0];; i++) {
		struct hashset_slot *s = &set->table[i & (set->size - 1)];

		if (is_free(s) ||
		    (s->half[0] == wanted->half[0] && s->half[1] == wanted->half[1]))
			return s;
	}
}

static void
grow(struct hashset *set)
{
	struct hashset old = *set;

	set->size = old.size == 0 ? FIRST_SIZE : old.size * 2;
	set->table = mem_new(set->size, sizeof *set->table);
	for (size_t i = 0; i < old.size; i++)
		if (!is_free(&old.table[i]))
			*find_slot(set, &old.table[i]) = old.table[i];
	free(old.table);
}

bool
hashset_has(const struct hashset *set, const unsigned char *hash)
{
	struct hashset_slot wanted = slot_of(hash);

	return set->size > 0 && !is_free(find_slot(set, &wanted));
}

bool
hashset_add(struct hashset *set, const unsigned char *hash)
{
	struct hashset_slot wanted = slot_of(hash);

	if (hashset_has(set, hash))
		return false;
	if (set->count >= set->size - set->size / 4)
		grow(set);
	*find_slot(set, &wanted) = wanted;
	set->count++;
	return true;
}
