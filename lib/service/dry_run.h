/*
 * dry_run: what a dry run would have sent, counted and added up.
 */
#ifndef AV_SERVICE_DRY_RUN_H
#define AV_SERVICE_DRY_RUN_H

#include <json-c/json.h>

#include "ledger/ledger.h"
#include "provider/provider.h"

struct dry_run_cost;

/* Zeroed is empty. */
struct dry_run {
	size_t create, made, unknown, refused; /* refused: the caller counts it */
	struct dry_run_cost *costs;
	size_t ncosts;
};

void dry_run_release(struct dry_run *plan);

/* Counts an operation of a provider by what the ledger says of it (NULL: nothing can be known
 * of it yet, as it follows on another one), and returns it as it stands in a record's `plan`:
 * {"operation","already_made","id","unknown","cost"}; the caller's. */
struct json_object *dry_run_add(struct dry_run *plan, const struct provider *p,
    const struct operation *op, const struct ledger_answer *answer);

/* Says the sums on stderr. failed: how many records came out failed, the refused among them. */
void dry_run_report(const struct dry_run *plan, size_t failed);

#endif
