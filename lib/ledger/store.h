/*
 * store: what the ledger asks of the place it is kept in. SQLite is one
 * (ledger/sqlite.c); another one is another set of these functions.
 *
 * ledger/ledger.c gathers and calls back; a store decides and commits. A store is called from one
 * thread at a time, not always the same.
 */
#ifndef AV_LEDGER_STORE_H
#define AV_LEDGER_STORE_H

#include "ledger/entries.h"

enum {
	LEDGER_HASH = 32, /* bytes of a key: SHA-256 */
	LEDGER_TAG = 24,  /* characters of a tag */
};

/* What a claim wants of the next commit. */
enum ledger_want {
	WANT_CLAIM,
	WANT_SETTLE,
	WANT_RESEND,
	WANT_RETIRE,
	WANT_ADOPT,
	WANT_PEEK
};

/* States of an entry. The numbers are in files. */
enum ledger_state {
	STATE_INTENDED = 1, /* may be in flight, or its process is dead */
	STATE_MADE = 2,
	STATE_UNKNOWN = 3, /* may have been made; with an owner: being looked up */
	STATE_NOT_MADE = 4,
	STATE_FAILED = 5, /* made, and failed later */
	STATE_GONE = 6,   /* made, and not there any more */
};

/* What may be the outcome of a claim. */
struct ledger_candidate {
	char *id, *data;
	bool owned; /* by another entry */
};

struct ledger_claim {
	struct ledger *ledger;
	enum ledger_want want;
	bool again, cancelled, held, sent;
	unsigned char hash[LEDGER_HASH];
	/* The readable parts; freed once an entry of a store holds them. */
	char *operation, *provider, *base, *account, *subject, *name, *options;
	char *intent; /* goes with the entry until it is settled */

	int64_t n;               /* the entry's number in the store */
	int mark;                /* liveness mark; -1: none */
	enum ledger_state state; /* WANT_SETTLE, WANT_RETIRE: to be written */

	struct ledger_candidate *candidates; /* WANT_ADOPT */
	size_t ncandidates;
	enum ledger_certainty certainty;
	const struct ledger_candidate *chosen;

	/* The answer, filled in by the store; the strings are the claim's own. */
	enum ledger_verdict verdict;
	char *id, *data;
	char tag[LEDGER_TAG + 1];
	char new_tag[LEDGER_TAG + 1]; /* of an entry made for this claim */
	int64_t first_at, at, settled_at, clock_offset;

	ledger_fn *fn;
	void *arg;
	struct ledger_claim *next;    /* in the queue or the batch */
	struct ledger_claim *chain;   /* in the table of keys */
	struct ledger_claim *waiters; /* claims of the same key, through next */
};

struct ledger_store {
	const struct ledger_store_ops *ops;
};

struct ledger_store_ops {
	/* Does what each claim of the list wants, in one transaction that is durable when it
	 * returns 0. On failure nothing is done. Where one was held and is not this
	 * process's any more, nothing is done for it, its verdict is ERROR and *e says so. */
	int (*apply)(struct ledger_store *s, struct ledger_claim *batch, struct err *e);
	/* Notes, surviving this process though not the machine, that c is about to be sent. */
	bool (*sending)(struct ledger_store *s, struct ledger_claim *c);
	/* A claim that was held is no longer; its outcome is on disk. */
	void (*let_go)(struct ledger_store *s, struct ledger_claim *c);
	void (*free)(struct ledger_store *s);

	/* As in ledger/entries.h; settle and forget are a transaction each. */
	int (*each)(struct ledger_store *s, const struct ledger_filter *filter,
	    bool (*fn)(void *arg, const struct ledger_entry *entry), void *arg,
	    struct err *e);
	int (*settle)(
	    struct ledger_store *s, const char *key, const char *id, struct err *e);
	int (*forget)(struct ledger_store *s, const char *key, struct err *e);
	int (*put)(struct ledger_store *s, const struct ledger_entry *entry,
	    const unsigned char *hash, struct err *e);
	int (*begin)(struct ledger_store *s, struct err *e);
	int (*commit)(struct ledger_store *s, struct err *e);
	int (*check)(struct ledger_store *s, void (*fn)(void *arg, const char *problem),
	    void *arg, struct err *e);
};

struct ledger_store *ledger_store(struct ledger *l);

/* Opens the SQLite database in a file, or one in memory (NULL). */
struct ledger_store *ledger_sqlite_open(const char *file, struct err *e);

/* For stores: judges the candidates of a claim by what is had; where that is MADE, puts the one
 * that was chosen into the claim's id and data. */
void ledger_choose(struct ledger_claim *c);
void ledger_take(struct ledger_claim *c);

#endif
