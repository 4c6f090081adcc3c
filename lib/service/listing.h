/*
 * listing: reads all entries of a service's list, page after page.
 */
#ifndef AV_SERVICE_LISTING_H
#define AV_SERVICE_LISTING_H

#include "service/call.h"

/* Called for each entry, borrowed. */
typedef void listing_fn(void *arg, struct json_object *entry);

/* Called once at the end; failure NULL: the list is complete. */
typedef void listing_done(void *arg, const struct failure *failure);

/* page: the call for each page, without vars and deadline, which the listing
 * sets. Its timeout is for the whole list, which may have 1 GiB. The result is
 * valid until done returns. */
struct listing;
struct listing *listing_start(struct engine *engine,
    const struct call_spec *page, listing_fn *entry, listing_done *done,
    void *arg);

/* Ends it soon, perhaps at once, with a failure. */
void listing_stop(struct listing *l);

#endif
