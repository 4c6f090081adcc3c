/*
 * claims: what claims do to the entries of the store.
 */
#ifndef AV_LEDGER_CLAIMS_H
#define AV_LEDGER_CLAIMS_H

#include "ledger/db.h"

/* Does what each claim of the batch wants, in one transaction, which is durable
 * when this returns 0. On failure nothing is done. If another process has taken
 * over a claim's entry, the claim is skipped: its verdict is ERROR and *e says
 * why. May run on any thread, but on one at a time. */
int claims_apply(struct db *db, struct ledger_claims *batch, struct err *e);

/* Makes each entry intended by a dead process unknown, or not made if it proves
 * that sending had not begun. Call it within a transaction. */
int claims_recover(struct db *db, struct err *e);

#endif
