/*
 * sqlite: the store in a file of SQLite.
 */
#ifndef AV_LEDGER_SQLITE_H
#define AV_LEDGER_SQLITE_H

#include "ledger/store.h"

/* Opens the ledger in a file, which is made if it is missing, or one in memory
 * (NULL), which no other process shares. NULL and CODE_STATE_UNUSABLE if a
 * claim could not be committed. */
struct ledger_store *ledger_sqlite_open(const char *file, struct err *e);

#endif
