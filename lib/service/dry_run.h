/*
 * dry_run: the plan of a batch: what would be sent, what that costs, how long
 * it takes, and why not less.
 *
 * Each order is added with its steps (service/order.h). Requests of an account
 * that keep one pace are a load. Of each load the plan has
 *
 *	requests    of orders and their steps; polls, lookups and retries come
 *		    on top
 *	pace        requests a second: the user's, else the documented one, if
 *		    there is any
 *	answer      seconds from a request to its outcome: the median of the
 *		    latest ones in the ledger, if it has any of that account
 *	in flight   by one worker: -j, or 1 if the account makes one at a time
 *	workers     processes that are of use: so many reach the pace. Without a
 *		    pace more help until the service asks to wait
 *	seconds     that it takes at least, with these workers
 *	bottleneck  what one worker waits for, the longest of
 *		      pace     requests / pace
 *		      answer   requests * answer / in flight
 *		      machine  the time in which this dry run checked photos
 */
#ifndef AV_SERVICE_DRY_RUN_H
#define AV_SERVICE_DRY_RUN_H

#include <json-c/json.h>

#include "ledger/ledger.h"
#include "service/account.h"

struct dry_run_cost;
struct dry_run_count;

/* Zeroed is empty. */
struct dry_run {
	size_t in_flight; /* for the owner to set: -j */
	size_t create, made, unknown;
	/* Counted by the caller; free: requests that cost nothing. */
	size_t refused, free;
	struct dry_run_cost *costs;
	size_t ncosts;
	struct dry_run_count *counts; /* requests by operation */
	size_t ncounts;
	/* Photos that were checked, and the time in which any of them was. */
	size_t checked, checking;
	int64_t checking_since, checking_ms;
};

void dry_run_release(struct dry_run *run);

/* The check of a photo begins, or ends. */
void dry_run_check_begins(struct dry_run *run);
void dry_run_check_ends(struct dry_run *run);

/* Counts an operation by what the ledger says of it; NULL if it follows another
 * operation, so that nothing is known yet. amount: what it costs. step: it is
 * one of another operation. Returns its entry for the record's `plan`, owned by
 * the caller: {"operation","already_made","id","unknown","cost",
 * "pace"}. */
struct json_object *dry_run_add(struct dry_run *run, const struct account *a,
    const struct operation *op, double amount,
    const struct ledger_answer *answer, bool step);

/* Prints the plan to stderr, for people. ledger: that tells how fast services
 * answer; or NULL. failed: failed records, also refused ones. */
void dry_run_report(
    const struct dry_run *run, struct ledger *ledger, size_t failed);

/* The same for programs (av-upload(1)), owned by the caller. */
struct json_object *dry_run_json(
    const struct dry_run *run, struct ledger *ledger, size_t failed);

#endif
