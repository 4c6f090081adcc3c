#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/hashset.h"
#include "base/mem.h"

enum { FIRST = 64 };

/* Half a sum; both 0: free. Open addressing: the next free slot after the one that the sum
 * itself names; a quarter at least is free. */
struct hashes_slot {
	uint64_t half[2];
};

void
hashes_release(struct hashes *set)
{
	free(set->table);
	*set = (struct hashes){0};
}

static bool
is_free(const struct hashes_slot *s)
{
	return s->half[0] == 0 && s->half[1] == 0;
}

static struct hashes_slot
slot_of(const unsigned char *hash)
{
	struct hashes_slot s;

	memcpy(s.half, hash, sizeof s.half);
	if (is_free(&s))
		s.half[1] = 1;
	return s;
}

/* Where it stands, or would. */
static struct hashes_slot *
place(const struct hashes *set, const struct hashes_slot *wanted)
{
	for (uint64_t i = wanted->half[0];; i++) {
		struct hashes_slot *s = &set->table[i & (set->size - 1)];

		if (is_free(s) ||
		    (s->half[0] == wanted->half[0] && s->half[1] == wanted->half[1]))
			return s;
	}
}

static void
grow(struct hashes *set)
{
	struct hashes old = *set;

	set->size = old.size == 0 ? FIRST : old.size * 2;
	set->table = mem_new(set->size, sizeof *set->table);
	for (size_t i = 0; i < old.size; i++)
		if (!is_free(&old.table[i]))
			*place(set, &old.table[i]) = old.table[i];
	free(old.table);
}

bool
hashes_has(const struct hashes *set, const unsigned char *hash)
{
	struct hashes_slot wanted = slot_of(hash);

	return set->size > 0 && !is_free(place(set, &wanted));
}

bool
hashes_add(struct hashes *set, const unsigned char *hash)
{
	struct hashes_slot wanted = slot_of(hash);

	if (hashes_has(set, hash))
		return false;
	if (set->count >= set->size - set->size / 4)
		grow(set);
	*place(set, &wanted) = wanted;
	set->count++;
	return true;
}
