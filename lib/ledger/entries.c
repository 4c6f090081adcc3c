#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "ledger/entries.h"
#include "ledger/key.h"
#include "ledger/ledger.h"
#include "ledger/store.h"

int
ledger_each(struct ledger *l, const struct ledger_filter *filter,
    bool (*fn)(void *arg, const struct ledger_entry *entry), void *arg, struct err *e)
{
	return ledger_store(l)->ops->each(ledger_store(l), filter, fn, arg, e);
}

int
ledger_settle_unknown(struct ledger *l, const char *key, const char *id, struct err *e)
{
	return ledger_store(l)->ops->settle(ledger_store(l), key, id, e);
}

int
ledger_forget(struct ledger *l, const char *key, struct err *e)
{
	return ledger_store(l)->ops->forget(ledger_store(l), key, e);
}

/* Whether the key is the hash of the parts; fills it in as bytes. */
static bool
key_fits(const struct ledger_entry *entry, const char *options, unsigned char *hash)
{
	struct ledger_key key = {.operation = entry->operation,
	    .provider = entry->provider,
	    .base = entry->base,
	    .account = entry->account,
	    .subject = entry->subject,
	    .name = entry->name};
	char hex[2 * LEDGER_HASH + 1];

	ledger_key_hash(&key, options, hash);
	hex_of(hex, hash, LEDGER_HASH);
	return strcmp(hex, entry->key) == 0;
}

int
ledger_import(struct ledger *l, const struct ledger_entry *entry, struct err *e)
{
	struct ledger_store *s = ledger_store(l);
	unsigned char hash[LEDGER_HASH];
	struct ledger_entry canonical = *entry;
	char *options, *base;
	int rc;

	canonical.options = options = ledger_key_canonical(entry->options);
	canonical.base = base = ledger_key_base(entry->base);
	if (key_fits(entry, options, hash))
		rc = s->ops->put(s, &canonical, hash, e);
	else
		rc = err_set(
		    e, CODE_INVALID_RECORD, "the key is not that of the entry's parts");
	free(options);
	free(base);
	return rc;
}

int
ledger_begin(struct ledger *l, struct err *e)
{
	return ledger_store(l)->ops->begin(ledger_store(l), e);
}

int
ledger_commit(struct ledger *l, struct err *e)
{
	return ledger_store(l)->ops->commit(ledger_store(l), e);
}

int
ledger_check(struct ledger *l, void (*fn)(void *arg, const char *problem), void *arg,
    struct err *e)
{
	return ledger_store(l)->ops->check(ledger_store(l), fn, arg, e);
}
