/*
 * sqlite_engine: statements and transactions of ledger/db.h in SQLite. Private
 * to ledger/sqlite.c, which opens the file.
 */
#ifndef AV_LEDGER_SQLITE_ENGINE_H
#define AV_LEDGER_SQLITE_ENGINE_H

#include <sqlite3.h>

#include "ledger/db.h"
#include "ledger/liveness.h"

struct sqlite {
	struct db db;
	sqlite3 *sql;
	struct liveness *live; /* NULL: the database is in memory */
};

extern const struct db_engine sqlite_engine;

/* Sets *e from SQLite's last error. Returns -1. */
int sqlite_error(struct sqlite *s, struct err *e);

#endif
