/*
 * sqlite_db: the database of the store: statements and transactions.
 *
 * One table, `entry`, with a row for each paid request, in the order of the
 * requests. An index over the keys' hashes finds a row among millions in a few
 * page reads; a table sorted by hash would need more reads, since its rows are
 * wide. A key has several rows if it was made again (--again, or after the
 * avatar failed). At most one of them is open, that is intended or unknown, and
 * at most one is not made.
 *
 * The log is WAL with synchronous=FULL: a commit is one fsync and survives a
 * loss of power.
 */
#ifndef AV_LEDGER_SQLITE_DB_H
#define AV_LEDGER_SQLITE_DB_H

#include <sqlite3.h>

#include "ledger/claim.h"
#include "ledger/liveness.h"

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
	SQL_SIMILAR,
	SQL_OWNER,
	SQL_INTENDED,
	SQL_RECOVER,
	SQL_COUNT,
};

struct sqlite_store {
	sqlite3 *sql;
	char *file;
	struct liveness *live; /* NULL: the database is in memory */
	int64_t number;        /* this process, as an entry's owner */
	sqlite3_stmt *cached[SQL_COUNT];
};

/* A statement ready to bind. db_sql returns one of the enum, which the store
 * keeps; db_prepare compiles any text, and the caller finalizes the statement.
 * NULL with *e set; the functions below, and sqlite3_bind_*, accept NULL, so
 * one check at the end is enough. */
sqlite3_stmt *db_sql(
    struct sqlite_store *db, enum statement which, struct err *e);
sqlite3_stmt *db_prepare(
    struct sqlite_store *db, const char *text, struct err *e);

/* The text must outlive the statement's run. */
void db_bind_text(sqlite3_stmt *st, int i, const char *s);

/* Steps to the next row: 1. At the end, or on an error, resets the statement:
 * 0, or -1 with *e set. */
int db_step(struct sqlite_store *db, sqlite3_stmt *st, struct err *e);

/* Runs a statement whose rows are not read, and resets it. 1 if there was a
 * row, 0, or -1 with *e set. */
int db_run(struct sqlite_store *db, sqlite3_stmt *st, struct err *e);

/* Inserts an entry, or replaces entry n if that is not 0. The entry's key and
 * state are not used: hash and state stand for them. */
int db_insert(struct sqlite_store *db, int64_t n, const unsigned char *hash,
    int state, int64_t owner, const struct ledger_entry *entry, struct err *e);

/* Transactions. begin fails if the file was moved or deleted. */
int db_begin(struct sqlite_store *db, struct err *e);
int db_commit(struct sqlite_store *db, struct err *e);
void db_rollback(struct sqlite_store *db);

/* True if another process, which lives, is the owner. */
bool db_is_busy(struct sqlite_store *db, int64_t owner);

/* Sets *e from SQLite's last error. Returns -1. */
int db_error(struct sqlite_store *db, struct err *e);

#endif
