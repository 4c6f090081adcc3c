/*
 * entries: lists, exports, imports and corrects the entries of a ledger.
 *
 * Every call takes effect before it returns; for programs without a loop.
 */
#ifndef AV_LEDGER_ENTRIES_H
#define AV_LEDGER_ENTRIES_H

#include "ledger/ledger.h"

/* Calls fn for each entry, the oldest first, until it returns false. The entry
 * is valid during the call. -1 if the ledger cannot be read on. */
int ledger_each(struct ledger *l, const struct ledger_filter *filter,
    bool (*fn)(void *arg, const struct ledger_entry *entry), void *arg,
    struct err *e);

/* In both, key is the first digits of a key, in hex. They fail with
 * CODE_NOT_IN_LEDGER if it is empty or fits no key or several, and if a living
 * process owns the entry. */

/* Settles the unknown entry of a key: made with this id, or not made (NULL). */
int ledger_settle_unknown(
    struct ledger *l, const char *key, const char *id, struct err *e);

/* Removes all entries of a key: the next claim is YOURS, whatever was made. */
int ledger_forget(struct ledger *l, const char *key, struct err *e);

/* Adds an entry that another ledger exported. If its key and tag are here
 * already, the state that knows more wins: made, failed and gone before the
 * others, then the later attempt. An intended entry becomes unknown, since its
 * owner is elsewhere. 1 if something was written, 0 if it was known.
 *
 * CODE_INVALID_RECORD if the key is not the hash of the parts;
 * CODE_NOT_IN_LEDGER if the key would have two open entries, or a living
 * process owns the entry. */
int ledger_import(
    struct ledger *l, const struct ledger_entry *entry, struct err *e);

/* Makes all calls until ledger_commit one transaction. */
int ledger_begin(struct ledger *l, struct err *e);
int ledger_commit(struct ledger *l, struct err *e);

/* Reads all of the ledger and calls fn with each problem. How many, or -1. */
int ledger_check(struct ledger *l, void (*fn)(void *arg, const char *problem),
    void *arg, struct err *e);

#endif
