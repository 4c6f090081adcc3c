#include <stdlib.h>
#include <string.h>

#include "hashes.h"
#include "mem.h"

enum { HASH = 32, FIRST = 64 };

/* Open addressing: the next free slot after the one that the hash itself names. */
struct hashes_slot {
	unsigned char hash[HASH];
	bool used;
};

void
hashes_release(struct hashes *set)
{
	free(set->table);
	*set = (struct hashes){0};
}

/* Where the hash stands, or would. */
static struct hashes_slot *
place(const struct hashes *set, const unsigned char *hash)
{
	size_t i;

	for (memcpy(&i, hash, sizeof i);; i++) {
		struct hashes_slot *s = &set->table[i & (set->size - 1)];

		if (!s->used || memcmp(s->hash, hash, HASH) == 0)
			return s;
	}
}

static void
insert(struct hashes *set, const unsigned char *hash)
{
	struct hashes_slot *s = place(set, hash);

	memcpy(s->hash, hash, HASH);
	s->used = true;
	set->count++;
}

static void
grow(struct hashes *set)
{
	struct hashes old = *set;

	set->size = old.size == 0 ? FIRST : old.size * 2;
	set->count = 0;
	set->table = mem_new(set->size, sizeof *set->table);
	for (size_t i = 0; i < old.size; i++)
		if (old.table[i].used)
			insert(set, old.table[i].hash);
	free(old.table);
}

bool
hashes_has(const struct hashes *set, const unsigned char *hash)
{
	return set->size > 0 && place(set, hash)->used;
}

bool
hashes_add(struct hashes *set, const unsigned char *hash)
{
	if (hashes_has(set, hash))
		return false;
	if (set->count * 2 >= set->size)
		grow(set);
	insert(set, hash);
	return true;
}
