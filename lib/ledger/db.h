/*
 * db: the database of a ledger: statements and transactions, on any engine.
 *
 * One table, `entry`, with a row for each paid request, in the order of the
 * requests. An index over the keys' hashes finds a row among millions in a few
 * page reads; a table sorted by hash would need more reads, since its rows are
 * wide. A key has several rows if it was made again (--again, or after the
 * avatar failed). At most one of them is open, that is intended or unknown, and
 * at most one is not made.
 *
 * An engine (ledger/sqlite.h, ledger/postgres.h) opens the database. It also
 * knows which processes of the ledger live, and what they began to send. A
 * transaction keeps all others out, and what it commits survives a loss of
 * power.
 *
 * Statements are written in the SQL that the engines share, with parameters ?1,
 * ?2, ... or ?. A transaction, and a statement outside of one, is for one
 * thread at a time.
 */
#ifndef AV_LEDGER_DB_H
#define AV_LEDGER_DB_H

#include "ledger/claim.h"

enum statement {
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

struct db;
struct db_stmt;

/* What an engine does. Its structs begin with struct db and struct db_stmt. */
struct db_engine {
	/* SQL_INSERT, and the checks of ledger_check: the quick one, then all
	 * others, then NULL. */
	const char *insert;
	const char *const *checks;
	void (*close)(struct db *db);
	/* NULL with *e set. kept: it will be used often. */
	struct db_stmt *(*prepare)(
	    struct db *db, const char *text, bool kept, struct err *e);
	void (*finish)(struct db_stmt *st);
	void (*bind_int)(struct db_stmt *st, int i, int64_t value);
	void (*bind_real)(struct db_stmt *st, int i, double value);
	void (*bind_text)(struct db_stmt *st, int i, const char *text);
	void (*bind_blob)(
	    struct db_stmt *st, int i, const void *bytes, size_t len);
	int (*step)(struct db_stmt *st, struct err *e);
	void (*reset)(struct db_stmt *st);
	int64_t (*column_int)(struct db_stmt *st, int i);
	double (*column_real)(struct db_stmt *st, int i);
	const char *(*column_text)(struct db_stmt *st, int i);
	const void *(*column_blob)(struct db_stmt *st, int i, size_t *len);
	/* The number of the row that SQL_INSERT wrote, if that returns none
	 * itself; else NULL. */
	int64_t (*inserted)(struct db *db);
	int (*begin)(struct db *db, struct err *e);
	int (*commit)(struct db *db, struct err *e);
	void (*rollback)(struct db *db);
	bool (*again)(struct db *db, struct err *e); /* or NULL */
	void (*lock)(struct db *db);
	void (*unlock)(struct db *db);
	/* As the functions of ledger/liveness.h. */
	bool (*alive)(struct db *db, int64_t owner);
	bool (*unsent)(struct db *db, int64_t owner, int64_t n);
	int (*mark_take)(struct db *db, struct err *e);
	void (*mark_free)(struct db *db, int mark);
	/* Sets *lease to the number of the lease, if there are leases: it is
	 * another one after it was over. */
	int (*sending)(struct db *db, int mark, int64_t n, unsigned *lease);
	/* True if what was noted under that lease may be sent; NULL: always. */
	bool (*may_send)(struct db *db, unsigned lease);
};

struct db {
	const struct db_engine *engine;
	char *name;     /* of the ledger, for messages; without a secret */
	int64_t number; /* this process, as an entry's owner */
	unsigned line_seconds; /* see ledger_line_seconds */
	struct db_stmt *cached[SQL_COUNT];
};

struct db_stmt {
	struct db *db;
};

/* Closes it and frees the statements that it keeps. */
void db_close(struct db *db);

/* A statement ready to bind. db_sql returns one of the enum, which the database
 * keeps; db_prepare compiles any text, and the caller frees it with db_finish.
 * NULL with *e set; all functions below accept NULL, so one check at the end is
 * enough. */
struct db_stmt *db_sql(struct db *db, enum statement which, struct err *e);
struct db_stmt *db_prepare(struct db *db, const char *text, struct err *e);
void db_finish(struct db_stmt *st);

/* Texts and bytes must outlive the statement's run. Parameters count from 1. */
void db_bind_int(struct db_stmt *st, int i, int64_t value);
void db_bind_real(struct db_stmt *st, int i, double value);
void db_bind_text(struct db_stmt *st, int i, const char *text);
void db_bind_blob(struct db_stmt *st, int i, const void *bytes, size_t len);

/* Steps to the next row: 1. At the end, or on an error, resets the statement:
 * 0, or -1 with *e set. */
int db_step(struct db_stmt *st, struct err *e);
void db_reset(struct db_stmt *st);

/* Runs a statement whose rows are not read, and resets it. 1 if there was a
 * row, 0, or -1 with *e set. */
int db_run(struct db_stmt *st, struct err *e);

/* Of the row at hand; columns count from 0. Borrowed until the next step. */
int64_t db_int(struct db_stmt *st, int i);
double db_real(struct db_stmt *st, int i);
const char *db_text(struct db_stmt *st, int i);
const void *db_blob(struct db_stmt *st, int i, size_t *len);

/* Inserts an entry, or replaces entry n if that is not 0. The entry's key and
 * state are not used: hash and state stand for them. The number of the entry,
 * or -1. */
int64_t db_insert(struct db *db, int64_t n, const unsigned char *hash,
    int state, int64_t owner, const struct ledger_entry *entry, struct err *e);

int db_begin(struct db *db, struct err *e);
int db_commit(struct db *db, struct err *e);
void db_rollback(struct db *db); /* nothing if none is begun */

/* After a failure, waits for a database that was out of reach. True if what
 * failed is not done, and can be done now. */
bool db_again(struct db *db, struct err *e);

/* For a statement outside of a transaction, while another thread may have one.
 */
void db_lock(struct db *db);
void db_unlock(struct db *db);

/* True if another process, which lives, is the owner. */
bool db_is_busy(struct db *db, int64_t owner);

#endif
