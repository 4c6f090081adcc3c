#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "ledger/sqlite.h"

#define APPLICATION 0x61764c67 /* "avLg" */
#define VERSION     1

/* How long another process's commit is waited for: some thousands of commits. */
#define BUSY_MS 120000

static const char schema[] =
    "CREATE TABLE process (last INTEGER NOT NULL);"
    "INSERT INTO process VALUES (0);"
    "CREATE TABLE entry ("
    " n INTEGER PRIMARY KEY,"
    " key BLOB NOT NULL,"
    " state INTEGER NOT NULL,"
    " owner INTEGER NOT NULL," /* the process that holds it; 0: none */
    " first_at INTEGER NOT NULL, at INTEGER NOT NULL, settled_at INTEGER NOT NULL,"
    " clock_offset INTEGER NOT NULL,"
    " tag TEXT NOT NULL, id TEXT, data TEXT,"
    " operation TEXT NOT NULL, provider TEXT NOT NULL, base TEXT NOT NULL,"
    " account TEXT NOT NULL, subject TEXT NOT NULL, name TEXT, options TEXT NOT NULL);"
    "CREATE INDEX entry_key ON entry (key);"
    "CREATE INDEX entry_id ON entry (id) WHERE id IS NOT NULL;"
    "CREATE INDEX entry_intended ON entry (owner) WHERE state = 1;"
    "CREATE INDEX entry_unknown ON entry (n) WHERE state = 3;"
    "PRAGMA application_id = 0x61764c67;"
    "PRAGMA user_version = 1;";

static const char *const texts[SQL_COUNT] = {
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",
    [SQL_FIND] =
        "SELECT n, state, owner, first_at, at, settled_at, clock_offset, tag, id,"
        " data FROM entry WHERE key = ? ORDER BY n DESC",
    [SQL_INSERT] =
        "INSERT INTO entry (key, state, owner, first_at, at, settled_at,"
        " clock_offset, tag, operation, provider, base, account, subject, name,"
        " options, data) VALUES (?, 1, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [SQL_INTEND] = "UPDATE entry SET state = 1, owner = ?, at = ?, settled_at = 0,"
                   " clock_offset = ?, id = NULL, data = ? WHERE n = ?",
    [SQL_HOLD] = "UPDATE entry SET state = 3, owner = ? WHERE n = ?",
    [SQL_SETTLE] = "UPDATE entry SET state = ?, owner = 0, settled_at = ?, id = ?,"
                   " data = ? WHERE n = ?",
    [SQL_RETIRE] = "UPDATE entry SET state = ?, settled_at = ? WHERE id = ? AND state = 2"
                   " AND operation = ? AND provider = ? AND base = ? AND account = ?",
    [SQL_OWNED] =
        "SELECT 1 FROM entry o, entry e WHERE e.n = ? AND o.id = ? AND o.n <> e.n"
        " AND o.operation = e.operation AND o.provider = e.provider"
        " AND o.base = e.base AND o.account = e.account",
    /* One that was given up long before this one began has made nothing since; one in flight
     * may take as long as its upload does. */
    [SQL_COMPETING] =
        "SELECT o.n, o.state, o.owner FROM entry e, entry o"
        " WHERE e.n = ? AND o.n <> e.n AND o.n IN"
        " (SELECT n FROM entry WHERE state = 1"
        " UNION ALL SELECT n FROM entry WHERE state = 3)"
        " AND o.data = e.data AND (o.state = 1 OR o.at > e.first_at - 900000)"
        " AND o.operation = e.operation AND o.provider = e.provider"
        " AND o.base = e.base AND o.account = e.account",
    [SQL_OWNER] = "SELECT owner, state FROM entry WHERE n = ? AND key = ?",
    [SQL_INTENDED] = "SELECT n, owner FROM entry WHERE state = 1 ORDER BY owner",
    [SQL_RECOVER] = "UPDATE entry SET state = ?, owner = 0 WHERE n = ?",
};

int
db_error(struct sqlite_store *db, struct err *e)
{
	int code = sqlite3_errcode(db->sql);
	const char *hint = "";

	if (code == SQLITE_NOTADB || code == SQLITE_CORRUPT)
		hint =
		    "; it is damaged or no ledger: move it away, and what ends in -wal with it, "
		    "or bring back a copy of both";
	else if (code == SQLITE_FULL || code == SQLITE_IOERR)
		hint = "; is the disk full?";
	else if (code == SQLITE_READONLY || code == SQLITE_CANTOPEN)
		hint = "; is it, or its directory, read-only?";
	else if (code == SQLITE_BUSY)
		hint = "; another process keeps it locked";
	return err_set(e, CODE_STATE_UNUSABLE, "ledger '%s': %s%s", db->file,
	    sqlite3_errmsg(db->sql), hint);
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

int
db_run(struct sqlite_store *db, sqlite3_stmt *st, struct err *e)
{
	int rc;

	if (st == NULL)
		return -1;
	rc = sqlite3_step(st);
	if (rc != SQLITE_DONE && rc != SQLITE_ROW)
		db_error(db, e);
	sqlite3_reset(st);
	return rc == SQLITE_DONE || rc == SQLITE_ROW ? 0 : -1;
}

int
db_begin(struct sqlite_store *db, struct err *e)
{
	int moved = 0;

	/* SQLite would go on with a file that nobody else opens any more. */
	sqlite3_file_control(db->sql, NULL, SQLITE_FCNTL_HAS_MOVED, &moved);
	if (moved)
		return err_set(e, CODE_STATE_UNUSABLE,
		    "ledger '%s': it was moved or deleted while it was in use", db->file);
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

	/* Where the failure rolled back by itself there is nothing left to do. */
	if (!sqlite3_get_autocommit(db->sql))
		db_run(db, db_sql(db, SQL_ROLLBACK, &ignored), &ignored);
}

static int
execute(struct sqlite_store *db, const char *text, struct err *e)
{
	return sqlite3_exec(db->sql, text, NULL, NULL, NULL) == SQLITE_OK
	           ? 0
	           : db_error(db, e);
}

/* The one number that a statement returns. */
static int
number(struct sqlite_store *db, const char *text, int64_t *n, struct err *e)
{
	sqlite3_stmt *st = NULL;
	int rc = -1;

	if (sqlite3_prepare_v2(db->sql, text, -1, &st, NULL) == SQLITE_OK &&
	    sqlite3_step(st) == SQLITE_ROW) {
		*n = sqlite3_column_int64(st, 0);
		rc = 0;
	} else {
		db_error(db, e);
	}
	sqlite3_finalize(st);
	return rc;
}

/* SQLite's own waits grow to 100 ms, in which dozens of commits of others fit. */
static int
wait_for_others(void *arg, int count)
{
	(void)arg;
	usleep(count < 10 ? 500 : 2000);
	return count < BUSY_MS / 2;
}

/* Sees to it that there is a file, 0600 (SQLite gives its mode to the files beside it), and to
 * a name for it that every process finds the same way. */
static int
make_file(struct sqlite_store *db, const char *file, struct err *e)
{
	int fd = open(file, O_RDWR | O_CLOEXEC);
	bool made = false;

	if (fd < 0 && errno == ENOENT) {
		fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		made = true;
	}
	if (fd >= 0)
		db->file = realpath(file, NULL);
	if (db->file == NULL)
		err_set(e, CODE_STATE_UNUSABLE, "cannot open the ledger '%s':", file);
	/* SQLite has not opened it yet, so this drops none of its locks. */
	if (fd >= 0)
		close(fd);
	if (db->file == NULL || file_check_local(db->file, e) < 0)
		return -1;
	if (made && !file_sync_name(db->file))
		return err_set(e, CODE_STATE_UNUSABLE,
		    "cannot sync the directory of '%s':", db->file);
	return 0;
}

static int
connect_db(struct sqlite_store *db, struct err *e)
{
	int rc = sqlite3_open_v2(
	    db->file, &db->sql, SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX, NULL);

	if (db->sql == NULL)
		return err_set(
		    e, CODE_STATE_UNUSABLE, "ledger '%s': no memory", db->file);
	if (rc != SQLITE_OK)
		return db_error(db, e);
	sqlite3_busy_handler(db->sql, wait_for_others, NULL);
	sqlite3_db_config(db->sql, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	return 0;
}

/* Whether the file is a ledger of this version (1), has nothing in it (0), or is not for us. */
static int
identify(struct sqlite_store *db, struct err *e)
{
	int64_t application, version, tables;

	/* All of one moment: another process may be making the tables. */
	if (execute(db, "SAVEPOINT look", e) < 0 ||
	    number(db, "PRAGMA application_id", &application, e) < 0 ||
	    number(db, "PRAGMA user_version", &version, e) < 0 ||
	    number(db, "SELECT count(*) FROM sqlite_schema", &tables, e) < 0 ||
	    execute(db, "RELEASE look", e) < 0)
		return -1;
	if (application == 0 && version == 0 && tables == 0)
		return 0;
	if (application != APPLICATION)
		return err_set(e, CODE_STATE_UNUSABLE,
		    "'%s' is a database of another program, not a ledger", db->file);
	if (version > VERSION)
		return err_set(e, CODE_STATE_UNUSABLE,
		    "ledger '%s' is of version %d and this program knows %d; use a newer one",
		    db->file, (int)version, VERSION);
	return 1;
}

/* As identify, and the file comes out in WAL mode. Changing the mode is the one thing for which
 * SQLite does not wait by itself when another process is at it too. */
static int
look(struct sqlite_store *db, struct err *e)
{
	for (int count = 0;; count++) {
		int known = identify(db, e);

		if (known < 0 || execute(db, "PRAGMA journal_mode = WAL", e) == 0)
			return known;
		if (sqlite3_errcode(db->sql) != SQLITE_BUSY ||
		    !wait_for_others(NULL, count))
			return -1;
	}
}

/* Makes the tables if they are not there; several processes may try at once. */
static int
prepare(struct sqlite_store *db, struct err *e)
{
	int known = look(db, e);

	if (known < 0 || execute(db, "PRAGMA synchronous = FULL", e) < 0)
		return -1;
	if (known == 1)
		return 0;
	if (db_begin(db, e) < 0)
		return -1;
	known = identify(db, e);
	if (known < 0 || (known == 0 && execute(db, schema, e) < 0) ||
	    db_commit(db, e) < 0) {
		db_rollback(db);
		return -1;
	}
	return 0;
}

struct dead {
	struct sqlite_store *db;
	int64_t *numbers;
	size_t n;
};

static void
note_dead(void *arg, int64_t process)
{
	struct dead *d = arg;

	d->numbers = mem_resize(d->numbers, (d->n + 1) * sizeof *d->numbers);
	d->numbers[d->n++] = process;
}

/* Takes a number that no process had and joins with it. Within a transaction, so that nobody
 * takes this process for dead between the making of its file and the lock. */
static int
join(struct sqlite_store *db, struct err *e)
{
	char *dir = mem_printf("%s-live", db->file);
	bool taken = true;

	/* A number is taken where the file is an old copy, brought back. */
	while (db->live == NULL && taken)
		if (execute(db, "UPDATE process SET last = last + 1", e) < 0 ||
		    number(db, "SELECT last FROM process", &db->number, e) < 0)
			taken = false;
		else
			db->live = liveness_open(dir, db->number, &taken, e);
	free(dir);
	return db->live != NULL ? 0 : -1;
}

/* Joins, and clears up after the dead. This commit also shows that one is possible. */
static int
enter(struct sqlite_store *db, struct err *e)
{
	struct dead dead = {.db = db};
	int rc = -1;

	if (db_begin(db, e) < 0)
		return -1;
	if (join(db, e) < 0)
		goto out;
	liveness_each_dead(db->live, note_dead, &dead);
	if (sqlite_claims_recover(db, e) < 0 || db_commit(db, e) < 0)
		goto out;
	for (size_t i = 0; i < dead.n; i++)
		liveness_remove(db->live, dead.numbers[i]);
	rc = 0;
out:
	free(dead.numbers);
	db_rollback(db);
	return rc;
}

static void
db_free(struct ledger_store *s)
{
	struct sqlite_store *db = (struct sqlite_store *)s;

	for (size_t i = 0; i < SQL_COUNT; i++)
		sqlite3_finalize(db->cached[i]);
	sqlite3_close(db->sql);
	liveness_close(db->live);
	free(db->file);
	free(db);
}

static bool
db_sending(struct ledger_store *s, struct ledger_claim *c)
{
	return liveness_sending(((struct sqlite_store *)s)->live, c->mark, c->n);
}

static void
db_let_go(struct ledger_store *s, struct ledger_claim *c)
{
	liveness_mark_free(((struct sqlite_store *)s)->live, c->mark);
	c->mark = -1;
}

static int
begin(struct ledger_store *s, struct err *e)
{
	return db_begin((struct sqlite_store *)s, e);
}

static int
commit(struct ledger_store *s, struct err *e)
{
	return db_commit((struct sqlite_store *)s, e);
}

static const struct ledger_store_ops ops = {
    .apply = sqlite_claims_apply,
    .sending = db_sending,
    .let_go = db_let_go,
    .free = db_free,
    .each = sqlite_entries_each,
    .settle = sqlite_entries_settle,
    .forget = sqlite_entries_forget,
    .put = sqlite_entries_put,
    .begin = begin,
    .commit = commit,
    .check = sqlite_entries_check,
};

struct ledger_store *
ledger_sqlite_open(const char *file, struct err *e)
{
	struct sqlite_store *db = mem_new(1, sizeof *db);

	db->store.ops = &ops;
	db->number = 1; /* in memory this process is the only one */
	if (file == NULL)
		db->file = mem_str(":memory:");
	if ((file == NULL || make_file(db, file, e) == 0) && connect_db(db, e) == 0 &&
	    prepare(db, e) == 0 && (file == NULL || enter(db, e) == 0))
		return &db->store;
	db_free(&db->store);
	return NULL;
}
