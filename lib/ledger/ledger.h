/*
 * ledger: what was asked for and what came back, durable before the first byte is sent.
 *
 * Every request that must not be made twice is claimed first. The claim's callback comes when
 * the intent is on disk, and says whether to send. When the outcome is known it is settled, and
 * that callback comes when the outcome is on disk; only then is the record written out.
 *
 *	ledger_claim(l, &ask, fn, arg)  -> YOURS    send, then settle
 *	                                -> MADE     made before: use answer->id, send nothing
 *	                                -> UNKNOWN  an earlier attempt may have taken effect: it is
 *	                                            yours to look up, then settle or resend
 *	                                -> BUSY     another process works on it: claim again in
 *	                                            50 to 200 ms
 *	                                -> ERROR    nothing may be sent; answer->err says why
 *
 * What is asked for in one round of the loop is committed in one transaction, on a thread of
 * its own (loop_work), so that transfers go on while the disk works and what gathers in the
 * meantime shares the next commit. Callbacks come on the loop's thread, in the order of
 * asking. Without a loop nothing happens until ledger_flush.
 *
 * Two claims of one key within one process: the second waits until the first is settled. Other
 * processes are told from dead ones by a lock that each holds; what a dead one intended is
 * UNKNOWN, unless it provably had not begun to send.
 *
 * All strings handed in are copied. What an answer points to lives until the callback returns.
 */
#ifndef AV_LEDGER_LEDGER_H
#define AV_LEDGER_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "os/loop.h"

struct ledger;
struct ledger_claim;

/* An option of a request. json is its value as JSON text; spelling (spaces, escapes, order of
 * members, 1.0 for 1) makes no difference to the key. */
struct ledger_option {
	const char *name;
	const char *json;
};

/* What is asked for; together it is the key. */
struct ledger_key {
	const char *operation; /* as the provider's description calls it */
	const char *provider;
	/* Base URL; capitals in its host, its scheme's own port and a slash at its end make no
	 * difference. */
	const char *base;
	const char *account; /* label, never a secret */
	const char *subject; /* SHA-256 of the photo in hex, URL, or the avatar's id */
	const char *name;    /* only if it was given explicitly; else NULL */
	const struct ledger_option *options; /* in any order */
	size_t noptions;
};

struct ledger_ask {
	struct ledger_key key;
	bool again; /* make another one, even where one is made */
	/* What the service's list would show of it, JSON, or NULL: kept with the intent, and the
	 * answer's data where the outcome is UNKNOWN. */
	const char *data;
	/* The server's clock minus ours in ms, where it is known already; else 0. Kept with
	 * the intent, for a later look at the server's list. */
	int64_t clock_offset;
};

enum ledger_verdict {
	LEDGER_YOURS,
	LEDGER_MADE,
	LEDGER_UNKNOWN,
	LEDGER_BUSY,
	LEDGER_ERROR,
};

/* Times are ms since 1970 by this machine's clock. Absent strings are NULL, times 0. */
struct ledger_answer {
	enum ledger_verdict verdict;
	const struct err *err; /* ERROR */
	const char *id;        /* MADE; UNKNOWN where the service had told one */
	const char *data;      /* MADE: the JSON that was settled with it; UNKNOWN: what
	                        * was kept with the intent */
	const char *tag;  /* YOURS, UNKNOWN: random text of this entry, [0-9a-f]{24}, for
	                        * services that let one be sent along */
	int64_t first_at; /* when it was first intended, */
	int64_t at;       /* when last; the request was sent no earlier */
	int64_t settled_at;
	int64_t clock_offset;
};

/* Called exactly once, unless the claim is cancelled. */
typedef void ledger_fn(void *arg, const struct ledger_answer *answer);

/* Opens and, if it is not there, makes the ledger. file: NULL means AV_LEDGER, and without
 * that ledger.db in the state directory; "none" means no memory at all: every claim is YOURS,
 * but for one that is the same as another in flight, which still waits for it. Whatever would
 * keep a claim from being committed is found here: an unwritable directory, a full disk, a
 * file that is no ledger, is damaged or of a newer version, a network file system. NULL and
 * CODE_STATE_UNUSABLE. loop may be NULL. */
struct ledger *ledger_open(const char *file, struct loop *loop, struct err *e);

/* Commits what is queued, without calling back, and closes. Claims that are not settled are
 * left as they are: to the next process they are a dead one's. NULL is welcome. Not from
 * within a callback, and the loop must not run again; a commit that loop_stop left under way
 * is waited for. */
void ledger_free(struct ledger *l);

/* The claim that comes back is for ledger_cancel until the callback, and after a verdict of
 * YOURS or UNKNOWN for the functions below; after any other verdict it is gone. */
struct ledger_claim *ledger_claim(
    struct ledger *l, const struct ledger_ask *ask, ledger_fn *fn, void *arg);

/* Looks what a claim would be told now, and changes nothing: MADE, YOURS, UNKNOWN, BUSY or ERROR,
 * with no tag. What this process looked for before and nobody has made is MADE, without an id:
 * by then it would be. fn may not be NULL. */
void ledger_peek(
    struct ledger *l, const struct ledger_ask *ask, ledger_fn *fn, void *arg);

/* The callback of a claim or resend will not come; what it may have obtained is given back. */
void ledger_cancel(struct ledger_claim *c);

/* To be called right before the first byte of the request leaves (costs one write into the
 * page cache); without it a crash would prove that nothing was sent. False: it could not be
 * noted, so nothing may be sent. True at once when it was called already. */
bool ledger_sending(struct ledger_claim *c);

enum ledger_outcome {
	LEDGER_IS_MADE,     /* id, and data if it is to be remembered: JSON, or NULL */
	LEDGER_IS_NOT_MADE, /* surely; the next claim is YOURS */
	LEDGER_IS_UNKNOWN, /* id if the service told one all the same, or NULL; data as asked */
};

/* Ends a claim, which is gone with this call. fn (may be NULL) comes after the commit with
 * MADE, YOURS (not made: nobody's any more), UNKNOWN or ERROR; on ERROR the outcome is not on
 * disk. It goes with every later commit, which fails where it does, and is tried once more by
 * ledger_free; a later process will find it unknown where that failed, too. */
void ledger_settle(struct ledger_claim *c, enum ledger_outcome outcome, const char *id,
    const char *data, ledger_fn *fn, void *arg);

/* For a claim of verdict UNKNOWN (or one that was YOURS and whose outcome became unknown) that
 * was surely not made: intends it once more; fn gets YOURS or ERROR. */
void ledger_resend(
    struct ledger_claim *c, int64_t clock_offset, ledger_fn *fn, void *arg);

/* For a claim of verdict UNKNOWN (or one that was YOURS and whose outcome became unknown), given
 * the ids in the service's list that may be what it made: gives it the one that no other entry
 * has. An id counts as had where any other entry of the same operation, provider, base and
 * account holds it, whatever became of it; one that is given twice counts once. Who asks first
 * gets it, among all processes of the ledger. With LEDGER_TAGGED no other entry can have made what
 * bears this one's tag; with LEDGER_MAYBE one that is left is not taken but UNKNOWN. data: for
 * each candidate what is to be remembered
 * with it (JSON, or NULL), or NULL for none at all. fn gets
 *
 *	MADE     exactly one was left: the claim is settled with it and gone
 *	UNKNOWN  several were, or one that another entry in doubt, asked with the same data, may
 *	         have made: nothing is changed, the claim is still yours
 *	BUSY     the same, but that entry is at work, perhaps in this process
 *	YOURS    none was: nothing is changed, the claim is still yours, to be settled or resent
 *	ERROR    nothing is changed on disk, the claim is gone
 *
 * With "none" an id is had once this process has settled something with it. */
enum ledger_certainty { LEDGER_MATCH, LEDGER_TAGGED, LEDGER_MAYBE };
void ledger_adopt(struct ledger_claim *c, const char *const *candidates, size_t n,
    const char *const *data, enum ledger_certainty certainty, ledger_fn *fn, void *arg);

/* What became of something made: it is never reused silently again. where: operation, provider,
 * base and account; an id of another operation is another thing's. Unknown ids are no error. fn
 * may be NULL; it gets MADE (it is written) or ERROR. */
enum ledger_fate { LEDGER_FAILED, LEDGER_GONE };
void ledger_retire(struct ledger *l, const struct ledger_key *where, const char *id,
    enum ledger_fate fate, ledger_fn *fn, void *arg);

/* Commits what is queued and calls back, until nothing is queued. For programs without a
 * loop. */
void ledger_flush(struct ledger *l);

#endif
