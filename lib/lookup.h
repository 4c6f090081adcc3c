/*
 * lookup: what became of a request whose answer was lost, as the service's list tells.
 *
 * Found is adopted. Absent means absent from two complete listings with the provider's
 * `lookup.settle_s` before each, for lists lag and requests can take effect late. What is in
 * doubt at the same time shares a listing. Two candidates, or a list that cannot be had, tell
 * nothing.
 */
#ifndef AV_LOOKUP_H
#define AV_LOOKUP_H

#include "account.h"
#include "call.h"
#include "ledger.h"

enum lookup_verdict {
	LOOKUP_FOUND,  /* taken: what the list says; the claim is settled and gone */
	LOOKUP_ABSENT, /* surely not made; the claim is held */
	LOOKUP_UNTOLD, /* why: for a person; the claim is held */
};

struct lookup_result {
	enum lookup_verdict verdict;
	struct json_object *taken; /* borrowed */
	const char *why;
	bool retryable; /* another run may be told more */
};

typedef void lookup_fn(void *arg, const struct lookup_result *result);

struct lookup_spec {
	struct account *account;
	const struct operation *op; /* the one in doubt */
	struct json_object *vars;   /* it was filled with; retained */
	const char *tag;            /* that was sent along, or NULL; copied */
	struct ledger_claim *claim; /* held, or NULL where there is no ledger */
	int64_t sent_at;            /* when it was first sent; unix ms, our clock */
	int64_t last_at;            /* when it was last sent */
};

struct lookups; /* those under way, by account and list */
struct lookup;

struct lookups *lookups_new(struct engine *engine);
void lookups_free(struct lookups *all);

/* Whether the operation's outcome can be looked up for this account. */
bool lookup_possible(const struct account *a, const struct operation *op);

/* fn is called once, never from within. */
struct lookup *lookup_start(
    struct lookups *all, const struct lookup_spec *spec, lookup_fn *fn, void *arg);

/* fn will not come; the claim stays as it is. False: it is being settled just now, and fn will
 * come. */
bool lookup_cancel(struct lookup *l);

#endif
