/*
 * lookup: asks the service's list what became of a request whose response was
 * lost.
 *
 * Found: the request made one candidate, which is adopted. Absent: two complete
 * listings, lookup.settle_s apart because lists lag, have no candidate. The
 * first of them begins lookup.effect_s after the response was lost, when a
 * service that still worked on the request would be done. Otherwise the outcome
 * stays unknown: two candidates, one that is no sure match (match.h) and whose
 * picture does not show the photo (pictures.h), or a list that cannot be read
 * by the deadline prove nothing.
 *
 * Lookups of one list at the same time share a listing.
 */
#ifndef AV_SERVICE_LOOKUP_H
#define AV_SERVICE_LOOKUP_H

#include "ledger/ledger.h"
#include "service/account.h"
#include "service/call.h"
#include "service/pictures.h"

enum lookup_verdict {
	LOOKUP_FOUND,   /* the claim is settled with `taken`, and gone */
	LOOKUP_ABSENT,  /* surely not made; the claim is still ours */
	LOOKUP_UNKNOWN, /* the claim is still ours */
	LOOKUP_BROKEN,  /* the ledger cannot be written; the claim is gone */
};

struct lookup_result {
	enum lookup_verdict verdict;
	struct json_object *taken; /* FOUND: what the list says; borrowed */
	const char *why;           /* UNKNOWN, BROKEN: for people */
	bool retryable;            /* another run may learn more */
};

typedef void lookup_fn(void *arg, const struct lookup_result *result);

/* Times are unix ms by our clock. */
struct lookup_spec {
	struct account *account;
	const struct operation *op; /* whose outcome is unknown */
	struct json_object *vars;   /* it was filled with; retained */
	struct json_object *match;  /* match_of_request, then; retained */
	const char *tag;            /* sent along, or NULL; copied */
	const char *mark;           /* as of match.h, or NULL; copied */
	/* The photo that was sent, to compare pictures with: its path and its
	 * SHA-256, copied; or NULL. */
	const char *photo, *sha256;
	struct ledger_claim *claim;
	int64_t sent_at;  /* when it was first sent */
	int64_t lost_at;  /* when its response was surely lost; 0: now */
	int64_t deadline; /* when the lookup ends, in the loop's time */
	/* The server's clock minus ours when it was sent; 0: as now. */
	int64_t clock_offset;
	bool earlier; /* by an earlier run, whose clock may have been off */
};

struct lookups; /* all lookups under way, by account and list */
struct lookup;

/* calls: compares pictures as evidence; NULL: without. */
struct lookups *lookups_new(
    struct engine *engine, const struct pictures_calls *calls);
void lookups_free(struct lookups *all);

/* True if the service can tell the outcome: by a list that has something to
 * compare, on an account that nothing else uses if the description demands it;
 * or by the state of one object. */
bool lookup_possible(const struct lookup_spec *spec);

/* fn is called once, never from within. */
struct lookup *lookup_start(struct lookups *all, const struct lookup_spec *spec,
    lookup_fn *fn, void *arg);

/* fn will not come; the claim stays as it is. False: fn will come, since the
 * claim is being settled, or a call or a picture has to end first. */
bool lookup_cancel(struct lookup *l);

#endif
