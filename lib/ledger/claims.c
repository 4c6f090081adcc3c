#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/hex.h"
#include "base/random.h"
#include "ledger/claims.h"

/* Copies the current row into the claim's answer. */
static void
read_answer(struct ledger_claim *c, struct db_stmt *st)
{
	const char *tag = db_text(st, 7);
	size_t len;
	const void *key = db_blob(st, 10, &len);

	c->n = db_int(st, 0);
	if (len == LEDGER_HASH)
		memcpy(c->key, key, LEDGER_HASH);
	c->first_at = db_int(st, 3);
	c->at = db_int(st, 4);
	c->settled_at = db_int(st, 5);
	c->clock_offset = db_int(st, 6);
	strncpy(c->tag, tag != NULL ? tag : "", LEDGER_TAG);
	claim_set(&c->id, db_text(st, 8));
	claim_set(&c->data, db_text(st, 9));
}

/* Updates the verdict by one row of the key. A made row decides, then an open one; a row that
 * is not made is used again. An intended entry that this process owns counts as unknown: its
 * claim has ended, but its outcome could not be written. An entry of the twin key may have a
 * claim of its own in this process. */
static void
weigh_row(struct db *db, struct ledger_claim *c, struct db_stmt *st)
{
	int64_t n = db_int(st, 0);
	int64_t owner = db_int(st, 2);
	size_t len;
	bool twin = memcmp(db_blob(st, 10, &len), c->hash, LEDGER_HASH) != 0;
	bool busy = db_is_busy(db, owner) || (twin && owner == db->number);
	int state = (int)db_int(st, 1);

	if (state == STATE_INTENDED && owner != db->number && !busy &&
	    db->engine->unsent(db, owner, n))
		state = STATE_NOT_MADE;
	if (state == STATE_MADE && !c->again && c->verdict != LEDGER_MADE)
		c->verdict = LEDGER_MADE;
	else if ((state == STATE_INTENDED || state == STATE_UNKNOWN) &&
	         c->verdict != LEDGER_MADE)
		c->verdict =
		    busy || c->verdict == LEDGER_BUSY ? LEDGER_BUSY : LEDGER_UNKNOWN;
	else if (state != STATE_NOT_MADE || c->verdict != LEDGER_YOURS)
		return;
	read_answer(c, st);
}

/* Sets the claim's verdict from the rows of its key, and n to the row that decided it, or 0.
 * Writes nothing. */
static int
find(struct db *db, struct ledger_claim *c, struct err *e)
{
	struct db_stmt *st = db_sql(db, SQL_FIND, e);
	int rc;

	c->verdict = LEDGER_YOURS;
	c->n = 0;
	memcpy(c->key, c->hash, LEDGER_HASH);
	claim_set(&c->id, NULL);
	claim_set(&c->data, NULL);
	db_bind_blob(st, 1, c->hash, LEDGER_HASH);
	db_bind_blob(st, 2, c->twin, LEDGER_HASH);
	db_bind_text(st, 3, c->sent_name);
	while ((rc = db_step(st, e)) > 0)
		weigh_row(db, c, st);
	return rc;
}

static int
insert(struct db *db, struct ledger_claim *c, struct err *e)
{
	unsigned char tag[LEDGER_TAG / 2];
	struct ledger_entry entry = {.tag = c->tag,
	    .data = c->intent,
	    .operation = c->operation,
	    .provider = c->provider,
	    .base = c->base,
	    .account = c->account,
	    .subject = c->subject,
	    .name = c->name,
	    .options = c->options,
	    .sent_name = c->sent_name,
	    .file = c->file,
	    .unit = c->unit,
	    .amount = c->amount,
	    .first_at = clock_unix_ms(),
	    .clock_offset = c->intent_offset};

	random_fill(tag, sizeof tag);
	hex_of(c->tag, tag, sizeof tag);
	c->first_at = c->at = entry.at = entry.first_at;
	c->settled_at = 0;
	c->clock_offset = c->intent_offset;
	c->n = db_insert(db, 0, c->hash, STATE_INTENDED, db->number, &entry, e);
	return c->n < 0 ? -1 : 0;
}

/* Intends an entry once more. Its id and data were those of an earlier attempt. The time of
 * the intent is later than the last one, also by a clock that was put back: with the tag it
 * identifies the intent. */
static int
intend(struct db *db, struct ledger_claim *c, struct err *e)
{
	struct db_stmt *st = db_sql(db, SQL_INTEND, e);

	int64_t now = clock_unix_ms();

	c->at = now > c->at ? now : c->at + 1;
	c->settled_at = 0;
	c->clock_offset = c->intent_offset;
	claim_set(&c->id, NULL);
	claim_set(&c->data, NULL);
	c->verdict = LEDGER_YOURS;
	db_bind_int(st, 1, db->number);
	db_bind_int(st, 2, c->at);
	db_bind_int(st, 3, c->clock_offset);
	db_bind_text(st, 4, c->intent);
	db_bind_text(st, 5, c->file);
	db_bind_text(st, 6, c->unit);
	db_bind_real(st, 7, c->amount);
	db_bind_int(st, 8, c->n);
	return db_run(st, e);
}

/* Makes this process the owner of an unknown entry. */
static int
hold(struct db *db, struct ledger_claim *c, struct err *e)
{
	struct db_stmt *st = db_sql(db, SQL_HOLD, e);

	db_bind_int(st, 1, db->number);
	db_bind_int(st, 2, c->n);
	return db_run(st, e);
}

static int
claim(struct db *db, struct ledger_claim *c, struct err *e)
{
	if (find(db, c, e) < 0)
		return -1;
	if (c->verdict == LEDGER_MADE || c->verdict == LEDGER_BUSY)
		return 0;
	if ((c->mark = db->engine->mark_take(db, e)) < 0)
		return -1;
	if (c->verdict == LEDGER_UNKNOWN)
		return hold(db, c, e);
	return c->n != 0 ? intend(db, c, e) : insert(db, c, e);
}

/* Entries older than this are not confused with a new one in the service's list. */
#define SIMILAR_MS 900000

static int
claim_similar(struct db *db, struct ledger_claim *c, struct err *e)
{
	const char *where[] = {c->operation, c->provider, c->base, c->account};
	struct db_stmt *st = db_sql(db, SQL_SIMILAR, e);
	int rc;

	c->verdict = LEDGER_MADE;
	db_bind_text(st, 1, c->intent);
	db_bind_int(st, 2, clock_unix_ms() - SIMILAR_MS);
	db_bind_blob(st, 3, c->hash, LEDGER_HASH);
	db_bind_blob(st, 4, c->twin, LEDGER_HASH);
	for (int i = 0; i < 4; i++)
		db_bind_text(st, 5 + i, where[i]);
	while ((rc = db_step(st, e)) > 0) {
		int64_t owner = db_int(st, 2);
		size_t len;
		const void *key = db_blob(st, 10, &len);

		if (owner == db->number || db_is_busy(db, owner) || len != LEDGER_HASH)
			continue;
		memcpy(c->hash, key, LEDGER_HASH);
		read_answer(c, st);
		c->verdict = LEDGER_UNKNOWN;
		db_reset(st);
		return (c->mark = db->engine->mark_take(db, e)) < 0 ? -1 : hold(db, c, e);
	}
	return rc;
}

static int
settle(struct db *db, struct ledger_claim *c, struct err *e)
{
	struct db_stmt *st = db_sql(db, SQL_SETTLE, e);

	c->settled_at = clock_unix_ms();
	db_bind_int(st, 1, (int)c->state);
	db_bind_int(st, 2, c->settled_at);
	db_bind_text(st, 3, c->id);
	db_bind_text(st, 4, c->data);
	db_bind_int(st, 5, c->state == STATE_MADE ? c->sent_at : 0);
	db_bind_int(st, 6, c->n);
	return db_run(st, e);
}

/* A candidate that fits by its fields may also be what another open entry made. Sets the
 * verdict BUSY if that entry has an owner that lives (this process counts), else UNKNOWN. */
static int
find_competing(struct db *db, struct ledger_claim *c, struct err *e)
{
	struct db_stmt *st = db_sql(db, SQL_COMPETING, e);
	int rc;

	db_bind_int(st, 1, c->n);
	while ((rc = db_step(st, e)) > 0) {
		int64_t n = db_int(st, 0);
		int64_t owner = db_int(st, 2);
		bool intended = (int)db_int(st, 1) == STATE_INTENDED;

		if (owner == db->number || db_is_busy(db, owner))
			c->verdict = LEDGER_BUSY;
		else if (c->verdict != LEDGER_BUSY &&
		         !(intended && db->engine->unsent(db, owner, n)))
			c->verdict = LEDGER_UNKNOWN;
	}
	return rc;
}

static int
adopt(struct db *db, struct ledger_claim *c, struct err *e)
{
	const struct ledger_candidate *chosen = NULL;

	c->verdict = LEDGER_YOURS;
	for (size_t i = 0; i < c->ncandidates; i++) {
		const struct ledger_candidate *one = &c->candidates[i];
		struct db_stmt *st = db_sql(db, SQL_OWNED, e);
		int owned;

		db_bind_int(st, 1, c->n);
		db_bind_text(st, 2, one->id);
		if ((owned = db_run(st, e)) < 0)
			return -1;
		if (owned || (chosen != NULL && strcmp(chosen->id, one->id) == 0))
			continue;
		if (chosen != NULL || c->certainty == LEDGER_MAYBE) {
			c->verdict = LEDGER_UNKNOWN;
			return 0;
		}
		c->verdict = LEDGER_MADE;
		chosen = one;
	}
	if (c->verdict == LEDGER_MADE && c->certainty == LEDGER_MATCH &&
	    find_competing(db, c, e) < 0)
		return -1;
	if (c->verdict != LEDGER_MADE)
		return 0;
	c->state = STATE_MADE;
	claim_set(&c->id, chosen->id);
	claim_set(&c->data, chosen->data);
	return settle(db, c, e);
}

static int
retire(struct db *db, struct ledger_claim *c, struct err *e)
{
	struct db_stmt *st = db_sql(db, SQL_RETIRE, e);

	db_bind_int(st, 1, (int)c->state);
	db_bind_int(st, 2, clock_unix_ms());
	db_bind_text(st, 3, c->id);
	db_bind_text(st, 4, c->operation);
	db_bind_text(st, 5, c->provider);
	db_bind_text(st, 6, c->base);
	db_bind_text(st, 7, c->account);
	c->verdict = LEDGER_MADE;
	return db_run(st, e);
}

/* 1 if the batch needs a transaction. Claims that are made or busy are answered by reading, so
 * a run over finished work writes nothing and waits for no other process. */
static int
needs_writing(struct db *db, struct ledger_claims *batch, struct err *e)
{
	struct ledger_claim *c;

	STAILQ_FOREACH (c, batch, link) {
		if (c->want != WANT_CLAIM && c->want != WANT_PEEK)
			return 1;
		if (find(db, c, e) < 0)
			return -1;
		if (c->want == WANT_CLAIM && c->verdict != LEDGER_MADE &&
		    c->verdict != LEDGER_BUSY)
			return 1;
	}
	return 0;
}

/* 1 if this process still owns the claim's entry; 0 with the verdict ERROR, or -1. Another
 * process may have taken us for dead (our file of ledger/liveness.h was removed) and claimed
 * the entry; then only "made" may still be written, since it looks before it sends. */
static int
is_owned(struct db *db, struct ledger_claim *c, struct err *e)
{
	struct db_stmt *st = db_sql(db, SQL_OWNER, e);
	bool owned = false;
	int rc;

	db_bind_int(st, 1, c->n);
	db_bind_blob(st, 2, c->hash, LEDGER_HASH);
	db_bind_blob(st, 3, c->twin, LEDGER_HASH);
	if ((rc = db_step(st, e)) > 0) {
		int state = (int)db_int(st, 1);

		owned = db_int(st, 0) == db->number ||
		        (c->want == WANT_SETTLE && c->state == STATE_MADE &&
		            (state == STATE_INTENDED || state == STATE_UNKNOWN));
		db_reset(st);
	}
	if (rc < 0)
		return -1;
	if (!owned) {
		c->verdict = LEDGER_ERROR;
		err_set(e, CODE_STATE_UNUSABLE,
		    "ledger '%s': another process has taken over what this one worked on",
		    db->name);
	}
	return owned;
}

/* Reads again inside the transaction; another process may have changed the rows. */
static int
write_one(struct db *db, struct ledger_claim *c, struct err *e)
{
	int owned = 1;

	if (c->want == WANT_SETTLE || c->want == WANT_RESEND || c->want == WANT_ADOPT)
		owned = is_owned(db, c, e);
	if (owned <= 0)
		return owned;
	switch (c->want) {
	case WANT_CLAIM:
		return claim(db, c, e);
	case WANT_SIMILAR:
		return claim_similar(db, c, e);
	case WANT_SETTLE:
		return settle(db, c, e);
	case WANT_RESEND:
		return intend(db, c, e);
	case WANT_ADOPT:
		return adopt(db, c, e);
	case WANT_RETIRE:
		return retire(db, c, e);
	case WANT_PEEK:
		return find(db, c, e);
	}
	return 0;
}

/* Rolls back. New claims give their marks back. */
static int
give_up(struct db *db, struct ledger_claims *batch)
{
	struct ledger_claim *c;

	db_rollback(db);
	STAILQ_FOREACH (c, batch, link)
		if (c->want == WANT_CLAIM || c->want == WANT_SIMILAR)
			db->engine->mark_free(db, c->mark);
	return -1;
}

int
claims_apply(struct db *db, struct ledger_claims *batch, struct err *e)
{
	int rc = needs_writing(db, batch, e);
	struct ledger_claim *c;

	if (rc <= 0)
		return rc;
	failpoint("commit-before");
	if (db_begin(db, e) < 0)
		return -1;
	STAILQ_FOREACH (c, batch, link)
		if (write_one(db, c, e) < 0)
			return give_up(db, batch);
	failpoint("commit");
	if (db_commit(db, e) < 0)
		return give_up(db, batch);
	failpoint("commit-after");
	return 0;
}

int
claims_recover(struct db *db, struct err *e)
{
	struct db_stmt *list = db_sql(db, SQL_INTENDED, e);
	struct db_stmt *set = db_sql(db, SQL_RECOVER, e);
	int64_t last = 0;
	bool dead = false;
	int rc;

	while ((rc = db_step(list, e)) > 0) {
		int64_t n = db_int(list, 0);
		int64_t owner = db_int(list, 1);

		if (owner != last)
			dead = !db->engine->alive(db, owner);
		last = owner;
		if (!dead)
			continue;
		db_bind_int(set, 1,
		    db->engine->unsent(db, owner, n) ? STATE_NOT_MADE : STATE_UNKNOWN);
		db_bind_int(set, 2, n);
		if (db_run(set, e) < 0) {
			db_reset(list);
			return -1;
		}
	}
	return rc;
}
