#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "ledger/db.h"
#include "ledger/entries.h"
#include "ledger/key.h"

static const struct {
	const char *name;
	int rank; /* a higher rank knows more */
} states[] = {
    [STATE_INTENDED] = {"intended", 1},
    [STATE_MADE] = {"made", 3},
    [STATE_UNKNOWN] = {"unknown", 1},
    [STATE_NOT_MADE] = {"not_made", 2},
    [STATE_FAILED] = {"failed", 4},
    [STATE_GONE] = {"gone", 4},
};

enum { STATES = sizeof states / sizeof states[0], TAG_DIGITS = 24, ID_MAX = 256 };

static int
state_of(const char *name)
{
	for (int i = 1; i < STATES; i++)
		if (strcmp(states[i].name, name) == 0)
			return i;
	return 0;
}

/* All keys that begin with the same hex digits: the lowest and the highest. */
struct range {
	unsigned char low[LEDGER_HASH], high[LEDGER_HASH];
};

static int
key_range(const char *hex, struct range *r, struct err *e)
{
	static const char digits[] = "0123456789abcdef";
	size_t len = strlen(hex);

	if (len > 2 * LEDGER_HASH || strspn(hex, "0123456789abcdefABCDEF") != len)
		return err_set(e, CODE_NOT_IN_LEDGER,
		    "'%s' is not the beginning of a key: it takes up to 64 hex digits",
		    hex);
	memset(r->low, 0, sizeof r->low);
	memset(r->high, 0xff, sizeof r->high);
	for (size_t i = 0; i < len; i++) {
		long digit = strchr(digits, tolower((unsigned char)hex[i])) - digits;
		int shift = i % 2 == 0 ? 4 : 0;

		r->low[i / 2] |= (unsigned char)(digit << shift);
		r->high[i / 2] ^= (unsigned char)((0xf - digit) << shift); /* was 0xf */
	}
	return 0;
}

static void
bind_range(struct db_stmt *st, const struct range *r)
{
	db_bind_blob(st, 1, r->low, sizeof r->low);
	db_bind_blob(st, 2, r->high, sizeof r->high);
}

static void
read_entry(struct db *db, struct db_stmt *st, struct ledger_entry *entry, char *hex)
{
	size_t len;
	const unsigned char *hash = db_blob(st, 0, &len);
	int state = (int)db_int(st, 1);
	const char **texts[] = {&entry->tag, &entry->id, &entry->data, &entry->operation,
	    &entry->provider, &entry->base, &entry->account, &entry->subject,
	    &entry->name, &entry->options, &entry->sent_name, &entry->file, &entry->unit};

	hex_of(hex, hash, len < LEDGER_HASH ? len : LEDGER_HASH);
	entry->key = hex;
	entry->state = state > 0 && state < STATES ? states[state].name : "damaged";
	entry->busy = db_is_busy(db, db_int(st, 2));
	entry->first_at = db_int(st, 3);
	entry->at = db_int(st, 4);
	entry->settled_at = db_int(st, 5);
	entry->clock_offset = db_int(st, 6);
	for (int i = 0; i < (int)(sizeof texts / sizeof texts[0]); i++)
		*texts[i] = db_text(st, 7 + i);
	entry->amount = db_real(st, 20);
}

/* The rows that a filter lets pass. Keys and ids have an index; other filters read all rows. */
static struct db_stmt *
select_entries(struct db *db, const struct ledger_filter *f, const struct range *range,
    struct err *e)
{
	const struct {
		const char *test, *value;
	} texts[] = {{" AND provider = ?", f->provider}, {" AND account = ?", f->account},
	    {" AND id = ?", f->id}, {" AND (file = ?", f->about},
	    {" OR id = ?", f->about}, {" OR subject = ?", f->sha256},
	    {" OR subject = ?)", f->about}};
	const size_t n = sizeof texts / sizeof texts[0];
	struct buf b = {0};
	struct db_stmt *st;
	int at = 0;

	buf_str(&b,
	    "SELECT key, state, owner, first_at, at, settled_at, clock_offset, tag, id, data,"
	    " operation, provider, base, account, subject, name, options, sent_name, file,"
	    " unit, amount"
	    " FROM entry WHERE TRUE");
	if (range != NULL)
		buf_str(&b, " AND key BETWEEN ? AND ?");
	for (size_t i = 0; i < n; i++)
		if (texts[i].value != NULL)
			buf_str(&b, texts[i].test);
	if (f->state != NULL)
		buf_printf(&b, " AND state = %d", state_of(f->state));
	if (f->since != 0)
		buf_printf(&b, " AND at >= %lld", (long long)f->since);
	if (f->until != 0)
		buf_printf(&b, " AND at < %lld", (long long)f->until);
	buf_str(&b, " ORDER BY n");
	st = db_prepare(db, b.data, e);
	buf_release(&b);
	if (range != NULL) {
		bind_range(st, range);
		at = 2;
	}
	for (size_t i = 0; i < n; i++)
		if (texts[i].value != NULL)
			db_bind_text(st, ++at, texts[i].value);
	return st;
}

int
ledger_each(struct ledger *l, const struct ledger_filter *f,
    bool (*fn)(void *arg, const struct ledger_entry *entry), void *arg, struct err *e)
{
	struct db *db = ledger_db(l);
	char hex[2 * LEDGER_HASH + 1];
	struct ledger_entry entry;
	struct range range;
	struct db_stmt *st;
	int rc;

	if (f->key != NULL && key_range(f->key, &range, e) < 0)
		return -1;
	st = select_entries(db, f, f->key != NULL ? &range : NULL, e);
	while ((rc = db_step(st, e)) > 0) {
		read_entry(db, st, &entry, hex);
		if (!fn(arg, &entry))
			break;
	}
	db_finish(st);
	return rc < 0 ? -1 : 0;
}

static int
by_length(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The table's order is that of the requests, so the latest are at its end. */
int
ledger_answer_time(
    struct ledger *l, const struct ledger_key *where, int64_t *ms, struct err *e)
{
	char *base = ledger_key_base(where->base);
	const char *texts[] = {where->operation, where->provider, base, where->account};
	struct db_stmt *st = db_prepare(ledger_db(l),
	    "SELECT settled_at - at FROM entry WHERE state = 2 AND settled_at > at"
	    " AND operation = ? AND provider = ? AND base = ? AND account = ?"
	    " AND n > (SELECT max(n) FROM entry) - 100000 ORDER BY n DESC LIMIT ?",
	    e);
	int64_t times[LEDGER_LATEST];
	int n = 0, rc;

	for (int i = 0; i < 4; i++)
		db_bind_text(st, 1 + i, texts[i]);
	db_bind_int(st, 5, LEDGER_LATEST);
	while ((rc = db_step(st, e)) > 0 && n < LEDGER_LATEST)
		times[n++] = db_int(st, 0);
	db_finish(st);
	free(base);
	if (rc < 0)
		return -1;
	qsort(times, (size_t)n, sizeof *times, by_length);
	if (n > 0)
		*ms = times[n / 2];
	return n;
}

/* The entries of one key, which is found by its first digits. */
struct one_key {
	struct range range;
	int64_t unknown; /* an unknown entry; 0: there is none */
};

static int
find_key(struct db *db, const char *key, struct one_key *one, struct err *e)
{
	struct db_stmt *st;
	int rc, keys = 0;
	bool busy = false;

	one->unknown = 0;
	if (key[0] == '\0')
		return err_set(e, CODE_NOT_IN_LEDGER, "the key is empty");
	if (key_range(key, &one->range, e) < 0)
		return -1;
	st = db_prepare(db,
	    "SELECT n, state, owner, (SELECT count(*) FROM (SELECT DISTINCT key FROM entry"
	    " WHERE key BETWEEN ?1 AND ?2 AND length(key) = 32 LIMIT 2))"
	    " FROM entry WHERE key BETWEEN ?1 AND ?2 AND length(key) = 32",
	    e);
	bind_range(st, &one->range);
	while ((rc = db_step(st, e)) > 0 && (keys = (int)db_int(st, 3)) == 1) {
		busy = busy || db_is_busy(db, db_int(st, 2));
		if ((int)db_int(st, 1) == STATE_UNKNOWN)
			one->unknown = db_int(st, 0);
	}
	db_finish(st);
	if (rc < 0)
		return -1;
	if (keys == 0)
		return err_set(
		    e, CODE_NOT_IN_LEDGER, "no entry's key begins with '%s'", key);
	if (keys > 1)
		return err_set(e, CODE_NOT_IN_LEDGER,
		    "several keys begin with '%s'; give more digits of it", key);
	if (busy)
		return err_set(e, CODE_NOT_IN_LEDGER,
		    "a running process works on '%s'; try again when it has ended", key);
	return 0;
}

/* Ends a transaction of one change, which succeeded if rc is not -1. */
static int
end(struct db *db, int rc, struct err *e)
{
	if (rc >= 0 && db_commit(db, e) == 0)
		return 0;
	db_rollback(db);
	return -1;
}

/* Begins such a transaction, on the entries of a key. */
static int
begin(struct db *db, const char *key, struct one_key *one, struct err *e)
{
	if (db_begin(db, e) < 0)
		return -1;
	return find_key(db, key, one, e) < 0 ? end(db, -1, e) : 0;
}

/* Checks an id that did not come from the service itself. It becomes part of URLs and file
 * names, and is printed. */
static int
check_id(const char *id, struct err *e)
{
	size_t len = strlen(id);
	bool ok = len <= ID_MAX && utf8_valid(id, len);

	for (const unsigned char *c = (const unsigned char *)id; ok && *c != '\0'; c++)
		ok = *c > ' ' && *c != 0x7f && *c != '/' && *c != '\\' &&
		     (*c != 0xc2 || c[1] >= 0xa0); /* C2 80 to C2 9F: controls */
	if (ok)
		return 0;
	return err_set(e, CODE_INVALID_RECORD,
	    "the id must have at most %d bytes, without spaces, slashes and control characters",
	    ID_MAX);
}

int
ledger_settle_unknown(struct ledger *l, const char *key, const char *id, struct err *e)
{
	struct db *db = ledger_db(l);
	struct db_stmt *st = db_sql(db, SQL_SETTLE, e);
	struct one_key one;

	if ((id != NULL && check_id(id, e) < 0) || begin(db, key, &one, e) < 0)
		return -1;
	if (one.unknown == 0) {
		err_set(e, CODE_NOT_IN_LEDGER,
		    "'%s' is not unknown, so there is nothing to settle", key);
		return end(db, -1, e);
	}
	db_bind_int(st, 1, id != NULL ? STATE_MADE : STATE_NOT_MADE);
	db_bind_int(st, 2, clock_unix_ms());
	db_bind_text(st, 3, id);
	db_bind_text(st, 4, NULL);
	db_bind_int(st, 5, 0);
	db_bind_int(st, 6, one.unknown);
	return end(db, db_run(st, e), e);
}

/* The mutex keeps the commit thread from beginning a transaction while this statement reads an
 * older snapshot, which SQLite refuses. An intended entry of a process that lives was settled,
 * and is being sent again: a claim waits for its outcome. */
int
ledger_is_settled(struct ledger *l, const char *key, struct err *e)
{
	struct db *db = ledger_db(l);
	bool settled = false, open = false;
	struct range range;
	struct db_stmt *st;
	int rc;

	if (key_range(key, &range, e) < 0)
		return -1;
	db_lock(db);
	st = db_prepare(
	    db, "SELECT state, owner FROM entry WHERE key BETWEEN ?1 AND ?2", e);
	bind_range(st, &range);
	while ((rc = db_step(st, e)) > 0) {
		int state = (int)db_int(st, 0);
		int64_t owner = db_int(st, 1);

		if (state == STATE_MADE || state == STATE_NOT_MADE ||
		    (state == STATE_INTENDED && db->engine->alive(db, owner)))
			settled = true;
		else if (state == STATE_INTENDED || state == STATE_UNKNOWN)
			open = true;
	}
	db_finish(st);
	db_unlock(db);
	return rc < 0 ? -1 : settled && !open;
}

int
ledger_forget(struct ledger *l, const char *key, struct err *e)
{
	struct db *db = ledger_db(l);
	struct db_stmt *st;
	struct one_key one;
	int rc;

	if (begin(db, key, &one, e) < 0)
		return -1;
	st = db_prepare(db, "DELETE FROM entry WHERE key BETWEEN ? AND ?", e);
	bind_range(st, &one.range);
	rc = db_run(st, e);
	db_finish(st);
	return end(db, rc, e);
}

/* The entry with a key and a tag. */
struct known {
	int64_t n, first_at, at; /* n 0: there is none */
	int state;
	bool busy;       /* another process owns it */
	bool other_open; /* another entry of the key is intended or unknown */
};

static int
find_known(struct db *db, const unsigned char *hash, const char *tag, struct known *k,
    struct err *e)
{
	struct db_stmt *st = db_prepare(db,
	    "SELECT n, state, owner, at, tag = ?, first_at FROM entry WHERE key = ?", e);
	int rc;

	*k = (struct known){0};
	db_bind_text(st, 1, tag);
	db_bind_blob(st, 2, hash, LEDGER_HASH);
	while ((rc = db_step(st, e)) > 0) {
		int state = (int)db_int(st, 1);

		if ((int)db_int(st, 4)) {
			k->n = db_int(st, 0);
			k->state = state;
			k->busy = db_is_busy(db, db_int(st, 2));
			k->at = db_int(st, 3);
			k->first_at = db_int(st, 5);
		} else if (state == STATE_INTENDED || state == STATE_UNKNOWN) {
			k->other_open = true;
		}
	}
	db_finish(st);
	return rc;
}

/* True if the imported entry knows more. Made (and what became of it) is final. Otherwise the
 * later attempt counts: the entry may have been intended again after the other ledger wrote
 * its outcome. */
static bool
tells_more(const struct known *k, int state, int64_t at)
{
	int ours = states[k->state].rank, theirs = states[state].rank;
	bool made = ours >= states[STATE_MADE].rank || theirs >= states[STATE_MADE].rank;

	return made || at == k->at ? theirs > ours : at > k->at;
}

static int
put(struct db *db, const struct ledger_entry *entry, const unsigned char *hash,
    struct err *e)
{
	int state = state_of(entry->state);
	struct ledger_entry row = *entry;
	struct known k;

	if (state == 0)
		return err_set(e, CODE_INVALID_RECORD, "'%s' is not a state of an entry",
		    entry->state);
	if (states[state].rank >= states[STATE_MADE].rank && entry->id == NULL)
		return err_set(e, CODE_INVALID_RECORD, "the entry is %s, but has no id",
		    entry->state);
	if (strlen(entry->tag) != TAG_DIGITS ||
	    strspn(entry->tag, "0123456789abcdef") != TAG_DIGITS)
		return err_set(e, CODE_INVALID_RECORD,
		    "the tag does not have %d hexadecimal digits", TAG_DIGITS);
	if (entry->id != NULL && check_id(entry->id, e) < 0)
		return -1;
	if (state == STATE_INTENDED)
		state = STATE_UNKNOWN;
	if (find_known(db, hash, entry->tag, &k, e) < 0)
		return -1;
	if (k.n != 0 &&
	    (k.state <= 0 || k.state >= STATES || !tells_more(&k, state, entry->at)))
		return 0;
	if (k.busy)
		return err_set(e, CODE_NOT_IN_LEDGER,
		    "a running process works on this key; import it again later");
	if (k.other_open && state == STATE_UNKNOWN)
		return err_set(e, CODE_NOT_IN_LEDGER,
		    "this ledger has another unknown request of the same key; settle "
		    "that request first");
	if (k.n != 0)
		row.first_at = k.first_at;
	return db_insert(db, k.n, hash, state, 0, &row, e) < 0 ? -1 : 1;
}

/* True if the key is the hash of the parts; hash gets its bytes. */
static bool
key_fits(const struct ledger_entry *entry, const char *options, unsigned char *hash)
{
	struct ledger_key key = {.operation = entry->operation,
	    .provider = entry->provider,
	    .base = entry->base,
	    .account = entry->account,
	    .subject = entry->subject,
	    .name = entry->name};
	char hex[2 * LEDGER_HASH + 1];

	ledger_key_hash(&key, options, hash);
	hex_of(hex, hash, LEDGER_HASH);
	return strcmp(hex, entry->key) == 0;
}

int
ledger_import(struct ledger *l, const struct ledger_entry *entry, struct err *e)
{
	unsigned char hash[LEDGER_HASH];
	struct ledger_entry canonical = *entry;
	char *options, *base;
	int rc;

	canonical.options = options = ledger_key_canonical(entry->options);
	canonical.base = base = ledger_key_base(entry->base);
	if (key_fits(entry, options, hash))
		rc = put(ledger_db(l), &canonical, hash, e);
	else
		rc = err_set(e, CODE_INVALID_RECORD,
		    "the key is not the hash of the entry's parts");
	free(options);
	free(base);
	return rc;
}

int
ledger_begin(struct ledger *l, struct err *e)
{
	return db_begin(ledger_db(l), e);
}

int
ledger_commit(struct ledger *l, struct err *e)
{
	return db_commit(ledger_db(l), e);
}

/* Calls fn with each row of text but "ok". The number of calls, or -1. */
static int
report_rows(struct db *db, const char *text, void (*fn)(void *arg, const char *problem),
    void *arg, struct err *e)
{
	struct db_stmt *st = db_prepare(db, text, e);
	int n = 0, rc;

	while ((rc = db_step(st, e)) > 0) {
		const char *problem = db_text(st, 0);
		if (problem == NULL || strcmp(problem, "ok") == 0)
			continue;
		fn(arg, problem);
		n++;
	}
	db_finish(st);
	return rc < 0 ? -1 : n;
}

int
ledger_check(struct ledger *l, bool quick, void (*fn)(void *arg, const char *problem),
    void *arg, struct err *e)
{
	struct db *db = ledger_db(l);
	const char *const *checks = db->engine->checks;
	int sum = 0;

	if (quick)
		return report_rows(db, checks[0], fn, arg, e);
	for (size_t i = 1; checks[i] != NULL; i++) {
		int n = report_rows(db, checks[i], fn, arg, e);
		if (n < 0)
			return -1;
		sum += n;
	}
	return sum;
}
