#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hashset.h"
#include "base/mem.h"
#include "ledger/key.h"
#include "ledger/ledger.h"
#include "ledger/sqlite.h"

struct list {
	struct ledger_claim *first, **last;
};

struct ledger {
	struct ledger_store *store;
	struct loop *loop;
	struct hashset peeked; /* keys that would be made by now */
	struct deferred deferred;
	struct list queue;
	struct list unsettled;      /* outcomes that could not be committed yet */
	struct ledger_claim *batch; /* being committed */
	int failed;                 /* how that went */
	struct err err;
	pthread_mutex_t lock; /* over committing */
	pthread_cond_t committed;
	bool committing;             /* the batch is with the thread */
	struct ledger_claim **table; /* by hash: claims that are queued or held */
	size_t size, count;          /* size is a power of two */
};

struct ledger_store *
ledger_store(struct ledger *l)
{
	return l->store;
}

/* Lists and the table. */

static void
append(struct list *l, struct ledger_claim *c)
{
	if (l->first == NULL)
		l->last = &l->first;
	c->next = NULL;
	*l->last = c;
	l->last = &c->next;
}

static struct ledger_claim **
bucket(const struct ledger *l, const unsigned char *hash)
{
	size_t i;

	memcpy(&i, hash, sizeof i);
	return &l->table[i & (l->size - 1)];
}

static void
table_insert(struct ledger *l, struct ledger_claim *c)
{
	struct ledger_claim **b = bucket(l, c->hash);

	c->chain = *b;
	*b = c;
}

static void
table_grow(struct ledger *l)
{
	struct ledger_claim **old = l->table;
	size_t size = l->size;

	l->size = size * 2;
	l->table = mem_new(l->size, sizeof *l->table);
	for (size_t i = 0; i < size; i++)
		for (struct ledger_claim *c = old[i], *next; c != NULL; c = next) {
			next = c->chain;
			table_insert(l, c);
		}
	free(old);
}

static struct ledger_claim *
table_find(const struct ledger *l, const unsigned char *hash)
{
	struct ledger_claim *c = *bucket(l, hash);

	while (c != NULL && memcmp(c->hash, hash, LEDGER_HASH) != 0)
		c = c->chain;
	return c;
}

static void
table_remove(struct ledger *l, struct ledger_claim *c)
{
	struct ledger_claim **p = bucket(l, c->hash);

	while (*p != NULL && *p != c)
		p = &(*p)->chain;
	if (*p != NULL) {
		*p = c->chain;
		l->count--;
	}
}

/* Claims. */

static void
free_waiters(struct ledger_claim *c)
{
	for (struct ledger_claim *w = c->waiters, *next; w != NULL; w = next) {
		next = w->next;
		claim_free(w);
	}
}

static void start(void *arg);

/* Puts a claim among those of the next commit. */
static void
enqueue(struct ledger_claim *c, enum ledger_want want)
{
	struct ledger *l = c->ledger;

	c->want = want;
	append(&l->queue, c);
	if (l->loop != NULL && l->batch == NULL)
		loop_defer(l->loop, &l->deferred, start, l);
}

/* Takes a claim that is ended out of the table. Those that waited for it get the same answer
 * where it serves them too, else the first of them has its turn. */
static struct ledger_claim *
succeed(struct ledger_claim *c, bool shared, struct list *answered)
{
	struct ledger *l = c->ledger;
	struct ledger_claim *heir = NULL, *w = c->waiters, *next;
	struct list rest = {0};

	table_remove(l, c);
	c->waiters = NULL;
	for (; w != NULL; w = next) {
		next = w->next;
		if (shared && !w->again)
			append(answered, w);
		else if (heir == NULL)
			heir = w;
		else
			append(&rest, w);
	}
	if (heir == NULL)
		return NULL;
	heir->waiters = rest.first;
	table_insert(l, heir);
	l->count++;
	enqueue(heir, WANT_CLAIM);
	return heir;
}

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

	if (c->fn == NULL)
		return;
	if (verdict == LEDGER_MADE || verdict == LEDGER_UNKNOWN) {
		a.id = from->id;
		a.data = from->data;
	}
	if ((verdict == LEDGER_YOURS || verdict == LEDGER_UNKNOWN) &&
	    c->want != WANT_PEEK)
		a.tag = from->tag;
	c->fn(c->arg, &a);
}

/* Ends a claim whose outcome is answered: calls back, and serves or wakes who waited. */
static void
end(struct ledger_claim *c, enum ledger_verdict verdict)
{
	struct ledger *l = c->ledger;
	struct list answered = {0};
	bool shared = verdict == LEDGER_MADE || verdict == LEDGER_BUSY ||
	              (verdict == LEDGER_ERROR && c->want == WANT_CLAIM);

	if (c->want != WANT_RETIRE && c->want != WANT_PEEK)
		succeed(c, shared, &answered);
	answer(c, verdict, c);
	for (struct ledger_claim *w = answered.first, *next; w != NULL; w = next) {
		next = w->next;
		answer(w, verdict, c);
		claim_free(w);
	}
	if (c->want == WANT_SETTLE && l->failed < 0) {
		c->fn = NULL;
		append(&l->unsettled, c);
	} else {
		claim_free(c);
	}
}

/* A claim that is this process's now. */
static void
hold(struct ledger_claim *c)
{
	bool unsent = c->verdict == LEDGER_YOURS && c->want != WANT_ADOPT;

	c->held = true;
	claim_free_parts(c);
	claim_free_candidates(c);
	if (!c->cancelled)
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

	if (l->failed < 0 || c->verdict == LEDGER_ERROR) {
		end(c, LEDGER_ERROR);
	} else if (c->want == WANT_SETTLE ||
	           (c->want == WANT_ADOPT && c->verdict == LEDGER_MADE)) {
		l->store->ops->let_go(l->store, c);
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

static void
commit(void *arg)
{
	struct ledger *l = arg;

	l->failed = l->store->ops->apply(l->store, l->batch, &l->err);
}

/* The same on a thread of its own. */
static void
commit_aside(void *arg)
{
	struct ledger *l = arg;

	commit(l);
	pthread_mutex_lock(&l->lock);
	l->committing = false;
	pthread_cond_signal(&l->committed);
	pthread_mutex_unlock(&l->lock);
}

static void
finish(void *arg)
{
	struct ledger *l = arg;

	for (struct ledger_claim *c = l->batch, *next; c != NULL; c = next) {
		next = c->next;
		finish_one(c);
	}
	l->batch = NULL;
	if (l->loop != NULL && l->queue.first != NULL)
		loop_defer(l->loop, &l->deferred, start, l);
}

/* First what is owed to the ledger: nothing new is begun before it is told. */
static void
take_queue(struct ledger *l)
{
	l->batch = l->queue.first;
	l->queue.first = NULL;
	if (l->unsettled.first == NULL)
		return;
	*l->unsettled.last = l->batch;
	l->batch = l->unsettled.first;
	l->unsettled.first = NULL;
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

	if (l->batch != NULL || l->queue.first == NULL)
		return;
	take_queue(l);
	l->committing = true;
	loop_work(l->loop, commit_aside, finish, l);
}

/* Nobody is to be called back any more, and nothing new begun. */
static void
silence(struct ledger_claim *c)
{
	for (; c != NULL; c = c->next) {
		c->fn = NULL;
		c->cancelled = c->want == WANT_CLAIM && !c->held;
		silence(c->waiters);
	}
}

static struct ledger *
ledger_new(struct loop *loop)
{
	struct ledger *l = mem_new(1, sizeof *l);

	l->loop = loop;
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->committed, NULL);
	l->size = 256;
	l->table = mem_new(l->size, sizeof *l->table);
	return l;
}

struct ledger *
ledger_open(const char *file, struct loop *loop, struct err *e)
{
	struct ledger *l = ledger_new(loop);
	char *path = NULL;

	if (file == NULL)
		file = getenv("AV_LEDGER");
	if (file == NULL || file[0] == '\0')
		file = path = file_state_path("ledger.db", e);
	if (file != NULL)
		l->store = ledger_sqlite_open(strcmp(file, "none") != 0 ? file : NULL, e);
	free(path);
	if (l->store != NULL)
		return l;
	ledger_free(l);
	return NULL;
}

/* Waits for the thread and ends what it did; the loop does not any more. */
static void
finish_batch(struct ledger *l)
{
	l->loop = NULL;
	pthread_mutex_lock(&l->lock);
	while (l->committing)
		pthread_cond_wait(&l->committed, &l->lock);
	pthread_mutex_unlock(&l->lock);
	silence(l->batch);
	finish(l);
}

void
ledger_free(struct ledger *l)
{
	if (l == NULL)
		return;
	finish_batch(l);
	silence(l->queue.first);
	for (size_t i = 0; i < l->size; i++)
		for (struct ledger_claim *c = l->table[i]; c != NULL; c = c->chain)
			silence(c->waiters);
	ledger_flush(l);
	if (l->unsettled.first != NULL)
		flush(l);
	for (struct ledger_claim *c = l->unsettled.first, *next; c != NULL; c = next) {
		next = c->next;
		claim_free(c);
	}
	for (size_t i = 0; i < l->size; i++)
		for (struct ledger_claim *c = l->table[i], *next; c != NULL; c = next) {
			next = c->chain;
			free_waiters(c);
			claim_free(c);
		}
	if (l->store != NULL)
		l->store->ops->free(l->store);
	hashset_release(&l->peeked);
	pthread_cond_destroy(&l->committed);
	pthread_mutex_destroy(&l->lock);
	free(l->table);
	free(l);
}

static struct ledger_claim *
claim_asked(struct ledger *l, enum ledger_want want, const struct ledger_ask *ask,
    ledger_fn *fn, void *arg)
{
	const struct ledger_key *key = &ask->key;
	struct ledger_claim *c = claim_new(l, want, fn, arg);

	c->again = ask->again;
	c->intent = mem_str(ask->data);
	c->intent_offset = ask->clock_offset;
	c->operation = mem_str(key->operation);
	c->provider = mem_str(key->provider);
	c->base = ledger_key_base(key->base);
	c->account = mem_str(key->account);
	c->subject = mem_str(key->subject);
	c->name = mem_str(key->name);
	c->options = ledger_key_options(key->options, key->noptions);
	ledger_key_hash(key, c->options, c->hash);
	return c;
}

struct ledger_claim *
ledger_claim(struct ledger *l, const struct ledger_ask *ask, ledger_fn *fn, void *arg)
{
	struct ledger_claim *c = claim_asked(l, WANT_CLAIM, ask, fn, arg), *holder, **w;

	holder = table_find(l, c->hash);
	if (holder != NULL) {
		for (w = &holder->waiters; *w != NULL; w = &(*w)->next)
			;
		*w = c;
		return c;
	}
	if (++l->count > l->size)
		table_grow(l);
	table_insert(l, c);
	enqueue(c, WANT_CLAIM);
	return c;
}

void
ledger_peek(struct ledger *l, const struct ledger_ask *ask, ledger_fn *fn, void *arg)
{
	enqueue(claim_asked(l, WANT_PEEK, ask, fn, arg), WANT_PEEK);
}

/* Takes a claim out of those that wait for another; false: it is none of them. */
static bool
stop_waiting(struct ledger_claim *c)
{
	struct ledger_claim *holder = table_find(c->ledger, c->hash), **w;

	if (holder == NULL || holder == c)
		return false;
	for (w = &holder->waiters; *w != NULL && *w != c; w = &(*w)->next)
		;
	if (*w == NULL)
		return false;
	*w = c->next;
	return true;
}

void
ledger_cancel(struct ledger_claim *c)
{
	if (stop_waiting(c)) {
		claim_free(c);
		return;
	}
	c->fn = NULL;
	c->cancelled = true;
}

bool
ledger_sending(struct ledger_claim *c)
{
	struct ledger_store *s = c->ledger->store;

	if (!c->sent)
		c->sent = s->ops->sending(s, c);
	return c->sent;
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
	/* What an earlier attempt learned is not forgotten while all stays unknown. */
	if (outcome != LEDGER_IS_UNKNOWN || id != NULL)
		claim_set_id(c, id);
	if (outcome != LEDGER_IS_UNKNOWN || data != NULL)
		claim_set_data(c, data);
	else if (c->data == NULL)
		claim_set_data(c, c->intent);
	c->settled_at = clock_unix_ms();
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
	c->verdict = LEDGER_YOURS;
	enqueue(c, WANT_RESEND);
}

void
ledger_adopt(struct ledger_claim *c, const char *const *candidates, size_t n,
    const char *const *data, enum ledger_certainty certainty, ledger_fn *fn, void *arg)
{
	claim_free_candidates(c);
	c->candidates = mem_new(n > 0 ? n : 1, sizeof *c->candidates);
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
	struct ledger_claim *c = claim_new(l, WANT_RETIRE, fn, arg);

	c->operation = mem_str(where->operation);
	c->provider = mem_str(where->provider);
	c->base = ledger_key_base(where->base);
	c->account = mem_str(where->account);
	c->id = mem_str(id);
	c->state = fate == LEDGER_FAILED ? STATE_FAILED : STATE_GONE;
	c->verdict = LEDGER_MADE;
	enqueue(c, WANT_RETIRE);
}

void
ledger_flush(struct ledger *l)
{
	while (l->queue.first != NULL)
		flush(l);
}
