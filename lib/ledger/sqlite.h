/*
 * sqlite: opens and closes the store, a file of SQLite.
 */
#ifndef AV_LEDGER_SQLITE_H
#define AV_LEDGER_SQLITE_H

#include "ledger/sqlite_db.h"

/* Opens the store in a file, which is made if it is missing, or one in memory
 * (NULL), which no other process shares. NULL and CODE_STATE_UNUSABLE if a
 * claim could not be committed. */
struct sqlite_store *sqlite_store_open(const char *file, struct err *e);
void sqlite_store_free(struct sqlite_store *db);

#endif
