#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/mem.h"
#include "ledger/sqlite.h"

/* By enum ledger_state. The later in `rank`, the more is known. */
static const char *const names[] = {
    [STATE_INTENDED] = "intended",
    [STATE_MADE] = "made",
    [STATE_UNKNOWN] = "unknown",
    [STATE_NOT_MADE] = "not_made",
    [STATE_FAILED] = "failed",
    [STATE_GONE] = "gone",
};
static const int rank[] = {
    [STATE_INTENDED] = 1,
    [STATE_UNKNOWN] = 1,
    [STATE_NOT_MADE] = 2,
    [STATE_MADE] = 3,
    [STATE_FAILED] = 4,
    [STATE_GONE] = 4,
};

enum { STATES = sizeof names / sizeof names[0] };

static int
state_of(const char *name)
{
	for (int i = 1; i < STATES; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return 0;
}

static sqlite3_stmt *
prepare(struct sqlite_store *db, const char *text, struct err *e)
{
	sqlite3_stmt *st = NULL;

	if (sqlite3_prepare_v2(db->sql, text, -1, &st, NULL) != SQLITE_OK)
		db_error(db, e);
	return st;
}

static void
bind_text(sqlite3_stmt *st, int i, const char *s)
{
	sqlite3_bind_text(st, i, s, -1, SQLITE_STATIC);
}

/* Runs a statement made for this once. -1, or how many rows it changed. */
static int
run_once(struct sqlite_store *db, sqlite3_stmt *st, struct err *e)
{
	int rc = db_run(db, st, e);

	sqlite3_finalize(st);
	return rc < 0 ? -1 : sqlite3_changes(db->sql);
}

/* The keys that begin with hex digits, as bytes: from `low` on and below `high`. */
struct range {
	unsigned char low[LEDGER_HASH], high[LEDGER_HASH];
};

static int
key_range(const char *hex, struct range *r, struct err *e)
{
	size_t len = strlen(hex);

	memset(r->low, 0, sizeof r->low);
	memset(r->high, 0xff, sizeof r->high);
	if (len > sizeof r->low * 2 || strspn(hex, "0123456789abcdefABCDEF") != len)
		return err_set(
		    e, CODE_NOT_IN_LEDGER, "'%s' is no key, nor its beginning", hex);
	for (size_t i = 0; i < len; i++) {
		int c = tolower((unsigned char)hex[i]);
		unsigned digit = (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
		unsigned shift = i % 2 == 0 ? 4 : 0;
		unsigned mask = 0xfU << shift;

		r->low[i / 2] = (unsigned char)(r->low[i / 2] | digit << shift);
		r->high[i / 2] =
		    (unsigned char)((r->high[i / 2] & ~mask) | digit << shift);
	}
	return 0;
}

static void
bind_range(sqlite3_stmt *st, const struct range *r)
{
	sqlite3_bind_blob(st, 1, r->low, sizeof r->low, SQLITE_STATIC);
	sqlite3_bind_blob(st, 2, r->high, sizeof r->high, SQLITE_STATIC);
}

/* Whether the owner of an entry is another process that lives. */
static bool
is_busy(struct sqlite_store *db, int64_t owner)
{
	return owner != 0 && owner != db->number && liveness_alive(db->live, owner);
}

static void
read_entry(
    struct sqlite_store *db, sqlite3_stmt *st, struct ledger_entry *entry, char *hex)
{
	const unsigned char *hash = sqlite3_column_blob(st, 0);
	int len = sqlite3_column_bytes(st, 0), state = sqlite3_column_int(st, 1);
	const char **texts[] = {&entry->tag, &entry->id, &entry->data, &entry->operation,
	    &entry->provider, &entry->base, &entry->account, &entry->subject,
	    &entry->name, &entry->options};

	hex_of(hex, hash, len < LEDGER_HASH ? (size_t)len : LEDGER_HASH);
	entry->key = hex;
	entry->state = state > 0 && state < STATES ? names[state] : "damaged";
	entry->busy = is_busy(db, sqlite3_column_int64(st, 2));
	entry->first_at = sqlite3_column_int64(st, 3);
	entry->at = sqlite3_column_int64(st, 4);
	entry->settled_at = sqlite3_column_int64(st, 5);
	entry->clock_offset = sqlite3_column_int64(st, 6);
	for (int i = 0; i < 10; i++)
		*texts[i] = (const char *)sqlite3_column_text(st, 7 + i);
}

/* The rows that a filter lets pass. Each way in has its index; without one all is read. */
static sqlite3_stmt *
select_entries(struct sqlite_store *db, const struct ledger_filter *f, struct err *e)
{
	struct buf b = {0};
	sqlite3_stmt *st;

	buf_str(&b,
	    "SELECT key, state, owner, first_at, at, settled_at, clock_offset, tag, id, data,"
	    " operation, provider, base, account, subject, name, options FROM entry"
	    " WHERE 1");
	if (f->key != NULL)
		buf_str(&b, " AND key BETWEEN ?1 AND ?2");
	if (f->provider != NULL)
		buf_str(&b, " AND provider = ?3");
	if (f->account != NULL)
		buf_str(&b, " AND account = ?4");
	if (f->state != NULL)
		buf_printf(&b, " AND state = %d", state_of(f->state));
	if (f->id != NULL)
		buf_str(&b, " AND id = ?5");
	buf_str(&b, " ORDER BY n");
	st = prepare(db, b.data, e);
	buf_release(&b);
	return st;
}

int
sqlite_entries_each(struct ledger_store *s, const struct ledger_filter *f,
    bool (*fn)(void *arg, const struct ledger_entry *entry), void *arg, struct err *e)
{
	struct sqlite_store *db = (struct sqlite_store *)s;
	char hex[2 * LEDGER_HASH + 1];
	struct ledger_entry entry;
	struct range range;
	sqlite3_stmt *st;
	int rc;

	if (f->state != NULL && state_of(f->state) == 0)
		return err_set(e, CODE_NOT_IN_LEDGER,
		    "'%s' is no state: intended, made, unknown, not_made, failed, gone",
		    f->state);
	if (f->key != NULL && key_range(f->key, &range, e) < 0)
		return -1;
	if ((st = select_entries(db, f, e)) == NULL)
		return -1;
	if (f->key != NULL)
		bind_range(st, &range);
	bind_text(st, 3, f->provider);
	bind_text(st, 4, f->account);
	bind_text(st, 5, f->id);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		read_entry(db, st, &entry, hex);
		if (!fn(arg, &entry))
			break;
	}
	if (rc != SQLITE_DONE && rc != SQLITE_ROW)
		db_error(db, e);
	sqlite3_finalize(st);
	return rc == SQLITE_DONE || rc == SQLITE_ROW ? 0 : -1;
}

/* What the entries of one key are, found by its beginning. */
struct one {
	struct range range;
	int keys, unknown;
	int64_t unknown_n;
	bool busy;
};

/* Takes one row of the range; `last` is the key of the one before. */
static void
count_row(struct sqlite_store *db, sqlite3_stmt *st, unsigned char *last, struct one *one)
{
	const void *hash = sqlite3_column_blob(st, 3);

	if (sqlite3_column_bytes(st, 3) != LEDGER_HASH)
		return;
	one->keys += one->keys == 0 || memcmp(last, hash, LEDGER_HASH) != 0;
	memcpy(last, hash, LEDGER_HASH);
	if (is_busy(db, sqlite3_column_int64(st, 2))) {
		one->busy = true;
	} else if (sqlite3_column_int(st, 1) == STATE_UNKNOWN) {
		one->unknown++;
		one->unknown_n = sqlite3_column_int64(st, 0);
	}
}

static int
find_one(struct sqlite_store *db, const char *key, struct one *one, struct err *e)
{
	unsigned char last[LEDGER_HASH];
	sqlite3_stmt *st;
	int rc;

	*one = (struct one){0};
	if (key[0] == '\0')
		return err_set(e, CODE_NOT_IN_LEDGER, "the key is empty");
	if (key_range(key, &one->range, e) < 0)
		return -1;
	st = prepare(
	    db, "SELECT n, state, owner, key FROM entry WHERE key BETWEEN ? AND ?", e);
	if (st == NULL)
		return -1;
	bind_range(st, &one->range);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW && one->keys < 2)
		count_row(db, st, last, one);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		db_error(db, e);
	sqlite3_finalize(st);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return -1;
	if (one->keys == 0)
		return err_set(
		    e, CODE_NOT_IN_LEDGER, "no entry's key begins with '%s'", key);
	if (one->keys > 1)
		return err_set(e, CODE_NOT_IN_LEDGER,
		    "several keys begin with '%s'; give more of it", key);
	if (one->busy)
		return err_set(
		    e, CODE_NOT_IN_LEDGER, "a living process works on '%s'", key);
	return 0;
}

static int
settle(struct sqlite_store *db, const char *key, const char *id, struct err *e)
{
	sqlite3_stmt *st;
	struct one one;

	if (find_one(db, key, &one, e) < 0)
		return -1;
	if (one.unknown == 0)
		return err_set(e, CODE_NOT_IN_LEDGER,
		    "'%s' is not unknown, so there is nothing to settle", key);
	if ((st = db_sql(db, SQL_SETTLE, e)) == NULL)
		return -1;
	sqlite3_bind_int(st, 1, id != NULL ? STATE_MADE : STATE_NOT_MADE);
	sqlite3_bind_int64(st, 2, clock_unix_ms());
	bind_text(st, 3, id);
	sqlite3_bind_null(st, 4);
	sqlite3_bind_int64(st, 5, one.unknown_n);
	return db_run(db, st, e);
}

static int
forget(struct sqlite_store *db, const char *key, struct err *e)
{
	sqlite3_stmt *st;
	struct one one;

	if (find_one(db, key, &one, e) < 0 ||
	    (st = prepare(db, "DELETE FROM entry WHERE key BETWEEN ? AND ?", e)) == NULL)
		return -1;
	bind_range(st, &one.range);
	return run_once(db, st, e);
}

/* Ends a transaction of one change. */
static int
conclude(struct sqlite_store *db, int rc, struct err *e)
{
	if (rc >= 0 && db_commit(db, e) == 0)
		return 0;
	db_rollback(db);
	return -1;
}

int
sqlite_entries_settle(
    struct ledger_store *s, const char *key, const char *id, struct err *e)
{
	struct sqlite_store *db = (struct sqlite_store *)s;

	return db_begin(db, e) < 0 ? -1 : conclude(db, settle(db, key, id, e), e);
}

int
sqlite_entries_forget(struct ledger_store *s, const char *key, struct err *e)
{
	struct sqlite_store *db = (struct sqlite_store *)s;

	return db_begin(db, e) < 0 ? -1 : conclude(db, forget(db, key, e), e);
}

/* What is known of the entry with a key and a tag. */
struct known {
	int64_t n, at; /* n 0: there is none */
	int state;
	bool busy;    /* in the hands of a living process */
	bool doubted; /* another entry of the key is open */
};

static int
look_up(struct sqlite_store *db, const unsigned char *hash, const char *tag,
    struct known *k, struct err *e)
{
	sqlite3_stmt *st = prepare(
	    db, "SELECT n, state, owner, at, tag = ? FROM entry WHERE key = ?", e);
	int rc;

	*k = (struct known){0};
	if (st == NULL)
		return -1;
	bind_text(st, 1, tag);
	sqlite3_bind_blob(st, 2, hash, LEDGER_HASH, SQLITE_STATIC);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		int state = sqlite3_column_int(st, 1);

		if (sqlite3_column_int(st, 4)) {
			k->n = sqlite3_column_int64(st, 0);
			k->state = state;
			k->busy = is_busy(db, sqlite3_column_int64(st, 2));
			k->at = sqlite3_column_int64(st, 3);
		} else if (state == STATE_INTENDED || state == STATE_UNKNOWN) {
			k->doubted = true;
		}
	}
	if (rc != SQLITE_DONE)
		db_error(db, e);
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? 0 : -1;
}

static int
insert(struct sqlite_store *db, const struct ledger_entry *entry,
    const unsigned char *hash, int state, struct err *e)
{
	sqlite3_stmt *st = prepare(db,
	    "INSERT INTO entry (key, state, owner, first_at, at, settled_at, clock_offset, tag,"
	    " id, data, operation, provider, base, account, subject, name, options)"
	    " VALUES (?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	    e);
	const char *texts[] = {entry->tag, entry->id, entry->data, entry->operation,
	    entry->provider, entry->base, entry->account, entry->subject, entry->name,
	    entry->options};

	if (st == NULL)
		return -1;
	sqlite3_bind_blob(st, 1, hash, LEDGER_HASH, SQLITE_STATIC);
	sqlite3_bind_int(st, 2, state);
	sqlite3_bind_int64(st, 3, entry->first_at);
	sqlite3_bind_int64(st, 4, entry->at);
	sqlite3_bind_int64(st, 5, entry->settled_at);
	sqlite3_bind_int64(st, 6, entry->clock_offset);
	for (int i = 0; i < 10; i++)
		bind_text(st, 7 + i, texts[i]);
	return run_once(db, st, e);
}

static int
update(struct sqlite_store *db, const struct ledger_entry *entry, int state, int64_t n,
    struct err *e)
{
	sqlite3_stmt *st = prepare(db,
	    "UPDATE entry SET state = ?, owner = 0, at = ?, settled_at = ?,"
	    " clock_offset = ?, id = ?, data = ? WHERE n = ?",
	    e);

	if (st == NULL)
		return -1;
	sqlite3_bind_int(st, 1, state);
	sqlite3_bind_int64(st, 2, entry->at);
	sqlite3_bind_int64(st, 3, entry->settled_at);
	sqlite3_bind_int64(st, 4, entry->clock_offset);
	bind_text(st, 5, entry->id);
	bind_text(st, 6, entry->data);
	sqlite3_bind_int64(st, 7, n);
	return run_once(db, st, e);
}

/* Whether what comes in tells more than what is known. An entry that is not made may have been
 * intended once more since somebody wrote down what became of it, so there the later attempt
 * counts. What is made is not. */
static bool
tells_more(const struct known *k, int state, int64_t at)
{
	bool made = rank[state] >= rank[STATE_MADE] || rank[k->state] >= rank[STATE_MADE];

	return made || at == k->at ? rank[state] > rank[k->state] : at > k->at;
}

int
sqlite_entries_put(struct ledger_store *s, const struct ledger_entry *entry,
    const unsigned char *hash, struct err *e)
{
	struct sqlite_store *db = (struct sqlite_store *)s;
	int state = state_of(entry->state);
	struct known k;

	if (state == 0)
		return err_set(e, CODE_INVALID_RECORD, "'%s' is no state", entry->state);
	if (rank[state] >= rank[STATE_MADE] && entry->id == NULL)
		return err_set(
		    e, CODE_INVALID_RECORD, "it is %s, but has no id", entry->state);
	if (state == STATE_INTENDED)
		state = STATE_UNKNOWN;
	if (look_up(db, hash, entry->tag, &k, e) < 0)
		return -1;
	if (k.n != 0 &&
	    (k.state <= 0 || k.state >= STATES || !tells_more(&k, state, entry->at)))
		return 0;
	if (k.busy)
		return err_set(e, CODE_NOT_IN_LEDGER,
		    "a living process works on it; import it again later");
	if (k.doubted && state == STATE_UNKNOWN)
		return err_set(e, CODE_NOT_IN_LEDGER,
		    "another request for the same is under way or in doubt here; settle "
		    "that first");
	return k.n == 0 ? insert(db, entry, hash, state, e)
	                : update(db, entry, state, k.n, e);
}

/* Calls fn with each row of text that a statement yields, save "ok". -1, or how many. */
static int
complain(struct sqlite_store *db, const char *text,
    void (*fn)(void *arg, const char *problem), void *arg, struct err *e)
{
	sqlite3_stmt *st = prepare(db, text, e);
	int n = 0, rc;

	if (st == NULL)
		return -1;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		const char *problem = (const char *)sqlite3_column_text(st, 0);
		if (problem == NULL || strcmp(problem, "ok") == 0)
			continue;
		fn(arg, problem);
		n++;
	}
	if (rc != SQLITE_DONE)
		db_error(db, e);
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? n : -1;
}

int
sqlite_entries_check(struct ledger_store *s, void (*fn)(void *arg, const char *problem),
    void *arg, struct err *e)
{
	static const char *const questions[] = {
	    "PRAGMA integrity_check",
	    "SELECT 'entry ' || n || ' has the state ' || state FROM entry"
	    " WHERE state NOT BETWEEN 1 AND 6",
	    "SELECT 'entry ' || n || ' has no whole key' FROM entry WHERE length(key) <> 32",
	    "SELECT 'entry ' || n || ' is made without an id' FROM entry"
	    " WHERE state IN (2, 5, 6) AND id IS NULL",
	    "SELECT 'key ' || lower(hex(key)) || ' is intended ' || count(*) || ' times'"
	    " FROM entry WHERE state = 1 GROUP BY key HAVING count(*) > 1",
	};
	int sum = 0;

	for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++) {
		int n = complain((struct sqlite_store *)s, questions[i], fn, arg, e);
		if (n < 0)
			return -1;
		sum += n;
	}
	return sum;
}
