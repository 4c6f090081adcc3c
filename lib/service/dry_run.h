/*
 * dry_run: counts what a dry run would have sent, and adds up what it costs and
 * how long it takes at least.
 */
#ifndef AV_SERVICE_DRY_RUN_H
#define AV_SERVICE_DRY_RUN_H

#include <json-c/json.h>

#include "ledger/ledger.h"
#include "provider/provider.h"

struct dry_run_cost;
struct dry_run_load;

/* Zeroed is empty. */
struct dry_run {
	size_t create, made, unknown;
	/* Counted by the caller; free: requests that cost nothing. */
	size_t refused, free;
	struct dry_run_cost *costs;
	size_t ncosts;
	struct dry_run_load *loads; /* requests by pace */
	size_t nloads;
};

void dry_run_release(struct dry_run *run);

/* Counts an operation by what the ledger says of it; NULL if it follows another
 * operation, so that nothing is known yet. amount: what it costs. Returns its
 * entry for the record's `plan`, owned by the caller:
 * {"operation","already_made","id","unknown","cost"}. */
struct json_object *dry_run_add(struct dry_run *run, const struct provider *p,
    const struct operation *op, double amount,
    const struct ledger_answer *answer);

/* Prints the sums to stderr. failed: failed records, also refused ones. */
void dry_run_report(const struct dry_run *run, size_t failed);

#endif
