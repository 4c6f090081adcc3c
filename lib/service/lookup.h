/*
 * lookup: what became of a request whose answer was lost, as the service's list tells.
 *
 * Found is adopted. Absent means absent from two complete listings, `lookup.settle_s` apart, for
 * lists lag; the first begins `lookup.effect_s` after the answer was lost, when a service that is
 * still at it would have told so. What is in doubt at the same time shares a listing. Two
 * candidates, one that is not surely it, or a list that cannot be had, tell nothing.
 */
#ifndef AV_SERVICE_LOOKUP_H
#define AV_SERVICE_LOOKUP_H

#include "ledger/ledger.h"
#include "service/account.h"
#include "service/call.h"

enum lookup_verdict {
	LOOKUP_FOUND,  /* taken: what the list says; the claim is settled and gone */
	LOOKUP_ABSENT, /* surely not made; the claim is held */
	LOOKUP_UNTOLD, /* why: for a person; the claim is held */
	LOOKUP_BROKEN, /* why: the ledger cannot be written; the claim is gone */
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
	struct json_object *match;  /* lookup_match of when it was sent; retained */
	const char *tag;            /* that was sent along, or NULL; copied */
	struct ledger_claim *claim; /* held */
	int64_t sent_at;            /* when it was first sent; unix ms, our clock */
	int64_t lost_at;            /* when its answer was surely lost; 0: by now */
	int64_t
	    clock_offset; /* the server's clock as of then, minus ours; 0: as it is now */
	bool earlier; /* it was sent by another run, when our clock may have been wrong */
};

struct lookups; /* those under way, by account and list */
struct lookup;

struct lookups *lookups_new(struct engine *engine);
void lookups_free(struct lookups *all);

/* Whether the outcome can be looked up: by a list where there is something to tell an entry by,
 * on an account that nothing else uses where that is needed, or by asking about one thing. */
bool lookup_possible(const struct lookup_spec *spec);

/* What an entry of the list must hold, as far as the description says: texts by pointer, the
 * caller's; NULL where it says nothing, or something that vars does not have. */
struct json_object *lookup_match(const struct operation *op, struct json_object *vars);

/* fn is called once, never from within. */
struct lookup *lookup_start(
    struct lookups *all, const struct lookup_spec *spec, lookup_fn *fn, void *arg);

/* fn will not come; the claim stays as it is. False: it is being settled just now, and fn will
 * come. */
bool lookup_cancel(struct lookup *l);

#endif
