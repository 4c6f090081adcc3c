/*
 * session: what the programs that talk to services set up alike, and take down again.
 *
 *	parse options -> session_open -> run_records -> session_close -> run_exit
 *
 * What the user has to mend first (a provider that does not exist, a missing key, a ledger
 * that cannot be written) ends the program in session_open, before a byte of input is read.
 */
#ifndef AV_PROGRAM_SESSION_H
#define AV_PROGRAM_SESSION_H

#include "program/opt.h"
#include "program/run.h"
#include "service/paid.h"

struct session {
	const struct opt_common *common;
	const struct opt_usage *usage;
	struct engine engine;
	struct paid_context paid; /* of programs that send what is not repeatable */
	struct dry_run dry_run;   /* of a dry run */
	struct run *run;
	const char *step;
	const char *ledger_file;
	bool no_ledger; /* it could not be opened */
};

struct session_options {
	const char *step; /* "upload" */
	enum run_bare bare;
	size_t window; /* records at work at most */
	bool ledger;   /* the program sends what is not repeatable: open it now */
	const char *ledger_file; /* --ledger */
	bool dry_run;            /* nothing is sent; session_close says what would be */
};

/* Ends the program where something is amiss. self is handed to the calls. */
void session_open(struct session *t, const struct opt_common *common,
    const struct opt_usage *usage, const struct session_options *options,
    const struct run_calls *calls, void *self);

/* status: what run_records said. Where the program dies of a signal, a thread that gets a token
 * may still be at work: it is not waited for, and keeps what it uses. */
void session_close(struct session *t, int status);

/* The account of the item's provider; NULL: the item has failed and is gone. */
struct account *session_account(struct session *t, struct item *item);

/* The ledger, opened now if it was not; NULL: it cannot be, which is said once. */
struct ledger *session_ledger(struct session *t);

/* Ends the item with that failure. */
void session_fail(struct session *t, struct item *item, const struct failure *f);

#endif
