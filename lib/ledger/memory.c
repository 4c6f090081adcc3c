#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hashset.h"
#include "base/mem.h"
#include "ledger/key.h"
#include "ledger/store.h"

struct none {
	struct hashset owned; /* of each id that was settled, and where it is one */
};

struct none *
none_new(void)
{
	return mem_new(1, sizeof(struct none));
}

void
none_free(struct none *none)
{
	if (none != NULL)
		hashset_release(&none->owned);
	free(none);
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
	hash_id(c, c->id, hash);
	hashset_add(&none->owned, hash);
}

static void
adopt(struct none *none, struct ledger_claim *c)
{
	unsigned char hash[LEDGER_HASH];

	for (size_t i = 0; i < c->ncandidates; i++) {
		hash_id(c, c->candidates[i].id, hash);
		c->candidates[i].owned = hashset_has(&none->owned, hash);
	}
	ledger_choose(c);
	if (c->verdict != LEDGER_MADE)
		return;
	ledger_take(c);
	remember(none, c);
}

void
none_apply(struct none *none, struct ledger_claim *batch)
{
	for (struct ledger_claim *c = batch; c != NULL; c = c->next)
		switch (c->want) {
		case WANT_CLAIM:
			c->at = c->first_at = clock_unix_ms();
			memcpy(c->tag, c->new_tag, sizeof c->tag);
			break;
		case WANT_SETTLE:
			remember(none, c);
			break;
		case WANT_ADOPT:
			adopt(none, c);
			break;
		case WANT_RESEND:
			c->at = clock_unix_ms();
			break;
		case WANT_RETIRE:
		case WANT_PEEK:
			break;
		}
}
