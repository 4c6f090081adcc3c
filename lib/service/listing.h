/*
 * listing: reads the entries of a service's list, page after page.
 *
 * One page is in memory at a time; with listing_expect, the next one may come
 * while it is read. A response without a list, since it is
 * garbled or cut, is asked for again, up to three times in a row. A list that
 * becomes shorter while it is read fails with list_changed: an entry may have
 * moved to a page that was read already. A list with neither a number of pages
 * nor of entries, and without cursors, cannot be watched like this. A list
 * whose cursors or URLs come again, or that has a thousand pages in a row
 * without entries, fails with bad_answer.
 */
#ifndef AV_SERVICE_LISTING_H
#define AV_SERVICE_LISTING_H

#include "service/call.h"

/* What a caller wants after an entry. */
enum listing_next {
	LISTING_MORE,
	LISTING_HOLD,   /* the next one after listing_go_on */
	LISTING_ENOUGH, /* no other: the listing is done, without a failure */
};

/* Called for each entry, borrowed. */
typedef enum listing_next listing_fn(void *arg, struct json_object *entry);

/* Called once at the end; failure NULL: the list is complete. */
typedef void listing_done(void *arg, const struct failure *failure);

/* page: the call for each page, without deadline, which the listing sets; its
 * vars, which may be NULL, are those of every page; a page_size in them is
 * asked for instead of the description's. Its timeout is for the whole list,
 * which may have 1 GiB. The result is valid until done returns. */
struct listing;
struct listing *listing_start(struct engine *engine,
    const struct call_spec *page, listing_fn *entry, listing_done *done,
    void *arg);

/* The caller takes n entries or more, if there are so many: a page that is
 * needed for sure is asked for while the one before is read. At first 0. */
void listing_expect(struct listing *l, int64_t n);

/* Goes on after LISTING_HOLD; does nothing otherwise. */
void listing_go_on(struct listing *l);

/* How many requests it has sent, and how many bytes it got. */
int64_t listing_requests(const struct listing *l);
int64_t listing_bytes(const struct listing *l);

/* Ends it soon, perhaps at once, with a failure. */
void listing_stop(struct listing *l);

#endif
