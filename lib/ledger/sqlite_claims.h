/*
 * sqlite_claims: what claims do to the entries of a SQLite store.
 */
#ifndef AV_LEDGER_SQLITE_CLAIMS_H
#define AV_LEDGER_SQLITE_CLAIMS_H

#include "ledger/store.h"

/* Commits a batch, as ledger/store.h describes. */
int sqlite_claims_apply(
    struct ledger_store *s, struct ledger_claims *batch, struct err *e);

/* Makes each entry intended by a dead process unknown, or not made if it proves
 * that sending had not begun. Call it within a transaction. */
int sqlite_claims_recover(struct ledger_store *s, struct err *e);

#endif
