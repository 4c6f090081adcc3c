/*
 * claim: what the ledger asks of its store, from the call to the callback.
 *
 * Besides claims proper (WANT_CLAIM and what follows it) the same struct
 * carries WANT_RETIRE and WANT_PEEK, which hold no entry. Private to
 * lib/ledger/.
 */
#ifndef AV_LEDGER_CLAIM_H
#define AV_LEDGER_CLAIM_H

#include <sys/queue.h>

#include "ledger/key.h"

enum {
	LEDGER_HASH = LEDGER_KEY_HASH,
	LEDGER_TAG = 24, /* characters of a tag */
};

/* What the next commit does with the claim. */
enum ledger_want {
	WANT_CLAIM,
	WANT_SETTLE,
	WANT_RESEND,
	WANT_RETIRE,
	WANT_ADOPT,
	WANT_SIMILAR,
	WANT_PEEK
};

/* States of an entry. The numbers are stored in ledger files. */
enum ledger_state {
	STATE_INTENDED = 1, /* may be in flight, or its owner is dead */
	STATE_MADE = 2,
	STATE_UNKNOWN = 3, /* with an owner: being looked up */
	STATE_NOT_MADE = 4,
	STATE_FAILED = 5, /* made, and failed later */
	STATE_GONE = 6,   /* made, and not there any more */
};

/* A list entry that may be what the request made. */
struct ledger_candidate {
	char *id, *data;
};

STAILQ_HEAD(ledger_claims, ledger_claim);

struct ledger_claim {
	struct ledger *ledger;
	enum ledger_want want;
	bool again, cancelled, sent;
	unsigned char hash[LEDGER_HASH];
	/* The same request with its sent name given, or not given. */
	unsigned char twin[LEDGER_HASH];
	/* The key's parts. */
	char *operation, *provider, *base, *account, *subject, *name, *options;
	char *sent_name, *file, *unit;
	double amount;
	char *intent; /* data that the entry keeps until it is settled */
	int64_t intent_offset; /* clock_offset that goes with the intent */

	int64_t n;                      /* the entry's number in the store */
	unsigned char key[LEDGER_HASH]; /* of the entry: hash or twin */
	int mark;                       /* of ledger/liveness.h; -1: none */
	unsigned lease;                 /* under which sending was noted */
	int64_t sent_at;                /* when it was noted last; or 0 */
	enum ledger_state state; /* WANT_SETTLE, WANT_RETIRE: to be written */

	struct ledger_candidate *candidates; /* WANT_ADOPT */
	size_t ncandidates;
	enum ledger_certainty certainty;

	/* The answer, filled in by the store. */
	enum ledger_verdict verdict;
	char *id, *data;
	char tag[LEDGER_TAG + 1];
	int64_t first_at, at, settled_at, clock_offset;

	ledger_fn *fn;
	void *arg;
	STAILQ_ENTRY(ledger_claim) link; /* in one list at a time */
	struct ledger_claims waiters;    /* later claims of the same key */
};

/* Frees the claim with its waiters, or all claims of a list. */
void claim_free(struct ledger_claim *c);
void claim_free_all(struct ledger_claims *list);
void claim_free_candidates(struct ledger_claim *c);

/* Replaces a string of the claim by a copy of text. */
void claim_set(char **string, const char *text);

#endif
