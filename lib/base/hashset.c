#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/hashset.h"
#include "base/mem.h"

enum { FIRST = 64 };

/* Half a sum; both 0: free. Open addressing: the next free slot after the one that the sum
 * itself names; a quarter at least is free. */
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

/* Where it stands, or would. */
static struct hashset_slot *
place(const struct hashset *set, const struct hashset_slot *wanted)
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

	set->size = old.size == 0 ? FIRST : old.size * 2;
	set->table = mem_new(set->size, sizeof *set->table);
	for (size_t i = 0; i < old.size; i++)
		if (!is_free(&old.table[i]))
			*place(set, &old.table[i]) = old.table[i];
	free(old.table);
}

bool
hashset_has(const struct hashset *set, const unsigned char *hash)
{
	struct hashset_slot wanted = slot_of(hash);

	return set->size > 0 && !is_free(place(set, &wanted));
}

bool
hashset_add(struct hashset *set, const unsigned char *hash)
{
	struct hashset_slot wanted = slot_of(hash);

	if (hashset_has(set, hash))
		return false;
	if (set->count >= set->size - set->size / 4)
		grow(set);
	*place(set, &wanted) = wanted;
	set->count++;
	return true;
}
