/*
 * postgres: the engine of a ledger in PostgreSQL, for processes of many hosts.
 *
 * A process is alive as long as its lease, which it renews on a connection of
 * its own. The database's clock alone counts. An entry notes that sending began
 * before the first byte leaves; a process whose lease has ended can note
 * nothing, so it sends nothing: what a dead process did not note was not sent.
 *
 * If the connection is lost, a transaction waits for another one, and begins
 * again. What was being committed is asked for by its number.
 *
 * The tables are in the schema avtools. postgres_init makes them, and changes
 * those of an older version.
 */
#ifndef AV_LEDGER_POSTGRES_H
#define AV_LEDGER_POSTGRES_H

#include "ledger/db.h"

/* True if the name of a ledger is a connection string (postgresql://,
 * postgres:// or service=). */
bool postgres_is(const char *name);

/* Opens the ledger and joins its processes. NULL and CODE_STATE_UNUSABLE if
 * that fails, if it was not made, or if the string has a password, which
 * belongs into ~/.pgpass. */
struct db *postgres_open(const char *name, struct err *e);

/* Makes the tables, or changes those of an older version. *lease_s: seconds of
 * silence after which a process is dead; 0: 60. It gets those of the ledger. 1
 * if something was done, 0 if not. */
int postgres_init(const char *name, int *lease_s, struct err *e);

#endif
