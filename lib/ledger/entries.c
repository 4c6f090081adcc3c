#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "ledger/entries.h"
#include "ledger/key.h"
#include "ledger/store.h"

/* The store, or NULL and *e where there is no memory at all. */
static struct ledger_store *
store_of(struct ledger *l, struct err *e)
{
	struct ledger_store *s = ledger_store(l);

	if (s == NULL)
		err_set(e, CODE_STATE_UNUSABLE,
		    "there is no ledger to look into (it is 'none')");
	return s;
}

int
ledger_each(struct ledger *l, const struct ledger_filter *filter,
    bool (*fn)(void *arg, const struct ledger_entry *entry), void *arg, struct err *e)
{
	struct ledger_store *s = store_of(l, e);

	return s != NULL ? s->ops->each(s, filter, fn, arg, e) : -1;
}

int
ledger_settle_unknown(struct ledger *l, const char *key, const char *id, struct err *e)
{
	struct ledger_store *s = store_of(l, e);

	return s != NULL ? s->ops->settle(s, key, id, e) : -1;
}

int
ledger_forget(struct ledger *l, const char *key, struct err *e)
{
	struct ledger_store *s = store_of(l, e);

	return s != NULL ? s->ops->forget(s, key, e) : -1;
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
	struct ledger_store *s = store_of(l, e);
	unsigned char hash[LEDGER_HASH];
	struct ledger_entry canonical = *entry;
	char *options, *base;
	int rc;

	if (s == NULL)
		return -1;
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
	struct ledger_store *s = store_of(l, e);

	return s != NULL ? s->ops->begin(s, e) : -1;
}

int
ledger_commit(struct ledger *l, struct err *e)
{
	struct ledger_store *s = store_of(l, e);

	return s != NULL ? s->ops->commit(s, e) : -1;
}

int
ledger_check(struct ledger *l, void (*fn)(void *arg, const char *problem), void *arg,
    struct err *e)
{
	struct ledger_store *s = store_of(l, e);

	return s != NULL ? s->ops->check(s, fn, arg, e) : -1;
}
