/*
 * store: what the ledger asks of the place it is kept in.
 *
 * ledger/ledger.c queues claims and calls back; a store decides and commits.
 * SQLite is one (ledger/sqlite.h); another is another set of these functions.
 * A store is called from one thread at a time, not always the same.
 */
#ifndef AV_LEDGER_STORE_H
#define AV_LEDGER_STORE_H

#include "ledger/claim.h"

struct ledger_store {
	const struct ledger_store_ops *ops;
};

struct ledger_store_ops {
	/* Does what each claim of the batch wants, in one transaction, which
	 * is durable when this returns 0. On failure nothing is done. A claim
	 * whose entry another process has taken over is skipped: its verdict is
	 * ERROR and *e says so. */
	int (*apply)(
	    struct ledger_store *s, struct ledger_claims *batch, struct err *e);
	/* Notes that c is about to be sent. The note survives this process,
	 * though not the machine. */
	bool (*sending)(struct ledger_store *s, struct ledger_claim *c);
	/* The claim has ended and its outcome is on disk. */
	void (*let_go)(struct ledger_store *s, struct ledger_claim *c);
	void (*free)(struct ledger_store *s);

	/* As in ledger/entries.h; settle and forget are a transaction each. */
	int (*each)(struct ledger_store *s, const struct ledger_filter *filter,
	    bool (*fn)(void *arg, const struct ledger_entry *entry), void *arg,
	    struct err *e);
	int (*settle)(struct ledger_store *s, const char *key, const char *id,
	    struct err *e);
	int (*forget)(struct ledger_store *s, const char *key, struct err *e);
	int (*put)(struct ledger_store *s, const struct ledger_entry *entry,
	    const unsigned char *hash, struct err *e);
	int (*begin)(struct ledger_store *s, struct err *e);
	int (*commit)(struct ledger_store *s, struct err *e);
	int (*check)(struct ledger_store *s,
	    void (*fn)(void *arg, const char *problem), void *arg,
	    struct err *e);
};

#endif
