#include <stdlib.h>
#include <string.h>

#include "ledger_key.h"
#include "ledger_store.h"
#include "mem.h"

/* What was settled: the hash of an id and of where it is one. */
struct had {
	unsigned char hash[LEDGER_HASH];
	bool used;
};

struct none {
	struct had *table; /* open addressing; size is a power of two, or 0 */
	size_t size, count;
};

struct none *
none_new(void)
{
	return mem_new(1, sizeof(struct none));
}

void
none_free(struct none *none)
{
	if (none == NULL)
		return;
	free(none->table);
	free(none);
}

/* Where the hash stands, or would. */
static struct had *
place(struct none *none, const unsigned char *hash)
{
	size_t i;

	for (memcpy(&i, hash, sizeof i);; i++) {
		struct had *h = &none->table[i & (none->size - 1)];

		if (!h->used || memcmp(h->hash, hash, LEDGER_HASH) == 0)
			return h;
	}
}

static void
insert(struct none *none, const unsigned char *hash)
{
	struct had *h = place(none, hash);

	if (!h->used)
		none->count++;
	memcpy(h->hash, hash, LEDGER_HASH);
	h->used = true;
}

static void
grow(struct none *none)
{
	struct had *old = none->table;
	size_t size = none->size;

	none->size = size == 0 ? 64 : size * 2;
	none->table = mem_new(none->size, sizeof *none->table);
	none->count = 0;
	for (size_t i = 0; i < size; i++)
		if (old[i].used)
			insert(none, old[i].hash);
	free(old);
}

static void
hash_id(const struct ledger_claim *c, const char *id, unsigned char *hash)
{
	struct ledger_key key = {.operation = c->operation,
	    .provider = c->provider,
	    .base = c->base,
	    .account = c->account,
	    .subject = id};

	ledger_key_hash(&key, "", hash);
}

static void
remember(struct none *none, const struct ledger_claim *c)
{
	unsigned char hash[LEDGER_HASH];

	if (c->id == NULL)
		return;
	if (none->count * 2 >= none->size)
		grow(none);
	hash_id(c, c->id, hash);
	insert(none, hash);
}

static void
adopt(struct none *none, struct ledger_claim *c)
{
	unsigned char hash[LEDGER_HASH];

	for (size_t i = 0; i < c->ncandidates; i++) {
		hash_id(c, c->candidates[i].id, hash);
		c->candidates[i].had = none->size > 0 && place(none, hash)->used;
	}
	ledger_choose(c);
	if (c->verdict == LEDGER_MADE)
		remember(none, c);
}

void
none_apply(struct none *none, struct ledger_claim *batch)
{
	for (struct ledger_claim *c = batch; c != NULL; c = c->next)
		switch (c->want) {
		case WANT_CLAIM:
			c->at = c->first_at = ledger_time();
			memcpy(c->tag, c->new_tag, sizeof c->tag);
			break;
		case WANT_SETTLE:
			remember(none, c);
			break;
		case WANT_ADOPT:
			adopt(none, c);
			break;
		case WANT_RESEND:
			c->at = ledger_time();
			break;
		case WANT_MARK:
			break;
		}
}
