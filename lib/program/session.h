/*
 * session: set-up and clean-up of the programs that talk to services.
 *
 *	opt_parse -> session_open -> run_records -> session_close -> run_exit
 *
 * What the user has to fix (an unknown provider, a missing key, a ledger that
 * cannot be opened) is an error of each record that needs it, so that records
 * reach the end of a pipe. session_open warns of it.
 */
#ifndef AV_PROGRAM_SESSION_H
#define AV_PROGRAM_SESSION_H

#include "program/opt.h"
#include "program/run.h"
#include "service/order.h"

struct session {
	const struct opt_common *common;
	const struct run_step *step;
	struct run *run;
	struct engine engine;
	struct paid_context paid; /* for paid requests, and the ledger */
	struct poller steps; /* asks about steps that wait (service/order.h) */
	struct dry_run dry_run; /* counted with --dry-run; see paid.dry_run */
	const char *ledger_file;
	bool no_ledger; /* opening it failed; see paid.no_ledger */
};

struct session_options {
	size_t window; /* records at work at once */
	/* All requests are free and repeatable: without -j, the number in
	 * flight finds itself (service/slots.h), up to this one; or 0. */
	size_t most_jobs;
	bool ledger;             /* open the ledger at once: the program pays */
	const char *ledger_file; /* --ledger, or NULL */
	bool again;              /* pay also for what is made already */
	bool dry_run;            /* send nothing; session_close reports */
	bool private_hosts;      /* photos may come from private addresses */
	/* Compares pictures after a lost response; NULL: without. */
	const struct pictures_calls *pictures;
};

/* `program` is passed to the step's functions; all else is borrowed until
 * session_close. */
void session_open(struct session *s, const struct opt_common *common,
    const struct opt_usage *usage, const struct session_options *options,
    const struct run_step *step, void *program);

/* status: what run_records returned. If the program has to die of a signal, a
 * thread that fetches a token may still run; session_close does not wait for
 * it and keeps the memory that it uses. */
void session_close(struct session *s, int status);

/* The account of the record's provider. NULL: there is none, and the item was
 * failed and freed. */
struct account *session_account(struct session *s, struct item *item);

/* The ledger, opened at the first call unless session_open did. NULL: it
 * cannot be opened; the first call warned. */
struct ledger *session_ledger(struct session *s);

/* True if the record failed because the outcome of a paid request was unknown,
 * and all such outcomes are settled in the ledger by now. */
bool session_settled(struct session *s, struct rec *rec);

/* Fails the item with f, which is copied. Frees the item. */
void session_fail(
    struct session *s, struct item *item, const struct failure *f);

#endif
