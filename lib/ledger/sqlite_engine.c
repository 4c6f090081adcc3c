#include <stdlib.h>

#include "base/mem.h"
#include "ledger/sqlite_engine.h"

struct sqlite_stmt {
	struct db_stmt stmt;
	sqlite3_stmt *sql;
};

static const char insert_text[] =
    "INSERT OR REPLACE INTO entry (n, key, state, owner, first_at, at, settled_at,"
    " clock_offset, tag, id, data, operation, provider, base, account, subject,"
    " name, options, sent_name, file, unit, amount)"
    " VALUES (nullif(?, 0), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
    " ?)";

static const char *const checks[] = {
    "PRAGMA quick_check(1)",
    "PRAGMA integrity_check",
    "SELECT 'entry ' || n || ' has the state ' || state FROM entry"
    " WHERE state NOT BETWEEN 1 AND 6",
    "SELECT 'entry ' || n || ' has a damaged key' FROM entry WHERE length(key) <> 32",
    "SELECT 'entry ' || n || ' is made without an id' FROM entry"
    " WHERE state IN (2, 5, 6) AND id IS NULL",
    "SELECT 'key ' || lower(hex(key)) || ' is intended ' || count(*) || ' times'"
    " FROM entry WHERE state = 1 GROUP BY key HAVING count(*) > 1",
    NULL,
};

static struct sqlite *
of(struct db *db)
{
	return (struct sqlite *)db;
}

static sqlite3_stmt *
sql_of(struct db_stmt *st)
{
	return ((struct sqlite_stmt *)st)->sql;
}

int
sqlite_error(struct sqlite *s, struct err *e)
{
	int rc = sqlite3_errcode(s->sql);
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
	        err_passes(sqlite3_system_errno(s->sql))))
		code = CODE_MACHINE_FAILED;
	return err_set(
	    e, code, "ledger '%s': %s%s", s->db.name, sqlite3_errmsg(s->sql), hint);
}

static struct db_stmt *
prepare(struct db *db, const char *text, bool kept, struct err *e)
{
	struct sqlite_stmt *st = mem_new(1, sizeof *st);

	st->stmt.db = db;
	if (sqlite3_prepare_v3(of(db)->sql, text, -1,
	        kept ? SQLITE_PREPARE_PERSISTENT : 0, &st->sql, NULL) == SQLITE_OK)
		return &st->stmt;
	sqlite_error(of(db), e);
	free(st);
	return NULL;
}

static void
finish(struct db_stmt *st)
{
	sqlite3_finalize(sql_of(st));
	free(st);
}

static void
bind_int(struct db_stmt *st, int i, int64_t value)
{
	sqlite3_bind_int64(sql_of(st), i, value);
}

static void
bind_real(struct db_stmt *st, int i, double value)
{
	sqlite3_bind_double(sql_of(st), i, value);
}

static void
bind_text(struct db_stmt *st, int i, const char *text)
{
	sqlite3_bind_text(sql_of(st), i, text, -1, SQLITE_STATIC);
}

static void
bind_blob(struct db_stmt *st, int i, const void *bytes, size_t len)
{
	sqlite3_bind_blob(sql_of(st), i, bytes, (int)len, SQLITE_STATIC);
}

static int
step(struct db_stmt *st, struct err *e)
{
	int rc = sqlite3_step(sql_of(st));

	if (rc == SQLITE_ROW)
		return 1;
	if (rc != SQLITE_DONE)
		sqlite_error(of(st->db), e);
	sqlite3_reset(sql_of(st));
	return rc == SQLITE_DONE ? 0 : -1;
}

static void
reset(struct db_stmt *st)
{
	sqlite3_reset(sql_of(st));
}

static int64_t
column_int(struct db_stmt *st, int i)
{
	return sqlite3_column_int64(sql_of(st), i);
}

static double
column_real(struct db_stmt *st, int i)
{
	return sqlite3_column_double(sql_of(st), i);
}

static const char *
column_text(struct db_stmt *st, int i)
{
	return (const char *)sqlite3_column_text(sql_of(st), i);
}

static const void *
column_blob(struct db_stmt *st, int i, size_t *len)
{
	const void *bytes = sqlite3_column_blob(sql_of(st), i);

	*len = (size_t)sqlite3_column_bytes(sql_of(st), i);
	return bytes;
}

static int64_t
inserted(struct db *db)
{
	return sqlite3_last_insert_rowid(of(db)->sql);
}

static int
execute(struct db *db, const char *text, struct err *e)
{
	return sqlite3_exec(of(db)->sql, text, NULL, NULL, NULL) == SQLITE_OK
	           ? 0
	           : sqlite_error(of(db), e);
}

static int
begin(struct db *db, struct err *e)
{
	int moved = 0;

	/* SQLite would go on with a file that no other process opens any more. */
	sqlite3_file_control(of(db)->sql, NULL, SQLITE_FCNTL_HAS_MOVED, &moved);
	if (moved)
		return err_set(e, CODE_STATE_UNUSABLE,
		    "ledger '%s': it was moved or deleted while it was in use; "
		    "run the command again",
		    db->name);
	return execute(db, "BEGIN IMMEDIATE", e);
}

static int
commit(struct db *db, struct err *e)
{
	return execute(db, "COMMIT", e);
}

static void
rollback(struct db *db)
{
	struct err ignored;

	/* SQLite rolls back by itself after some errors. */
	if (!sqlite3_get_autocommit(of(db)->sql))
		execute(db, "ROLLBACK", &ignored);
}

static void
lock(struct db *db)
{
	sqlite3_mutex_enter(sqlite3_db_mutex(of(db)->sql));
}

static void
unlock(struct db *db)
{
	sqlite3_mutex_leave(sqlite3_db_mutex(of(db)->sql));
}

static bool
alive(struct db *db, int64_t owner)
{
	return liveness_alive(of(db)->live, owner);
}

static bool
unsent(struct db *db, int64_t owner, int64_t n)
{
	return liveness_unsent(of(db)->live, owner, n);
}

static int
mark_take(struct db *db, struct err *e)
{
	return liveness_mark_take(of(db)->live, e);
}

static void
mark_free(struct db *db, int mark)
{
	liveness_mark_free(of(db)->live, mark);
}

static int
sending(struct db *db, int mark, int64_t n, unsigned *lease)
{
	(void)lease;
	return liveness_sending(of(db)->live, mark, n);
}

static void
close_file(struct db *db)
{
	sqlite3_close(of(db)->sql);
	liveness_close(of(db)->live);
	free(db->name);
	free(db);
}

const struct db_engine sqlite_engine = {.insert = insert_text,
    .checks = checks,
    .close = close_file,
    .prepare = prepare,
    .finish = finish,
    .bind_int = bind_int,
    .bind_real = bind_real,
    .bind_text = bind_text,
    .bind_blob = bind_blob,
    .step = step,
    .reset = reset,
    .column_int = column_int,
    .column_real = column_real,
    .column_text = column_text,
    .column_blob = column_blob,
    .inserted = inserted,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .lock = lock,
    .unlock = unlock,
    .alive = alive,
    .unsent = unsent,
    .mark_take = mark_take,
    .mark_free = mark_free,
    .sending = sending};
