/*
 * listing: reads all entries of a service's list, page after page.
 */
#ifndef AV_SERVICE_LISTING_H
#define AV_SERVICE_LISTING_H

#include "service/call.h"

struct listing_spec {
	struct account *account;
	const struct operation *op;
	struct json_object
	    *vars;          /* for its templates, beside the page; or NULL */
	int64_t timeout_ms; /* for each page */
};

struct listing;

/* Called for each entry, borrowed. */
typedef void listing_fn(void *arg, struct json_object *entry);

/* Called once at the end; failure NULL: the list is complete. */
typedef void listing_done(void *arg, const struct failure *failure);

struct listing *listing_start(struct engine *engine,
    const struct listing_spec *spec, listing_fn *entry, listing_done *done,
    void *arg);

#endif
