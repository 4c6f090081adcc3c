#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/mem.h"
#include "ledger/sqlite.h"

/* What the entries of a key amount to. */
struct found {
	int64_t made, open, free; /* their numbers; 0: there is none */
	bool busy;                /* the open one belongs to a living process */
};

static void
take_text(char **to, sqlite3_stmt *st, int column)
{
	free(*to);
	*to = mem_str((const char *)sqlite3_column_text(st, column));
}

/* Copies the row at hand into the claim's answer. */
static void
take_row(struct ledger_claim *c, sqlite3_stmt *st)
{
	const char *tag = (const char *)sqlite3_column_text(st, 7);

	c->n = sqlite3_column_int64(st, 0);
	c->first_at = sqlite3_column_int64(st, 3);
	c->at = sqlite3_column_int64(st, 4);
	c->settled_at = sqlite3_column_int64(st, 5);
	c->clock_offset = sqlite3_column_int64(st, 6);
	strncpy(c->tag, tag != NULL ? tag : "", LEDGER_TAG);
	take_text(&c->id, st, 8);
	take_text(&c->data, st, 9);
}

/* Judges one row. An intended entry of our own that is found has no claim any more: its
 * settling failed. */
static void
judge_row(
    struct sqlite_store *db, struct ledger_claim *c, sqlite3_stmt *st, struct found *f)
{
	int64_t n = sqlite3_column_int64(st, 0);
	int64_t owner = sqlite3_column_int64(st, 2);
	bool other = owner != 0 && owner != db->number;
	bool lives = other && liveness_alive(db->live, owner);
	enum ledger_state state = (enum ledger_state)sqlite3_column_int(st, 1);

	if (state == STATE_INTENDED && other && !lives &&
	    liveness_unsent(db->live, owner, n))
		state = STATE_NOT_MADE;
	switch (state) {
	case STATE_MADE:
		if (f->made == 0 && !c->again) {
			f->made = n;
			take_row(c, st);
		}
		break;
	case STATE_INTENDED:
	case STATE_UNKNOWN:
		f->open = n;
		f->busy = f->busy || lives;
		if (f->made == 0)
			take_row(c, st);
		break;
	case STATE_NOT_MADE:
		f->free = n;
		if (f->made == 0 && f->open == 0)
			take_row(c, st);
		break;
	case STATE_FAILED:
	case STATE_GONE:
		break;
	}
}

/* Sets the claim's verdict from its key's entries; YOURS and UNKNOWN are to be taken yet. */
static int
judge(struct sqlite_store *db, struct ledger_claim *c, struct found *f, struct err *e)
{
	sqlite3_stmt *st = db_sql(db, SQL_FIND, e);
	int rc;

	*f = (struct found){0};
	if (st == NULL)
		return -1;
	sqlite3_bind_blob(st, 1, c->hash, LEDGER_HASH, SQLITE_STATIC);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW)
		judge_row(db, c, st, f);
	if (rc != SQLITE_DONE)
		db_error(db, e);
	sqlite3_reset(st);
	if (rc != SQLITE_DONE)
		return -1;
	if (f->made != 0)
		c->verdict = LEDGER_MADE;
	else if (f->open != 0)
		c->verdict = f->busy ? LEDGER_BUSY : LEDGER_UNKNOWN;
	else
		c->verdict = LEDGER_YOURS;
	return 0;
}

static void
bind_text(sqlite3_stmt *st, int i, const char *s)
{
	sqlite3_bind_text(st, i, s, -1, SQLITE_STATIC);
}

static int
insert(struct sqlite_store *db, struct ledger_claim *c, struct err *e)
{
	sqlite3_stmt *st = db_sql(db, SQL_INSERT, e);
	const char *texts[] = {c->new_tag, c->operation, c->provider, c->base, c->account,
	    c->subject, c->name, c->options, c->intent};

	if (st == NULL)
		return -1;
	sqlite3_bind_blob(st, 1, c->hash, LEDGER_HASH, SQLITE_STATIC);
	sqlite3_bind_int64(st, 2, db->number);
	sqlite3_bind_int64(st, 3, c->at);
	sqlite3_bind_int64(st, 4, c->at);
	sqlite3_bind_int64(st, 5, c->clock_offset);
	for (int i = 0; i < (int)(sizeof texts / sizeof *texts); i++)
		bind_text(st, 6 + i, texts[i]);
	if (db_run(db, st, e) < 0)
		return -1;
	c->n = sqlite3_last_insert_rowid(db->sql);
	memcpy(c->tag, c->new_tag, sizeof c->tag);
	return 0;
}

/* Intends once more what is in the ledger already. */
static int
intend(struct sqlite_store *db, struct ledger_claim *c, struct err *e)
{
	sqlite3_stmt *st = db_sql(db, SQL_INTEND, e);

	if (st == NULL)
		return -1;
	c->at = clock_unix_ms();
	c->settled_at = 0;
	/* What an earlier attempt was told is void. */
	free(c->id);
	free(c->data);
	c->id = c->data = NULL;
	sqlite3_bind_int64(st, 1, db->number);
	sqlite3_bind_int64(st, 2, c->at);
	sqlite3_bind_int64(st, 3, c->clock_offset);
	bind_text(st, 4, c->intent);
	sqlite3_bind_int64(st, 5, c->n);
	c->verdict = LEDGER_YOURS;
	return db_run(db, st, e);
}

static int
take_mark(struct sqlite_store *db, struct ledger_claim *c, struct err *e)
{
	if (c->mark < 0)
		c->mark = liveness_mark_take(db->live, e);
	return c->mark < 0 ? -1 : 0;
}

static int
claim(struct sqlite_store *db, struct ledger_claim *c, struct err *e)
{
	int64_t clock_offset = c->clock_offset;
	sqlite3_stmt *st;
	struct found f;

	if (judge(db, c, &f, e) < 0)
		return -1;
	if (c->verdict == LEDGER_MADE || c->verdict == LEDGER_BUSY)
		return 0;
	if (take_mark(db, c, e) < 0)
		return -1;
	if (c->verdict == LEDGER_UNKNOWN) {
		if ((st = db_sql(db, SQL_HOLD, e)) == NULL)
			return -1;
		sqlite3_bind_int64(st, 1, db->number);
		sqlite3_bind_int64(st, 2, c->n);
		return db_run(db, st, e);
	}
	c->clock_offset = clock_offset;
	if (f.free != 0) {
		c->n = f.free;
		return intend(db, c, e);
	}
	c->first_at = c->at = clock_unix_ms();
	c->settled_at = 0;
	return insert(db, c, e);
}

static int
settle(struct sqlite_store *db, struct ledger_claim *c, struct err *e)
{
	sqlite3_stmt *st = db_sql(db, SQL_SETTLE, e);

	if (st == NULL)
		return -1;
	c->settled_at = clock_unix_ms();
	sqlite3_bind_int(st, 1, (int)c->state);
	sqlite3_bind_int64(st, 2, c->settled_at);
	bind_text(st, 3, c->id);
	bind_text(st, 4, c->data);
	sqlite3_bind_int64(st, 5, c->n);
	return db_run(db, st, e);
}

/* Whether another entry holds the candidate. */
static int
look_up(struct sqlite_store *db, const struct ledger_claim *c,
    struct ledger_candidate *one, struct err *e)
{
	sqlite3_stmt *st = db_sql(db, SQL_OWNED, e);
	int rc;

	if (st == NULL)
		return -1;
	sqlite3_bind_int64(st, 1, c->n);
	bind_text(st, 2, one->id);
	rc = sqlite3_step(st);
	one->owned = rc == SQLITE_ROW;
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		db_error(db, e);
	sqlite3_reset(st);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : -1;
}

/* What one other entry in doubt makes of a claim's verdict. */
static void
weigh_rival(struct sqlite_store *db, struct ledger_claim *c, sqlite3_stmt *st)
{
	int64_t n = sqlite3_column_int64(st, 0), owner = sqlite3_column_int64(st, 2);
	bool intended = sqlite3_column_int(st, 1) == STATE_INTENDED;

	if (owner != 0 && liveness_alive(db->live, owner))
		c->verdict = LEDGER_BUSY;
	else if (c->verdict != LEDGER_BUSY &&
	         !(intended && liveness_unsent(db->live, owner, n)))
		c->verdict = LEDGER_UNKNOWN;
}

/* What is left may be another entry's whose outcome is in doubt: BUSY, or UNKNOWN. */
static int
contest(struct sqlite_store *db, struct ledger_claim *c, struct err *e)
{
	sqlite3_stmt *st = db_sql(db, SQL_COMPETING, e);
	int rc;

	if (st == NULL)
		return -1;
	sqlite3_bind_int64(st, 1, c->n);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW)
		weigh_rival(db, c, st);
	if (rc != SQLITE_DONE)
		db_error(db, e);
	sqlite3_reset(st);
	return rc == SQLITE_DONE ? 0 : -1;
}

static int
adopt(struct sqlite_store *db, struct ledger_claim *c, struct err *e)
{
	for (size_t i = 0; i < c->ncandidates; i++)
		if (look_up(db, c, &c->candidates[i], e) < 0)
			return -1;
	ledger_choose(c);
	if (c->verdict == LEDGER_MADE && c->certainty == LEDGER_MATCH &&
	    contest(db, c, e) < 0)
		return -1;
	if (c->verdict != LEDGER_MADE)
		return 0;
	ledger_take(c);
	return settle(db, c, e);
}

static int
mark(struct sqlite_store *db, struct ledger_claim *c, struct err *e)
{
	sqlite3_stmt *st = db_sql(db, SQL_RETIRE, e);

	if (st == NULL)
		return -1;
	sqlite3_bind_int(st, 1, (int)c->state);
	sqlite3_bind_int64(st, 2, clock_unix_ms());
	bind_text(st, 3, c->id);
	bind_text(st, 4, c->operation);
	bind_text(st, 5, c->provider);
	bind_text(st, 6, c->base);
	bind_text(st, 7, c->account);
	c->verdict = LEDGER_MADE;
	return db_run(db, st, e);
}

/* Whether something of the batch needs a transaction. What is known to be made, or busy, is
 * answered from a read alone, so that a run over what is made already writes nothing and waits
 * for nobody. */
static int
needs_writing(struct sqlite_store *db, struct ledger_claim *batch, struct err *e)
{
	struct found f;

	for (struct ledger_claim *c = batch; c != NULL; c = c->next) {
		int64_t clock_offset = c->clock_offset;

		if (c->want != WANT_CLAIM && c->want != WANT_PEEK)
			return 1;
		if (judge(db, c, &f, e) < 0)
			return -1;
		if (c->want == WANT_PEEK || c->verdict == LEDGER_MADE ||
		    c->verdict == LEDGER_BUSY)
			continue;
		c->clock_offset = clock_offset;
		return 1;
	}
	return 0;
}

/* Whether a claim that was held is this process's still. Where its sign of life was removed,
 * another took it for dead; it may say all the same that it was made, which that one will hear
 * before it sends anything. 1, 0 with the claim's verdict ERROR, or -1. */
static int
is_held(struct sqlite_store *db, struct ledger_claim *c, struct err *e)
{
	sqlite3_stmt *st = db_sql(db, SQL_OWNER, e);
	bool held = false;
	int rc;

	if (st == NULL)
		return -1;
	sqlite3_bind_int64(st, 1, c->n);
	sqlite3_bind_blob(st, 2, c->hash, LEDGER_HASH, SQLITE_STATIC);
	if ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		int state = sqlite3_column_int(st, 1);

		held = sqlite3_column_int64(st, 0) == db->number ||
		       (c->want == WANT_SETTLE && c->state == STATE_MADE &&
		           (state == STATE_INTENDED || state == STATE_UNKNOWN));
	} else if (rc != SQLITE_DONE) {
		db_error(db, e);
	}
	sqlite3_reset(st);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return -1;
	if (!held) {
		c->verdict = LEDGER_ERROR;
		err_set(e, CODE_STATE_UNUSABLE,
		    "ledger '%s': another process has taken over what this one worked on",
		    db->file);
	}
	return held;
}

static int
write_held(struct sqlite_store *db, struct ledger_claim *c, struct err *e)
{
	int held = is_held(db, c, e);

	if (held <= 0)
		return held;
	if (c->want == WANT_SETTLE)
		return settle(db, c, e);
	return c->want == WANT_RESEND ? intend(db, c, e) : adopt(db, c, e);
}

/* Within a transaction all is judged anew: what was read before may be otherwise by now. */
static int
write_one(struct sqlite_store *db, struct ledger_claim *c, struct err *e)
{
	struct found ignored;

	switch (c->want) {
	case WANT_CLAIM:
		return claim(db, c, e);
	case WANT_SETTLE:
	case WANT_RESEND:
	case WANT_ADOPT:
		return write_held(db, c, e);
	case WANT_RETIRE:
		return mark(db, c, e);
	case WANT_PEEK:
		return judge(db, c, &ignored, e);
	}
	return 0;
}

/* A batch that failed leaves no new claim behind. */
static int
give_up(struct sqlite_store *db, struct ledger_claim *batch)
{
	db_rollback(db);
	for (struct ledger_claim *c = batch; c != NULL; c = c->next)
		if (c->want == WANT_CLAIM) {
			liveness_mark_free(db->live, c->mark);
			c->mark = -1;
		}
	return -1;
}

int
sqlite_claims_apply(struct ledger_store *s, struct ledger_claim *batch, struct err *e)
{
	struct sqlite_store *db = (struct sqlite_store *)s;
	int rc = needs_writing(db, batch, e);

	if (rc <= 0)
		return rc;
	failpoint("commit-before");
	if (db_begin(db, e) < 0)
		return -1;
	for (struct ledger_claim *c = batch; c != NULL; c = c->next)
		if (write_one(db, c, e) < 0)
			return give_up(db, batch);
	failpoint("commit");
	if (db_commit(db, e) < 0)
		return give_up(db, batch);
	failpoint("commit-after");
	return 0;
}

int
sqlite_claims_recover(struct sqlite_store *db, struct err *e)
{
	sqlite3_stmt *list = db_sql(db, SQL_INTENDED, e);
	sqlite3_stmt *set = db_sql(db, SQL_RECOVER, e);
	int64_t judged = 0;
	bool dead = false;
	int rc;

	if (list == NULL || set == NULL)
		return -1;
	while ((rc = sqlite3_step(list)) == SQLITE_ROW) {
		int64_t n = sqlite3_column_int64(list, 0);
		int64_t owner = sqlite3_column_int64(list, 1);

		if (owner != judged)
			dead = !liveness_alive(db->live, owner);
		judged = owner;
		if (!dead)
			continue;
		sqlite3_bind_int(set, 1,
		    liveness_unsent(db->live, owner, n) ? STATE_NOT_MADE : STATE_UNKNOWN);
		sqlite3_bind_int64(set, 2, n);
		if (db_run(db, set, e) < 0)
			break;
	}
	if (rc != SQLITE_DONE && rc != SQLITE_ROW)
		db_error(db, e);
	sqlite3_reset(list);
	return rc == SQLITE_DONE ? 0 : -1;
}
