/*
 * entries: the ledger as a list of entries, to be read, carried elsewhere and put right by
 * hand. All of it happens at once; for programs without a loop.
 */
#ifndef AV_LEDGER_ENTRIES_H
#define AV_LEDGER_ENTRIES_H

#include "ledger/ledger.h"

/* One thing asked for. Absent strings are NULL, absent times 0; times are ms since 1970. */
struct ledger_entry {
	const char *key;   /* SHA-256 in hex */
	const char *state; /* intended, made, unknown, not_made, failed, gone */
	bool busy;         /* a living process works on it */
	const char *operation, *provider, *base, *account, *subject, *name;
	const char *options;   /* JSON */
	const char *id, *data; /* data: JSON */
	const char *tag;
	int64_t first_at, at, settled_at, clock_offset;
};

/* NULL lets everything pass. */
struct ledger_filter {
	const char *key; /* how it begins, in hex */
	const char *provider, *account, *state, *id;
};

/* Calls fn for each entry, the oldest first, until it returns false. -1 where it cannot be
 * read on. The entry is borrowed for the call. */
int ledger_each(struct ledger *l, const struct ledger_filter *filter,
    bool (*fn)(void *arg, const struct ledger_entry *entry), void *arg, struct err *e);

/* Both fail with CODE_NOT_IN_LEDGER where the key's beginning is empty or fits none
 * or several, or the entry is in another state, or in the hands of a living process. */

/* Settles the unknown entry of a key: made with this id, or not made (NULL). */
int ledger_settle_unknown(
    struct ledger *l, const char *key, const char *id, struct err *e);

/* Forgets all entries of a key: the next claim is YOURS, whatever was made. */
int ledger_forget(struct ledger *l, const char *key, struct err *e);

/* Enters what another ledger exported. What is there already, by key and tag, takes on the
 * state that knows more: made and what became of it before all else, then what is told of the
 * later attempt; an intended one becomes unknown, as its process is elsewhere. Its key must be
 * that of its parts. Fails with CODE_NOT_IN_LEDGER, too, where it would put a second entry of
 * the key in doubt. Returns 1 when something was entered, 0 when all was known. */
int ledger_import(struct ledger *l, const struct ledger_entry *entry, struct err *e);

/* Makes what is done until ledger_commit one transaction. */
int ledger_begin(struct ledger *l, struct err *e);
int ledger_commit(struct ledger *l, struct err *e);

/* Reads all of it and calls fn with each thing that is wrong. Returns how many, or -1. */
int ledger_check(struct ledger *l, void (*fn)(void *arg, const char *problem), void *arg,
    struct err *e);

#endif
