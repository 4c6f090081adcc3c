/*
 * sqlite: the ledger in a file of SQLite; private to ledger_sqlite*.c.
 *
 * One table, `entry`, a row for each thing asked for, appended in the order of asking; an index
 * over the keys' hashes finds one among millions in a few page reads, which a table kept in
 * the order of random hashes would do in more, its rows being wide. A key has more than one
 * row where another one was made (--again, or the first failed): at most one of them is open,
 * that is intended or unknown, and at most one is not made.
 *
 * WAL with synchronous=FULL: a commit is one fsync and survives a loss of power.
 */
#ifndef AV_LEDGER_SQLITE_H
#define AV_LEDGER_SQLITE_H

#include <sqlite3.h>

#include "ledger/liveness.h"
#include "ledger/store.h"

enum statement {
	SQL_BEGIN,
	SQL_COMMIT,
	SQL_ROLLBACK,
	SQL_FIND,
	SQL_INSERT,
	SQL_INTEND,
	SQL_HOLD,
	SQL_SETTLE,
	SQL_RETIRE,
	SQL_OWNED,
	SQL_COMPETING,
	SQL_OWNER,
	SQL_INTENDED,
	SQL_RECOVER,
	SQL_COUNT,
};

struct sqlite_store {
	struct ledger_store store; /* first: a store is one of these */
	sqlite3 *sql;
	char *file;
	struct liveness *live;
	int64_t number; /* this process, as an entry's owner */
	sqlite3_stmt *cached[SQL_COUNT];
};

/* A statement ready to bind, or NULL with *e set. */
sqlite3_stmt *db_sql(struct sqlite_store *db, enum statement which, struct err *e);

/* Runs one that returns no row, and resets it. */
int db_run(struct sqlite_store *db, sqlite3_stmt *st, struct err *e);

/* Fails, too, where the file is not to be found by its name any more. */
int db_begin(struct sqlite_store *db, struct err *e);
int db_commit(struct sqlite_store *db, struct err *e);
void db_rollback(struct sqlite_store *db);

/* Sets *e from what SQLite says. Returns -1. */
int db_error(struct sqlite_store *db, struct err *e);

/* ledger/sqlite_claims.c */
int sqlite_claims_apply(struct ledger_store *s, struct ledger_claim *batch, struct err *e);

/* Turns what dead processes intended into unknown, or not made where that is sure. Within a
 * transaction. */
int sqlite_claims_recover(struct sqlite_store *db, struct err *e);

/* ledger/sqlite_entries.c */
int sqlite_entries_each(struct ledger_store *s, const struct ledger_filter *f,
    bool (*fn)(void *arg, const struct ledger_entry *entry), void *arg, struct err *e);
int sqlite_entries_settle(struct ledger_store *s, const char *key, const char *id, struct err *e);
int sqlite_entries_forget(struct ledger_store *s, const char *key, struct err *e);
int sqlite_entries_put(struct ledger_store *s, const struct ledger_entry *entry,
    const unsigned char *hash, struct err *e);
int sqlite_entries_check(struct ledger_store *s, void (*fn)(void *arg, const char *problem),
    void *arg, struct err *e);

#endif
