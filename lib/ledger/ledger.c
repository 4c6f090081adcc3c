#include <pthread.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/file.h"
#include "base/hashset.h"
#include "base/hex.h"
#include "base/mem.h"
#include "ledger/claims.h"
#include "ledger/key.h"
#include "ledger/ledger.h"
#include "ledger/postgres.h"
#include "ledger/sqlite.h"

struct ledger {
	struct db *db;
	struct loop *loop;
	struct deferred deferred;
	void *claims;          /* tsearch(3): the first claim of each key */
	struct hashset peeked; /* dry run: keys that an earlier record would have made */
	struct ledger_claims queue;
	struct ledger_claims unsettled; /* outcomes that failed to commit */
	struct ledger_claims batch;     /* being committed, or called back */
	int failed;                     /* -1 with err if the commit failed */
	struct err err;
	bool closing;         /* call nobody back, claim nothing more */
	bool lasts;           /* on a disk, which is waited for on a thread */
	pthread_mutex_t lock; /* over committing */
	pthread_cond_t committed;
	bool committing; /* the batch is with the thread */
};

struct db *
ledger_db(struct ledger *l)
{
	return l->db;
}

static int
by_hash(const void *a, const void *b)
{
	const struct ledger_claim *one = a, *two = b;

	return memcmp(one->hash, two->hash, LEDGER_HASH);
}

static void start(void *arg);

/* Queues a claim for the next commit. */
static void
enqueue(struct ledger_claim *c, enum ledger_want want)
{
	struct ledger *l = c->ledger;

	c->want = want;
	STAILQ_INSERT_TAIL(&l->queue, c, link);
	if (l->loop != NULL && STAILQ_EMPTY(&l->batch))
		loop_defer(l->loop, &l->deferred, start, l);
}

/* Removes a finished claim from the tree. Its waiters share the answer if it holds for them;
 * otherwise the first waiter is claimed next. */
static void
hand_over(struct ledger_claim *c, bool shared, struct ledger_claims *answered)
{
	struct ledger *l = c->ledger;
	struct ledger_claim **node = tfind(c, &l->claims, by_hash), *w;
	struct ledger_claims rest = STAILQ_HEAD_INITIALIZER(rest);

	/* Another claim is there if c is an outcome that is committed late. */
	if (node == NULL || *node != c)
		return;
	while (!l->closing && (w = STAILQ_FIRST(&c->waiters)) != NULL) {
		STAILQ_REMOVE_HEAD(&c->waiters, link);
		STAILQ_INSERT_TAIL(shared && !w->again ? answered : &rest, w, link);
	}
	w = STAILQ_FIRST(&rest);
	if (w == NULL) {
		tdelete(c, &l->claims, by_hash);
		return;
	}
	STAILQ_REMOVE_HEAD(&rest, link);
	STAILQ_CONCAT(&w->waiters, &rest);
	*node = w;
	enqueue(w, WANT_CLAIM);
}

/* Calls back for c with the answer of `from`, c itself or the claim that c waited for. */
static void
answer(
    struct ledger_claim *c, enum ledger_verdict verdict, const struct ledger_claim *from)
{
	struct ledger_answer a = {.verdict = verdict,
	    .err = verdict == LEDGER_ERROR ? &c->ledger->err : NULL,
	    .first_at = from->first_at,
	    .at = from->at,
	    .settled_at = from->settled_at,
	    .clock_offset = from->clock_offset};
	char key[2 * LEDGER_HASH + 1];

	if (c->fn == NULL || c->ledger->closing)
		return;
	if (verdict == LEDGER_MADE || verdict == LEDGER_UNKNOWN) {
		a.id = from->id;
		a.data = from->data;
	}
	if ((verdict == LEDGER_YOURS || verdict == LEDGER_UNKNOWN) &&
	    c->want != WANT_PEEK)
		a.tag = from->tag;
	hex_of(key, from->key, LEDGER_HASH);
	a.key = key;
	c->fn(c->arg, &a);
}

/* Ends a claim: calls back, also those waiters that share the answer. */
static void
end(struct ledger_claim *c, enum ledger_verdict verdict)
{
	struct ledger *l = c->ledger;
	struct ledger_claims answered = STAILQ_HEAD_INITIALIZER(answered);
	struct ledger_claim *w;
	bool shared = verdict == LEDGER_MADE || verdict == LEDGER_BUSY ||
	              (verdict == LEDGER_ERROR && c->want == WANT_CLAIM);

	hand_over(c, shared, &answered);
	answer(c, verdict, c);
	STAILQ_FOREACH (w, &answered, link)
		answer(w, verdict, c);
	claim_free_all(&answered);
	if (c->want == WANT_SETTLE && l->failed < 0) {
		c->fn = NULL;
		STAILQ_INSERT_TAIL(&l->unsettled, c, link);
	} else {
		claim_free(c);
	}
}

/* This process owns the claim's entry now. Nobody wants it if it was cancelled meanwhile. */
static void
hold(struct ledger_claim *c)
{
	bool unsent = c->verdict == LEDGER_YOURS && c->want != WANT_ADOPT;
	bool unwanted = c->cancelled || (c->ledger->closing && c->want == WANT_CLAIM);

	if (!unwanted)
		answer(c, c->verdict, c);
	else
		ledger_settle(c, unsent ? LEDGER_IS_NOT_MADE : LEDGER_IS_UNKNOWN, NULL,
		    NULL, NULL, NULL);
}

static void
finish_one(struct ledger_claim *c)
{
	static const enum ledger_verdict settled[] = {
	    [STATE_MADE] = LEDGER_MADE,
	    [STATE_UNKNOWN] = LEDGER_UNKNOWN,
	    [STATE_NOT_MADE] = LEDGER_YOURS,
	};
	struct ledger *l = c->ledger;

	/* Another record's claim of that entry goes on with it. */
	if (c->want == WANT_SIMILAR && l->failed == 0 && c->verdict == LEDGER_UNKNOWN &&
	    *(struct ledger_claim **)mem_checked(tsearch(c, &l->claims, by_hash)) != c) {
		l->db->engine->mark_free(l->db, c->mark);
		c->verdict = LEDGER_MADE;
	}
	if (l->failed < 0 || c->verdict == LEDGER_ERROR) {
		end(c, LEDGER_ERROR);
	} else if (c->want == WANT_SETTLE ||
	           (c->want == WANT_ADOPT && c->verdict == LEDGER_MADE)) {
		l->db->engine->mark_free(l->db, c->mark);
		end(c, settled[c->state]);
	} else if (c->want == WANT_PEEK) {
		if (c->verdict == LEDGER_YOURS && !c->again &&
		    !hashset_add(&l->peeked, c->hash))
			c->verdict = LEDGER_MADE;
		end(c, c->verdict);
	} else if (c->want == WANT_ADOPT || c->verdict == LEDGER_YOURS ||
	           c->verdict == LEDGER_UNKNOWN) {
		hold(c);
	} else {
		end(c, c->verdict);
	}
}

/* Commits the batch on a thread. */
static void
commit(void *arg)
{
	struct ledger *l = arg;

	do
		l->failed = claims_apply(l->db, &l->batch, &l->err);
	while (l->failed < 0 && db_again(l->db, &l->err));
	pthread_mutex_lock(&l->lock);
	l->committing = false;
	pthread_cond_signal(&l->committed);
	pthread_mutex_unlock(&l->lock);
}

static void
finish(void *arg)
{
	struct ledger *l = arg;
	struct ledger_claims batch = STAILQ_HEAD_INITIALIZER(batch);
	struct ledger_claim *c;

	STAILQ_CONCAT(&batch, &l->batch);
	while ((c = STAILQ_FIRST(&batch)) != NULL) {
		STAILQ_REMOVE_HEAD(&batch, link);
		finish_one(c);
	}
	if (l->loop != NULL && !STAILQ_EMPTY(&l->queue))
		loop_defer(l->loop, &l->deferred, start, l);
}

/* Takes the queue as the next batch. Outcomes that failed to commit go first. */
static void
take_queue(struct ledger *l)
{
	STAILQ_CONCAT(&l->batch, &l->unsettled);
	STAILQ_CONCAT(&l->batch, &l->queue);
}

static void
flush(struct ledger *l)
{
	take_queue(l);
	commit(l);
	finish(l);
}

static void
start(void *arg)
{
	struct ledger *l = arg;

	if (STAILQ_EMPTY(&l->queue) || !STAILQ_EMPTY(&l->batch))
		return;
	if (!l->lasts) {
		flush(l);
		return;
	}
	take_queue(l);
	l->committing = true;
	loop_work(l->loop, commit, finish, l);
}

void
ledger_flush(struct ledger *l)
{
	while (!STAILQ_EMPTY(&l->queue))
		flush(l);
}

const char *
ledger_choose(const char *option, enum config_source *source)
{
	return config_choose(
	    option, getenv("AV_LEDGER"), config_get("ledger"), NULL, source);
}

bool
ledger_lasts(const char *option)
{
	const char *chosen = ledger_choose(option, NULL);

	return chosen == NULL || strcmp(chosen, "none") != 0;
}

bool
ledger_is_remote(const char *name)
{
	return postgres_is(name);
}

int
ledger_init(const char *file, int *lease_s, struct err *e)
{
	const char *chosen;
	struct ledger *l;

	if (config_load(e) < 0)
		return -1;
	chosen = ledger_choose(file, NULL);
	if (chosen != NULL && postgres_is(chosen))
		return postgres_init(chosen, lease_s, e);
	l = ledger_open(file, NULL, e);
	if (l == NULL)
		return -1;
	ledger_free(l);
	*lease_s = 0;
	return 0;
}

struct ledger *
ledger_open(const char *file, struct loop *loop, struct err *e)
{
	struct ledger *l = mem_new(1, sizeof *l);
	char *path = NULL;

	l->loop = loop;
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->committed, NULL);
	STAILQ_INIT(&l->queue);
	STAILQ_INIT(&l->batch);
	STAILQ_INIT(&l->unsettled);
	if (config_load(e) < 0)
		file = NULL;
	else if ((file = ledger_choose(file, NULL)) == NULL)
		file = path = file_state_path("ledger.db", e);
	if (file != NULL) {
		l->lasts = strcmp(file, "none") != 0;
		l->db = postgres_is(file) ? postgres_open(file, e)
		                          : sqlite_open(l->lasts ? file : NULL, e);
	}
	free(path);
	if (l->db != NULL)
		return l;
	ledger_free(l);
	return NULL;
}

/* Waits for the commit thread, since the loop no longer runs. */
static void
finish_batch(struct ledger *l)
{
	pthread_mutex_lock(&l->lock);
	while (l->committing)
		pthread_cond_wait(&l->committed, &l->lock);
	pthread_mutex_unlock(&l->lock);
	finish(l);
}

void
ledger_free(struct ledger *l)
{
	if (l == NULL)
		return;
	l->loop = NULL;
	l->closing = true;
	finish_batch(l);
	ledger_flush(l);
	if (!STAILQ_EMPTY(&l->unsettled))
		flush(l);
	claim_free_all(&l->unsettled);
	while (l->claims != NULL) {
		struct ledger_claim *c = *(struct ledger_claim **)l->claims;

		tdelete(c, &l->claims, by_hash);
		claim_free(c);
	}
	db_close(l->db);
	hashset_release(&l->peeked);
	pthread_cond_destroy(&l->committed);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

static struct ledger_claim *
claim_new(struct ledger *l, const struct ledger_ask *ask, ledger_fn *fn, void *arg)
{
	const struct ledger_key *key = &ask->key;
	struct ledger_key twin = *key;
	struct ledger_claim *c = mem_new(1, sizeof *c);

	*c = (struct ledger_claim){.ledger = l,
	    .again = ask->again,
	    .operation = mem_str(key->operation),
	    .provider = mem_str(key->provider),
	    .base = ledger_key_base(key->base),
	    .account = mem_str(key->account),
	    .subject = mem_str(key->subject),
	    .name = mem_str(key->name),
	    .options = ledger_key_options(key->options, key->noptions),
	    .sent_name = mem_str(ask->sent_name),
	    .file = mem_str(ask->file),
	    .unit = mem_str(ask->unit),
	    .amount = ask->amount,
	    .intent = mem_str(ask->data),
	    .intent_offset = ask->clock_offset,
	    .mark = -1,
	    .fn = fn,
	    .arg = arg,
	    .waiters = STAILQ_HEAD_INITIALIZER(c->waiters)};
	ledger_key_hash(key, c->options, c->hash);
	twin.name = key->name == NULL ? ask->sent_name : NULL;
	ledger_key_hash(&twin, c->options, c->twin);
	return c;
}

struct ledger_claim *
ledger_claim(struct ledger *l, const struct ledger_ask *ask, ledger_fn *fn, void *arg)
{
	struct ledger_claim *c = claim_new(l, ask, fn, arg);
	struct ledger_claim **node = mem_checked(tsearch(c, &l->claims, by_hash));

	if (*node == c)
		enqueue(c, WANT_CLAIM);
	else
		STAILQ_INSERT_TAIL(&(*node)->waiters, c, link);
	return c;
}

struct ledger_claim *
ledger_claim_similar(
    struct ledger *l, const struct ledger_ask *ask, ledger_fn *fn, void *arg)
{
	struct ledger_claim *c = claim_new(l, ask, fn, arg);

	enqueue(c, WANT_SIMILAR);
	return c;
}

void
ledger_peek(struct ledger *l, const struct ledger_ask *ask, ledger_fn *fn, void *arg)
{
	enqueue(claim_new(l, ask, fn, arg), WANT_PEEK);
}

void
ledger_claim_mark(const struct ledger_claim *c, char mark[LEDGER_KEY_MARK])
{
	hex_of(mark, c->hash, LEDGER_KEY_MARK / 2);
}

void
ledger_cancel(struct ledger_claim *c)
{
	struct ledger_claim **node = tfind(c, &c->ledger->claims, by_hash), *w;

	if (node != NULL)
		STAILQ_FOREACH (w, &(*node)->waiters, link)
			if (w == c) {
				STAILQ_REMOVE(&(*node)->waiters, c, ledger_claim, link);
				claim_free(c);
				return;
			}
	c->fn = NULL;
	c->cancelled = true;
}

int
ledger_sending(struct ledger_claim *c)
{
	struct db *db = c->ledger->db;

	int noted = 1;

	if (!c->sent || db->engine->may_send != NULL)
		noted = db->engine->sending(db, c->mark, c->n, &c->lease);
	c->sent = c->sent || noted > 0;
	if (noted > 0)
		c->sent_at = clock_unix_ms();
	return noted;
}

bool
ledger_may_send(const struct ledger_claim *c)
{
	struct db *db = c->ledger->db;

	return db->engine->may_send == NULL || db->engine->may_send(db, c->lease);
}

unsigned
ledger_line_seconds(const struct ledger *l)
{
	return l != NULL ? l->db->line_seconds : 0;
}

void
ledger_settle(struct ledger_claim *c, enum ledger_outcome outcome, const char *id,
    const char *data, ledger_fn *fn, void *arg)
{
	static const enum ledger_state states[] = {
	    [LEDGER_IS_MADE] = STATE_MADE,
	    [LEDGER_IS_NOT_MADE] = STATE_NOT_MADE,
	    [LEDGER_IS_UNKNOWN] = STATE_UNKNOWN,
	};

	c->state = states[outcome];
	/* Keep the id and data of an earlier attempt as long as the outcome is unknown. */
	if (outcome != LEDGER_IS_UNKNOWN || id != NULL)
		claim_set(&c->id, id);
	if (outcome != LEDGER_IS_UNKNOWN || data != NULL)
		claim_set(&c->data, data);
	else if (c->data == NULL)
		claim_set(&c->data, c->intent);
	c->fn = fn;
	c->arg = arg;
	enqueue(c, WANT_SETTLE);
}

void
ledger_resend(struct ledger_claim *c, int64_t clock_offset, ledger_fn *fn, void *arg)
{
	c->intent_offset = clock_offset;
	c->sent = false;
	c->fn = fn;
	c->arg = arg;
	enqueue(c, WANT_RESEND);
}

void
ledger_adopt(struct ledger_claim *c, const char *const *candidates, size_t n,
    const char *const *data, enum ledger_certainty certainty, ledger_fn *fn, void *arg)
{
	claim_free_candidates(c);
	c->candidates = mem_new(n, sizeof *c->candidates);
	c->ncandidates = n;
	c->certainty = certainty;
	for (size_t i = 0; i < n; i++) {
		c->candidates[i].id = mem_str(candidates[i]);
		c->candidates[i].data = mem_str(data != NULL ? data[i] : NULL);
	}
	c->fn = fn;
	c->arg = arg;
	enqueue(c, WANT_ADOPT);
}

void
ledger_retire(struct ledger *l, const struct ledger_key *where, const char *id,
    enum ledger_fate fate, ledger_fn *fn, void *arg)
{
	struct ledger_claim *c =
	    claim_new(l, &(struct ledger_ask){.key = *where}, fn, arg);

	c->id = mem_str(id);
	c->state = fate == LEDGER_FAILED ? STATE_FAILED : STATE_GONE;
	enqueue(c, WANT_RETIRE);
}
