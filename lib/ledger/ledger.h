/*
 * ledger: the database of paid requests, so that none is paid for twice.
 *
 *	claim	 this process's hold on an entry while it works on it
 *	owner	 the process that holds the claim
 *	intent	 the entry as written to disk before the first byte is sent
 *	outcome	 what became of the request: made, not made or unknown
 *	unknown	 the request may have taken effect; nobody knows yet
 *
 * Claim a paid request first. The claim's callback comes when the intent is on
 * disk, and its verdict says what to do:
 *
 *	YOURS	 send the request, then settle
 *	MADE	 it was made before: use answer->id, send nothing
 *	UNKNOWN	 an earlier attempt may have taken effect: look it up, then
 *		 adopt a candidate, settle or resend
 *	BUSY	 another process owns the entry: claim again in 50 to 200 ms
 *	ERROR	 send nothing; answer->err says why
 *
 * To settle is to write the outcome. That callback comes when the outcome is
 * on disk; only then write the record out.
 *
 * All calls of one round of the loop share one commit. It runs on a thread of
 * its own (loop_work), so transfers go on while the disk works, and calls made
 * meanwhile share the next commit; a ledger in memory needs no thread.
 * Callbacks run on the loop's thread, in the order of the calls. Without a loop
 * nothing happens until ledger_flush.
 *
 * Within a process a second claim of a key waits until the first is settled.
 * Several processes may share a ledger. If an owner died, its entry is UNKNOWN,
 * or YOURS where it is proved that sending had not begun (ledger/liveness.h).
 *
 * Strings passed in are copied. What an answer points to is valid until the
 * callback returns.
 */
#ifndef AV_LEDGER_LEDGER_H
#define AV_LEDGER_LEDGER_H

#include "base/config.h"
#include "ledger/key.h"
#include "os/loop.h"

struct ledger;
struct ledger_claim;

struct ledger_ask {
	struct ledger_key key;
	bool again; /* make another one, even if one is made */
	/* The name that is sent, given explicitly or not; NULL: none. A request
	 * that sends the same name is the same, whether it was given or not. */
	const char *sent_name;
	/* For people, noted with the intent: the photo's path and the cost.
	 * file and unit may be NULL. */
	const char *file, *unit;
	double amount;
	/* What the service's list would show of it: JSON, or NULL. Kept with
	 * the intent; it is the answer's data if the outcome is UNKNOWN. */
	const char *data;
	/* The server's clock minus ours in ms if it is known, else 0. Kept with
	 * the intent for a later lookup. */
	int64_t clock_offset;
};

/* The ledger's file: the option, else AV_LEDGER, else the configuration's
 * `ledger`. NULL: ledger.db in the state directory. *source (source may be
 * NULL) says which it is. */
const char *ledger_choose(const char *option, enum config_source *source);

/* False if the ledger that the option chooses is "none". */
bool ledger_lasts(const char *option);

/* True if the name is that of a ledger in PostgreSQL. */
bool ledger_is_remote(const char *name);

/* Makes the ledger, or changes one of an older version. *lease_s: see
 * postgres_init; 0 for a ledger in a file, which needs no call of this. 1 if
 * something was done, 0 if not, -1 with *e set. */
int ledger_init(const char *file, int *lease_s, struct err *e);

/* Opens the ledger, and makes it if it is a missing file. file is the option of
 * ledger_choose, or NULL: a file's name or, for many hosts, a connection string
 * of PostgreSQL (ledger/postgres.h). "none": a ledger in memory, which ends
 * with ledger_free; it takes about 1 kB for each paid request.
 *
 * Whatever would keep a claim from being committed is found here: an unwritable
 * directory, a full disk, a network file system, a file that is no ledger, is
 * damaged or of a newer version. NULL and CODE_STATE_UNUSABLE or
 * CODE_BAD_CONFIG. loop may be NULL. */
struct ledger *ledger_open(const char *file, struct loop *loop, struct err *e);

/* Commits queued outcomes without calling back, and closes. Claims that are not
 * settled are left to the next process as those of a dead owner. Call it
 * outside of callbacks, and do not run the loop again. Waits for a commit that
 * is under way. l may be NULL. */
void ledger_free(struct ledger *l);

/* Until its callback, the returned claim is for ledger_cancel only. After
 * YOURS or UNKNOWN it is for the functions below; after any other verdict it is
 * gone. */
struct ledger_claim *ledger_claim(
    struct ledger *l, const struct ledger_ask *ask, ledger_fn *fn, void *arg);

/* Claims another entry that looks the same in the service's list: unknown, of
 * the same operation, provider, base and account, with the same data, whose
 * last attempt began in the last 15 minutes. fn gets UNKNOWN as a claim does;
 * MADE if there is no such entry that is free, and then the claim is gone; or
 * ERROR. */
struct ledger_claim *ledger_claim_similar(
    struct ledger *l, const struct ledger_ask *ask, ledger_fn *fn, void *arg);

/* Answers as a claim would, without a tag, and writes nothing: for a dry run.
 * The second peek at a key that nobody has made is MADE without an id, since
 * the first one's record would have made it. fn may not be NULL. */
void ledger_peek(
    struct ledger *l, const struct ledger_ask *ask, ledger_fn *fn, void *arg);

/* The mark (ledger/key.h) of the claimed entry, after YOURS or UNKNOWN. */
void ledger_claim_mark(
    const struct ledger_claim *c, char mark[LEDGER_KEY_MARK]);

/* The callback of a claim or resend will not come. An entry that is claimed all
 * the same is given back. */
void ledger_cancel(struct ledger_claim *c);

/* Call it right before the first byte of the request leaves; it costs one write
 * into the page cache, or a commit of PostgreSQL. Without it, a crash would
 * prove that nothing was sent. 0: it could not be noted, so send nothing. -1:
 * the database is out of reach; ask again later. Without a lease it is 1 at
 * once if it was called before. */
int ledger_sending(struct ledger_claim *c);

/* True while what ledger_sending noted may be sent. Other hosts take a process
 * for dead that was frozen or cut off for longer than its lease, and look for
 * what it made. Costs nothing; for any thread. */
bool ledger_may_send(const struct ledger_claim *c);

/* Seconds within which what was sent must have arrived or be lost, since a
 * lease ends later. 0: there is no lease. */
unsigned ledger_line_seconds(const struct ledger *l);

enum ledger_outcome {
	LEDGER_IS_MADE,     /* id; data to remember with it: JSON, or NULL */
	LEDGER_IS_NOT_MADE, /* proved; the next claim is YOURS */
	LEDGER_IS_UNKNOWN,  /* id if the service told one, or NULL */
};

/* Ends a claim, which is gone with this call. fn (may be NULL) comes after the
 * commit with MADE, YOURS (not made), UNKNOWN or ERROR. On ERROR the outcome is
 * not on disk: it joins every later commit, and ledger_free tries once more. If
 * all of these fail, a later process finds the entry unknown. */
void ledger_settle(struct ledger_claim *c, enum ledger_outcome outcome,
    const char *id, const char *data, ledger_fn *fn, void *arg);

/* Intends a request once more. The claim's request is UNKNOWN (by verdict, or
 * since it was sent) and proved not made. fn gets YOURS or ERROR. */
void ledger_resend(
    struct ledger_claim *c, int64_t clock_offset, ledger_fn *fn, void *arg);

/* Looks for the one candidate that no other entry owns, and settles the claim
 * with it. The claim's request is UNKNOWN, as for ledger_resend. Candidates are
 * ids of the service's list; data is what to remember with each (JSON, or
 * NULL), or NULL for none at all.
 *
 * An entry of the same operation, provider, base and account owns an id, even
 * if the avatar failed or is gone. An id that is given twice counts once. Among
 * all processes, the first that asks gets the candidate. fn gets
 *
 *	MADE	 one was left: the claim is settled with it and gone
 *	UNKNOWN	 several were, or another open entry with the same data may have
 *		 made it (not asked if TAGGED), or the certainty is MAYBE
 *	BUSY	 as UNKNOWN, but that entry has an owner, perhaps this process
 *	YOURS	 none was left
 *	ERROR	 nothing is changed on disk; the claim is gone
 *
 * After UNKNOWN, BUSY and YOURS nothing is changed and the claim is held. */
void ledger_adopt(struct ledger_claim *c, const char *const *candidates,
    size_t n, const char *const *data, enum ledger_certainty certainty,
    ledger_fn *fn, void *arg);

/* A made avatar failed or is gone: its entry is not reused any more. where:
 * operation, provider, base and account. Unknown ids are no error. fn may be
 * NULL; it gets MADE (it is written) or ERROR. */
enum ledger_fate { LEDGER_FAILED, LEDGER_GONE };
void ledger_retire(struct ledger *l, const struct ledger_key *where,
    const char *id, enum ledger_fate fate, ledger_fn *fn, void *arg);

/* Commits and calls back until the queue is empty. For programs without a
 * loop. */
void ledger_flush(struct ledger *l);

/* The database, for ledger/entries.c. */
struct db *ledger_db(struct ledger *l);

#endif
