#include <stdlib.h>
#include <string.h>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/hashset.h"
#include "base/mem.h"
#include "http/url.h"
#include "provider/request.h"
#include "service/listing.h"
#include "json/json.h"

/* Ends a list whose pages never end, as its deadline does. A list of a million entries
 * is a few hundred megabytes. */
#define MAX_BYTES (1024 * 1024 * 1024)

/* Other callbacks have their turn after so long: a page may have 100,000 entries, which
 * are compared with a thousand requests. */
#define SLICE_MS 20

/* How often in a row a page is asked for again whose response has no list. */
#define AGAIN          3
#define AGAIN_FIRST_MS 500
#define AGAIN_MAX_MS   5000

/* A list that says that there is more has at most so many pages in a row without entries. */
#define EMPTY_MAX 1000

/* Of next_page: the list became shorter while it was read. */
#define CHANGED (-2)

/* A response. */
struct page {
	bool there;
	struct json_object *body;
	char *url, *link; /* what was asked; its Link */
	int64_t bytes;
	struct failure failure; /* CODE_NONE: none */
};

struct listing {
	struct engine *engine;
	struct call_spec spec; /* of the next page */
	listing_fn *entry;
	listing_done *done;
	void *arg;
	struct json_object *given; /* variables of all pages */
	struct json_object *paging;
	int64_t number, pages, asked, bytes;
	int64_t seen;        /* entries on the pages that were read */
	int64_t last, total; /* pages, entries, as the service says; -1: it does not */
	char *cursor;
	char *url;      /* of the next page, if the service tells it; or NULL */
	unsigned again; /* times that this page was asked for again */
	struct json_object *before; /* the entries of the page before */
	struct hashset told;        /* cursors or URLs of pages */
	unsigned empty;             /* pages without entries, in a row */
	struct call *call;          /* NULL: none is under way */
	struct page page, ahead;    /* that is read; that came meanwhile */
	size_t at;                  /* the next entry of the page */
	int more;                   /* after the page, as next_page returned it */
	int64_t wanted;             /* entries, at least */
	bool held;                  /* until listing_go_on */
	bool over;                  /* ends, without a failure, with the call */
	struct timer again_at;
	struct deferred reading;
	int64_t deadline;
};

static void answered(void *arg, const struct call_result *result);

static void
page_release(struct page *page)
{
	json_object_put(page->body);
	free(page->url);
	free(page->link);
	failure_release(&page->failure);
	*page = (struct page){0};
}

static void
end(struct listing *l, const struct failure *failure)
{
	l->done(l->arg, failure);
	loop_cancel(l->engine->loop, &l->again_at);
	loop_unidle(l->engine->loop, &l->reading);
	page_release(&l->page);
	page_release(&l->ahead);
	json_object_put(l->before);
	json_object_put(l->given);
	hashset_release(&l->told);
	free(l->cursor);
	free(l->url);
	free(l);
}

static bool
has_style(const struct listing *l, const char *style)
{
	return strcmp(json_str(l->paging, "/style"), style) == 0;
}

static int64_t
page_size(const struct listing *l)
{
	return json_int(l->given, "/page_size", json_int(l->paging, "/size", 100));
}

static void
ask(void *arg)
{
	struct listing *l = arg;
	struct json_object *vars = json_new_object();

	json_object_object_foreach(l->given, name, value)
	    json_put(vars, name, json_object_get(value));
	json_put_int(vars, "page", l->number);
	json_put_int(vars, "offset", json_int(l->paging, "/first", 0) + l->seen);
	json_put_int(vars, "page_size", page_size(l));
	json_put_str(vars, "cursor", l->cursor);
	l->spec.vars = vars;
	l->spec.url = l->url;
	l->asked++;
	l->call = call_start(l->engine, &l->spec, answered, l);
	json_object_put(vars);
}

static int
next_by_cursor(struct listing *l, struct json_object *body, struct json_object *items)
{
	const char *more = json_str(l->paging, "/more");
	char *cursor;
	bool moved;

	if (more != NULL && !json_flag(body, more, false))
		return 0;
	cursor = json_text(body, json_str(l->paging, "/next"));
	if (cursor == NULL && json_len(items) > 0)
		cursor = json_text(json_item(items, json_len(items) - 1),
		    json_str(l->paging, "/item_cursor"));
	if (more == NULL && cursor == NULL)
		return 0;
	moved = cursor != NULL && hashset_add_str(&l->told, cursor);
	free(l->cursor);
	l->cursor = cursor;
	return moved ? 1 : -1;
}

/* Moves on to the URL that the service tells. Another origin gets no credentials. */
static int
next_by_link(struct listing *l, const struct page *page)
{
	const char *place = json_str(l->paging, "/next");
	char *target = place != NULL ? json_text(page->body, place) : mem_str(page->link);
	char *url;
	bool moved;

	if (target == NULL || *target == '\0') {
		free(target);
		return 0;
	}
	url = url_resolve(page->url, target);
	free(target);
	(void)hashset_add_str(&l->told, page->url);
	moved = url != NULL && url_same_origin(url, l->spec.account->base_url) &&
	        hashset_add_str(&l->told, url);
	free(l->url);
	l->url = url;
	return moved ? 1 : -1;
}

/* True if the list has become shorter, so that entries may have moved to pages that were
 * read already. */
static bool
is_shorter(struct listing *l, struct json_object *body, bool empty)
{
	int64_t last = json_int(body, json_str(l->paging, "/last"), -1);
	int64_t total = json_int(body, json_str(l->paging, "/total"), -1);
	bool first = l->pages == 1, shorter = last < l->last || total < l->total ||
	                                      (empty && !first && last >= 0);

	l->last = last;
	l->total = total;
	return shorter;
}

/* Moves on in a list whose pages are asked for by number or offset. What the description
 * names first tells the end: the last page, more, next, the count, a short or an empty
 * page. */
static int
next_by_number(struct listing *l, struct json_object *body, size_t n)
{
	const char *more = json_str(l->paging, "/more"),
	           *next = json_str(l->paging, "/next"),
	           *end = json_str(l->paging, "/end");
	bool numbered = has_style(l, "page"), is_last;

	if (n == 0 && l->pages == 1 && l->last > l->number)
		return -1;
	if (l->last >= 0 && numbered)
		is_last = l->number >= l->last;
	else if (more != NULL)
		is_last = !json_flag(body, more, false);
	else if (next != NULL)
		is_last = json_at(body, next) == NULL;
	else if (l->total >= 0)
		is_last = l->seen >= l->total;
	else if (end != NULL && strcmp(end, "short") == 0)
		is_last = (int64_t)n < page_size(l);
	else
		is_last = n == 0;
	if (is_last)
		return 0;
	if (n == 0 && (!numbered || (l->total >= 0 && l->last < 0)))
		return -1; /* there is more, but not here */
	l->number++;
	return 1;
}

/* Moves on to the next page. Returns 1; 0 if this was the last page; CHANGED; -1 if the
 * list cannot be read whole, for example because the service sends a page again. */
static int
next_page(struct listing *l, const struct page *page, struct json_object *items)
{
	bool empty = json_len(items) == 0;

	l->pages++;
	l->seen += (int64_t)json_len(items);
	l->empty = empty ? l->empty + 1 : 0;
	if (l->bytes > MAX_BYTES || l->empty > EMPTY_MAX ||
	    loop_now(l->engine->loop) >= l->deadline ||
	    (!empty && json_object_equal(items, l->before)))
		return -1;
	json_object_put(l->before);
	l->before = json_object_get(items);
	if (has_style(l, "page") || has_style(l, "offset"))
		return is_shorter(l, page->body, empty)
		           ? CHANGED
		           : next_by_number(l, page->body, json_len(items));
	if (has_style(l, "cursor"))
		return next_by_cursor(l, page->body, items);
	if (has_style(l, "link"))
		return next_by_link(l, page);
	return 0;
}

/* True if the service's own status says that the list is empty. A gateway's status does
 * not count. */
static bool
is_no_entries(const struct listing *l, const struct page *page)
{
	int64_t status = json_int(l->paging, "/empty_status", 0);

	return status != 0 && page->failure.http_status == status && page->body != NULL &&
	       l->last < l->number && l->total <= l->seen;
}

/* Ends with the failure of a page. One past the first, refused, may be the way in which the
 * service ends a list. */
static void
end_refused(struct listing *l, const struct failure *failure)
{
	struct failure told = {0};

	if (l->pages == 0 || failure->err.code != CODE_REFUSED ||
	    json_has(l->paging, "/empty_status")) {
		end(l, failure);
		return;
	}
	failure_copy(&told, failure);
	err_set(&told.err, CODE_REFUSED,
	    "page %lld of the list '%s' was answered with %d; if that ends the list, its description needs \"empty_status\": %d",
	    (long long)l->pages + 1, l->spec.op->name, failure->http_status,
	    failure->http_status);
	end(l, &told);
	failure_release(&told);
}

/* After the last page: ends with what next_page returned. */
static void
end_pages(struct listing *l, int status)
{
	const char *title = l->spec.account->provider->title;
	struct failure failure = {0};

	if (status == CHANGED)
		err_set(&failure.err, CODE_LIST_CHANGED,
		    "the list '%s' of %s became shorter while it was read",
		    l->spec.op->name, title);
	else if (status < 0)
		err_set(&failure.err, CODE_BAD_ANSWER,
		    "%s answered %s with no list that ends", title, l->spec.op->name);
	end(l, status < 0 ? &failure : NULL);
}

static void take_up(struct listing *l);

/* The caller wants no more: waits for the call, if there is one. */
static void
end_early(struct listing *l)
{
	if (l->call == NULL) {
		end(l, NULL);
		return;
	}
	l->over = true;
	call_stop(l->call, true);
}

/* Reads the rest of a page, and goes on to the next one. */
static void
read_page(void *arg)
{
	struct listing *l = arg;
	struct json_object *items = json_at(l->page.body, json_str(l->paging, "/items"));
	int64_t until = clock_monotonic_ms() + SLICE_MS;

	while (l->at < json_len(items)) {
		if (clock_monotonic_ms() >= until) {
			loop_idle(l->engine->loop, &l->reading, read_page, l);
			return;
		}
		switch (l->entry(l->arg, json_item(items, l->at++))) {
		case LISTING_HOLD:
			l->held = true;
			return;
		case LISTING_ENOUGH:
			end_early(l);
			return;
		case LISTING_MORE:
			break;
		}
	}
	page_release(&l->page);
	if (l->more <= 0)
		end_pages(l, l->more);
	else if (l->ahead.there)
		take_up(l);
	else if (l->call == NULL)
		ask(l);
}

int64_t
listing_bytes(const struct listing *l)
{
	return l->bytes;
}

void
listing_go_on(struct listing *l)
{
	if (l->held)
		loop_idle(l->engine->loop, &l->reading, read_page, l);
	l->held = false;
}

void
listing_expect(struct listing *l, int64_t n)
{
	l->wanted = n;
}

int64_t
listing_requests(const struct listing *l)
{
	return l->asked;
}

/* True if the response has the list, and says if there is more where it has to. */
static bool
is_readable(const struct listing *l, struct json_object *body)
{
	const char *more = json_str(l->paging, "/more");

	return json_object_is_type(
	           json_at(body, json_str(l->paging, "/items")), json_type_array) &&
	       (more == NULL ||
	           json_object_is_type(json_at(body, more), json_type_boolean));
}

/* Asks again for a page that was no list. */
static void
ask_again(struct listing *l)
{
	struct loop *loop = l->engine->loop;

	page_release(&l->ahead);
	if (l->again++ == AGAIN)
		end_pages(l, -1);
	else
		loop_at(loop, &l->again_at,
		    loop_now(loop) + backoff_ms(l->again - 1, AGAIN_FIRST_MS,
		                         AGAIN_MAX_MS, arc4random()),
		    ask, l);
}

/* Reads the page that came, after the one before. The next one is asked for first, if it is
 * needed for sure. */
static void
take_up(struct listing *l)
{
	struct page *page = &l->ahead;
	bool failed = page->failure.err.code != CODE_NONE;

	if (failed && is_no_entries(l, page)) {
		end(l, NULL);
		return;
	}
	if (failed) {
		end_refused(l, &page->failure);
		return;
	}
	l->bytes += page->bytes;
	if (!is_readable(l, page->body)) { /* a byte may be damaged */
		ask_again(l);
		return;
	}
	l->again = 0;
	l->page = *page;
	*page = (struct page){0};
	l->at = 0;
	l->more =
	    next_page(l, &l->page, json_at(l->page.body, json_str(l->paging, "/items")));
	if (l->more > 0 && l->seen < l->wanted) {
		ask(l);
		loop_idle(l->engine->loop, &l->reading, read_page, l);
	} else {
		read_page(l);
	}
}

static void
answered(void *arg, const struct call_result *result)
{
	struct listing *l = arg;

	l->call = NULL;
	if (l->over) {
		end(l, NULL);
		return;
	}
	l->ahead = (struct page){.there = true,
	    .body = json_object_get(result->body),
	    .url = mem_str(result->url),
	    .link = mem_str(result->next),
	    .bytes = (int64_t)result->bytes};
	if (result->failure != NULL)
		failure_copy(&l->ahead.failure, result->failure);
	if (!l->page.there)
		take_up(l);
}

struct listing *
listing_start(struct engine *engine, const struct call_spec *page, listing_fn *entry,
    listing_done *done, void *arg)
{
	struct listing *l = mem_new(1, sizeof *l);
	struct json_object *paging = json_at(page->op->def, "/paging");

	*l = (struct listing){.engine = engine,
	    .spec = *page,
	    .entry = entry,
	    .done = done,
	    .arg = arg,
	    .given = page->vars != NULL ? json_object_get(page->vars)
	                                : request_vars(NULL, page->op, NULL),
	    .paging = paging,
	    .number = json_int(paging, "/first", 1),
	    .last = -1,
	    .total = -1,
	    .deadline = loop_now(engine->loop) + page->timeout_ms};
	l->spec.deadline = &l->deadline;
	ask(l);
	return l;
}

void
listing_stop(struct listing *l)
{
	struct failure stopped = {0};

	if (l->call != NULL) { /* which ends it */
		loop_unidle(l->engine->loop, &l->reading);
		page_release(&l->page);
		call_stop(l->call, true);
		return;
	}
	err_set(&stopped.err, CODE_INTERRUPTED, "stopped while it was read");
	end(l, &stopped);
}
