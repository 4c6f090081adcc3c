#include <stdlib.h>

#include "ledger/sqlite_db.h"

static const char *const texts[SQL_COUNT] = {
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",
    [SQL_FIND] =
        "SELECT n, state, owner, first_at, at, settled_at, clock_offset, tag, id,"
        " data, key FROM entry WHERE key = ?1 OR (key = ?2 AND sent_name = ?3)"
        " ORDER BY n DESC",
    [SQL_INSERT] =
        "INSERT OR REPLACE INTO entry (n, key, state, owner, first_at, at, settled_at,"
        " clock_offset, tag, id, data, operation, provider, base, account, subject,"
        " name, options, sent_name, file, unit, amount)"
        " VALUES (nullif(?, 0), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
        " ?)",
    [SQL_INTEND] =
        "UPDATE entry SET state = 1, owner = ?, at = ?, settled_at = 0,"
        " clock_offset = ?, id = NULL, data = ?, file = ?, unit = ?, amount = ?"
        " WHERE n = ?",
    [SQL_HOLD] = "UPDATE entry SET state = 3, owner = ? WHERE n = ?",
    [SQL_SETTLE] = "UPDATE entry SET state = ?, owner = 0, settled_at = ?, id = ?,"
                   " data = ? WHERE n = ?",
    [SQL_RETIRE] = "UPDATE entry SET state = ?, settled_at = ? WHERE id = ? AND state = 2"
                   " AND operation = ? AND provider = ? AND base = ? AND account = ?",
    [SQL_OWNED] =
        "SELECT 1 FROM entry o, entry e WHERE e.n = ? AND o.id = ? AND o.n <> e.n"
        " AND o.operation = e.operation AND o.provider = e.provider"
        " AND o.base = e.base AND o.account = e.account",
    /* Open entries with the same data. An intended one counts whatever its age, since its
     * upload may be slow. An unknown one is left out if its last attempt began over 15
     * minutes before this entry: it has made nothing since. */
    [SQL_COMPETING] =
        "SELECT o.n, o.state, o.owner FROM entry e, entry o"
        " WHERE e.n = ? AND o.n <> e.n AND o.n IN"
        " (SELECT n FROM entry WHERE state = 1"
        " UNION ALL SELECT n FROM entry WHERE state = 3)"
        " AND o.data = e.data AND (o.state = 1 OR o.at > e.first_at - 900000)"
        " AND o.operation = e.operation AND o.provider = e.provider"
        " AND o.base = e.base AND o.account = e.account",
    [SQL_SIMILAR] =
        "SELECT n, state, owner, first_at, at, settled_at, clock_offset, tag, id, data,"
        " key FROM entry WHERE state = 3 AND data = ? AND at > ? AND key NOT IN (?, ?)"
        " AND operation = ? AND provider = ? AND base = ? AND account = ?"
        " ORDER BY first_at",
    [SQL_OWNER] = "SELECT owner, state FROM entry WHERE n = ? AND key IN (?, ?)",
    [SQL_INTENDED] = "SELECT n, owner FROM entry WHERE state = 1 ORDER BY owner",
    [SQL_RECOVER] = "UPDATE entry SET state = ?, owner = 0 WHERE n = ?",
};

int
db_error(struct sqlite_store *db, struct err *e)
{
	int rc = sqlite3_errcode(db->sql);
	enum code code = CODE_STATE_UNUSABLE;
	const char *hint = "";

	switch (rc) {
	case SQLITE_NOTADB:
	case SQLITE_CORRUPT:
		hint =
		    "; it is damaged or no ledger. Restore a copy of it and of its -wal file, "
		    "or import an export into a new one (av-ledger import). With an empty one "
		    "everything is paid for again";
		break;
	case SQLITE_FULL:
	case SQLITE_IOERR:
		hint = "; is the disk full?";
		break;
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
		hint = "; is it, or its directory, read-only?";
		break;
	case SQLITE_BUSY:
		hint = "; another process keeps it locked";
		break;
	}
	if (rc == SQLITE_BUSY || rc == SQLITE_NOMEM ||
	    ((rc == SQLITE_IOERR || rc == SQLITE_CANTOPEN) &&
	        err_passes(sqlite3_system_errno(db->sql))))
		code = CODE_MACHINE_FAILED;
	return err_set(
	    e, code, "ledger '%s': %s%s", db->file, sqlite3_errmsg(db->sql), hint);
}

sqlite3_stmt *
db_sql(struct sqlite_store *db, enum statement which, struct err *e)
{
	sqlite3_stmt **st = &db->cached[which];

	if (*st == NULL && sqlite3_prepare_v3(db->sql, texts[which], -1,
	                       SQLITE_PREPARE_PERSISTENT, st, NULL) != SQLITE_OK)
		db_error(db, e);
	return *st;
}

sqlite3_stmt *
db_prepare(struct sqlite_store *db, const char *text, struct err *e)
{
	sqlite3_stmt *st = NULL;

	if (sqlite3_prepare_v2(db->sql, text, -1, &st, NULL) != SQLITE_OK)
		db_error(db, e);
	return st;
}

void
db_bind_text(sqlite3_stmt *st, int i, const char *s)
{
	sqlite3_bind_text(st, i, s, -1, SQLITE_STATIC);
}

int
db_step(struct sqlite_store *db, sqlite3_stmt *st, struct err *e)
{
	int rc = st != NULL ? sqlite3_step(st) : SQLITE_ERROR;

	if (rc == SQLITE_ROW)
		return 1;
	if (st != NULL && rc != SQLITE_DONE)
		db_error(db, e);
	sqlite3_reset(st);
	return rc == SQLITE_DONE ? 0 : -1;
}

int
db_run(struct sqlite_store *db, sqlite3_stmt *st, struct err *e)
{
	int rc = db_step(db, st, e);

	sqlite3_reset(st);
	return rc;
}

int
db_insert(struct sqlite_store *db, int64_t n, const unsigned char *hash, int state,
    int64_t owner, const struct ledger_entry *entry, struct err *e)
{
	sqlite3_stmt *st = db_sql(db, SQL_INSERT, e);
	const char *columns[] = {entry->tag, entry->id, entry->data, entry->operation,
	    entry->provider, entry->base, entry->account, entry->subject, entry->name,
	    entry->options, entry->sent_name, entry->file, entry->unit};

	sqlite3_bind_int64(st, 1, n);
	sqlite3_bind_blob(st, 2, hash, LEDGER_HASH, SQLITE_STATIC);
	sqlite3_bind_int(st, 3, state);
	sqlite3_bind_int64(st, 4, owner);
	sqlite3_bind_int64(st, 5, entry->first_at);
	sqlite3_bind_int64(st, 6, entry->at);
	sqlite3_bind_int64(st, 7, entry->settled_at);
	sqlite3_bind_int64(st, 8, entry->clock_offset);
	for (int i = 0; i < (int)(sizeof columns / sizeof columns[0]); i++)
		db_bind_text(st, 9 + i, columns[i]);
	sqlite3_bind_double(st, 22, entry->amount);
	return db_run(db, st, e);
}

int
db_begin(struct sqlite_store *db, struct err *e)
{
	int moved = 0;

	/* SQLite would go on with a file that no other process opens any more. */
	sqlite3_file_control(db->sql, NULL, SQLITE_FCNTL_HAS_MOVED, &moved);
	if (moved)
		return err_set(e, CODE_STATE_UNUSABLE,
		    "ledger '%s': it was moved or deleted while it was in use; "
		    "run the command again",
		    db->file);
	return db_run(db, db_sql(db, SQL_BEGIN, e), e);
}

int
db_commit(struct sqlite_store *db, struct err *e)
{
	return db_run(db, db_sql(db, SQL_COMMIT, e), e);
}

void
db_rollback(struct sqlite_store *db)
{
	struct err ignored;

	/* SQLite rolls back by itself after some errors. */
	if (!sqlite3_get_autocommit(db->sql))
		db_run(db, db_sql(db, SQL_ROLLBACK, &ignored), &ignored);
}

bool
db_is_busy(struct sqlite_store *db, int64_t owner)
{
	return owner != 0 && owner != db->number && liveness_alive(db->live, owner);
}
