/*
 * sqlite_entries: ledger/entries.h for a SQLite store.
 */
#ifndef AV_LEDGER_SQLITE_ENTRIES_H
#define AV_LEDGER_SQLITE_ENTRIES_H

#include "ledger/store.h"

int sqlite_entries_each(struct ledger_store *s, const struct ledger_filter *f,
    bool (*fn)(void *arg, const struct ledger_entry *entry), void *arg,
    struct err *e);
int sqlite_entries_settle(
    struct ledger_store *s, const char *key, const char *id, struct err *e);
int sqlite_entries_forget(
    struct ledger_store *s, const char *key, struct err *e);
int sqlite_entries_put(struct ledger_store *s, const struct ledger_entry *entry,
    const unsigned char *hash, struct err *e);
int sqlite_entries_check(struct ledger_store *s,
    void (*fn)(void *arg, const char *problem), void *arg, struct err *e);

#endif
