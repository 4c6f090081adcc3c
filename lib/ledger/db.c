#include <stdlib.h>

#include "base/mem.h"
#include "ledger/db.h"

static const char *const texts[SQL_COUNT] = {
    [SQL_FIND] =
        "SELECT n, state, owner, first_at, at, settled_at, clock_offset, tag, id,"
        " data, key FROM entry WHERE key = ?1 OR (key = ?2 AND sent_name = ?3)"
        " ORDER BY n DESC",
    [SQL_INTEND] =
        "UPDATE entry SET state = 1, owner = ?, at = ?, settled_at = 0,"
        " clock_offset = ?, id = NULL, data = ?, file = ?, unit = ?, amount = ?"
        " WHERE n = ?",
    [SQL_HOLD] = "UPDATE entry SET state = 3, owner = ? WHERE n = ?",
    [SQL_SETTLE] =
        "UPDATE entry SET state = ?1, owner = 0, settled_at = ?2, id = ?3, data = ?4,"
        " at = CASE WHEN at < ?5 THEN ?5 ELSE at END WHERE n = ?6",
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

void
db_close(struct db *db)
{
	if (db == NULL)
		return;
	for (size_t i = 0; i < SQL_COUNT; i++)
		db_finish(db->cached[i]);
	db->engine->close(db);
}

struct db_stmt *
db_sql(struct db *db, enum statement which, struct err *e)
{
	struct db_stmt **st = &db->cached[which];

	if (*st == NULL)
		*st = db->engine->prepare(
		    db, which == SQL_INSERT ? db->engine->insert : texts[which], true, e);
	return *st;
}

struct db_stmt *
db_prepare(struct db *db, const char *text, struct err *e)
{
	return db->engine->prepare(db, text, false, e);
}

void
db_finish(struct db_stmt *st)
{
	if (st != NULL)
		st->db->engine->finish(st);
}

void
db_bind_int(struct db_stmt *st, int i, int64_t value)
{
	if (st != NULL)
		st->db->engine->bind_int(st, i, value);
}

void
db_bind_real(struct db_stmt *st, int i, double value)
{
	if (st != NULL)
		st->db->engine->bind_real(st, i, value);
}

void
db_bind_text(struct db_stmt *st, int i, const char *text)
{
	if (st != NULL)
		st->db->engine->bind_text(st, i, text);
}

void
db_bind_blob(struct db_stmt *st, int i, const void *bytes, size_t len)
{
	if (st != NULL)
		st->db->engine->bind_blob(st, i, bytes, len);
}

int
db_step(struct db_stmt *st, struct err *e)
{
	return st != NULL ? st->db->engine->step(st, e) : -1;
}

void
db_reset(struct db_stmt *st)
{
	if (st != NULL)
		st->db->engine->reset(st);
}

int
db_run(struct db_stmt *st, struct err *e)
{
	int rc = db_step(st, e);

	db_reset(st);
	return rc;
}

int64_t
db_int(struct db_stmt *st, int i)
{
	return st->db->engine->column_int(st, i);
}

double
db_real(struct db_stmt *st, int i)
{
	return st->db->engine->column_real(st, i);
}

const char *
db_text(struct db_stmt *st, int i)
{
	return st->db->engine->column_text(st, i);
}

const void *
db_blob(struct db_stmt *st, int i, size_t *len)
{
	return st->db->engine->column_blob(st, i, len);
}

int64_t
db_insert(struct db *db, int64_t n, const unsigned char *hash, int state, int64_t owner,
    const struct ledger_entry *entry, struct err *e)
{
	struct db_stmt *st = db_sql(db, SQL_INSERT, e);
	const char *columns[] = {entry->tag, entry->id, entry->data, entry->operation,
	    entry->provider, entry->base, entry->account, entry->subject, entry->name,
	    entry->options, entry->sent_name, entry->file, entry->unit};
	int rc;

	db_bind_int(st, 1, n);
	db_bind_blob(st, 2, hash, LEDGER_HASH);
	db_bind_int(st, 3, state);
	db_bind_int(st, 4, owner);
	db_bind_int(st, 5, entry->first_at);
	db_bind_int(st, 6, entry->at);
	db_bind_int(st, 7, entry->settled_at);
	db_bind_int(st, 8, entry->clock_offset);
	for (int i = 0; i < (int)(sizeof columns / sizeof columns[0]); i++)
		db_bind_text(st, 9 + i, columns[i]);
	db_bind_real(st, 22, entry->amount);
	rc = db_step(st, e);
	if (rc <= 0)
		return rc < 0 ? -1 : db->engine->inserted(db);
	n = db_int(st, 0);
	db_reset(st);
	return n;
}

int
db_begin(struct db *db, struct err *e)
{
	return db->engine->begin(db, e);
}

int
db_commit(struct db *db, struct err *e)
{
	return db->engine->commit(db, e);
}

void
db_rollback(struct db *db)
{
	db->engine->rollback(db);
}

bool
db_again(struct db *db, struct err *e)
{
	return db->engine->again != NULL && db->engine->again(db, e);
}

void
db_lock(struct db *db)
{
	db->engine->lock(db);
}

void
db_unlock(struct db *db)
{
	db->engine->unlock(db);
}

bool
db_is_busy(struct db *db, int64_t owner)
{
	return owner != 0 && owner != db->number && db->engine->alive(db, owner);
}
