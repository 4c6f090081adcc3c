/*
 * sqlite: the engine of a ledger in a file, for the processes of one machine.
 *
 * The log is WAL with synchronous=FULL: a commit is one fsync and survives a
 * loss of power. The processes tell each other by ledger/liveness.h.
 */
#ifndef AV_LEDGER_SQLITE_H
#define AV_LEDGER_SQLITE_H

#include "ledger/db.h"

/* Opens the database in a file, which is made if it is missing, or one in
 * memory (NULL), which no other process shares. NULL and CODE_STATE_UNUSABLE if
 * a claim could not be committed. */
struct db *sqlite_open(const char *file, struct err *e);

#endif
