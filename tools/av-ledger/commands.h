/*
 * commands: what the commands of av-ledger share.
 */
#ifndef AV_LEDGER_COMMANDS_H
#define AV_LEDGER_COMMANDS_H

#include "base/buf.h"
#include "ledger/entries.h"
#include "program/opt.h"

struct options {
	const char *file, *provider, *account, *state, *id, *made, *since,
	    *until;
	int64_t lease;
	bool not_made, json, quiet;
};

extern const struct opt_usage ledger_usage;

/* Appends the entry as a line of JSON to arg, a struct buf. Returns true. */
bool entry_add(void *arg, const struct ledger_entry *entry);

/* Prints the entry as such a line; arg is a struct buf for it. */
bool entry_print(void *arg, const struct ledger_entry *entry);

/* The commands return the exit status. Mistakes end the program. */
int import_entries(struct ledger *l, const struct options *o, char **files);
int show(struct ledger *l, const struct options *o, char **operands);
int settle(struct ledger *l, const struct options *o, char **keys);
int spend(struct ledger *l, const struct options *o, char **operands);

#endif
