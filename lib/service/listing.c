#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "provider/request.h"
#include "service/listing.h"
#include "json/json.h"

/* Ends a list whose pages never end, as its deadline does. A list of a million entries
 * is a few hundred megabytes. */
#define MAX_BYTES (1024 * 1024 * 1024)

/* Other callbacks have their turn after so long: a page may have 100,000 entries, which
 * are compared with a thousand requests. */
#define SLICE_MS 20

/* Of next_page: the list became shorter while it was read. */
#define CHANGED (-2)

struct listing {
	struct engine *engine;
	struct call_spec spec; /* of the next page */
	listing_fn *entry;
	listing_done *done;
	void *arg;
	struct json_object *given; /* variables of all pages */
	struct json_object *paging;
	int64_t page, pages, asked, bytes;
	int64_t last, total; /* pages, entries, as the service says; -1: it does not */
	char *cursor;
	struct json_object *before; /* the entries of the page before */
	struct call *call;          /* NULL: its page is being read */
	struct json_object *body;
	size_t at; /* the next entry of the page */
	struct timer timer;
	int64_t deadline;
};

static void answered(void *arg, const struct call_result *result);

static void
end(struct listing *l, const struct failure *failure)
{
	l->done(l->arg, failure);
	loop_cancel(l->engine->loop, &l->timer);
	json_object_put(l->body);
	json_object_put(l->before);
	json_object_put(l->given);
	free(l->cursor);
	free(l);
}

static void
ask(struct listing *l)
{
	struct json_object *vars = json_new_object();

	json_object_object_foreach(l->given, name, value)
	    json_put(vars, name, json_object_get(value));
	json_put_int(vars, "page", l->page);
	if (!json_has(vars, "/page_size"))
		json_put_int(vars, "page_size", json_int(l->paging, "/size", 100));
	json_put_str(vars, "cursor", l->cursor);
	l->spec.vars = vars;
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

	if (more != NULL && !json_object_is_type(json_at(body, more), json_type_boolean))
		return -1;
	if (more != NULL && !json_flag(body, more, false))
		return 0;
	cursor = json_text(body, json_str(l->paging, "/next"));
	if (cursor == NULL && json_len(items) > 0)
		cursor = json_text(json_item(items, json_len(items) - 1),
		    json_str(l->paging, "/item_cursor"));
	if (more == NULL && cursor == NULL)
		return 0;
	moved = cursor != NULL && (l->cursor == NULL || strcmp(cursor, l->cursor) != 0);
	free(l->cursor);
	l->cursor = cursor;
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

/* Moves on in a list with numbered pages. */
static int
next_by_number(struct listing *l, bool empty)
{
	if (empty && l->pages == 1 && l->last > l->page)
		return -1;
	if (l->last >= 0 ? l->page >= l->last : empty)
		return 0;
	l->page++;
	return 1;
}

/* Moves on to the next page. Returns 1; 0 if this was the last page; CHANGED; -1 if the
 * list cannot be read whole, for example because the service sends a page again. */
static int
next_page(struct listing *l, struct json_object *body, struct json_object *items)
{
	const char *style = json_str(l->paging, "/style");
	bool empty = json_len(items) == 0;

	l->pages++;
	if (!json_object_is_type(items, json_type_array) || l->bytes > MAX_BYTES ||
	    loop_now(l->engine->loop) >= l->deadline ||
	    (!empty && json_object_equal(items, l->before)))
		return -1;
	json_object_put(l->before);
	l->before = json_object_get(items);
	if (style != NULL && strcmp(style, "page") == 0)
		return is_shorter(l, body, empty) ? CHANGED : next_by_number(l, empty);
	if (style != NULL && strcmp(style, "cursor") == 0)
		return next_by_cursor(l, body, items);
	return 0;
}

/* True if the service's own status says that the list is empty. A gateway's status does
 * not count. */
static bool
is_no_entries(const struct listing *l, const struct call_result *result)
{
	int64_t status = json_int(l->paging, "/empty_status", 0);

	return status != 0 && result->failure->http_status == status &&
	       result->body != NULL && l->last < l->page;
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

/* Reads the rest of a page, and asks for the next one. */
static void
read_page(void *arg)
{
	struct listing *l = arg;
	struct loop *loop = l->engine->loop;
	struct json_object *items = json_at(l->body, json_str(l->paging, "/items"));
	int64_t until = clock_monotonic_ms() + SLICE_MS;
	int more;

	while (l->at < json_len(items)) {
		if (clock_monotonic_ms() >= until) {
			loop_at(loop, &l->timer, loop_now(loop), read_page, l);
			return;
		}
		switch (l->entry(l->arg, json_item(items, l->at++))) {
		case LISTING_HOLD:
			return;
		case LISTING_ENOUGH:
			end(l, NULL);
			return;
		case LISTING_MORE:
			break;
		}
	}
	more = next_page(l, l->body, items);
	if (more > 0)
		ask(l);
	else
		end_pages(l, more);
}

int64_t
listing_bytes(const struct listing *l)
{
	return l->bytes;
}

void
listing_go_on(struct listing *l)
{
	loop_at(l->engine->loop, &l->timer, loop_now(l->engine->loop), read_page, l);
}

int64_t
listing_requests(const struct listing *l)
{
	return l->asked;
}

static void
answered(void *arg, const struct call_result *result)
{
	struct listing *l = arg;

	l->call = NULL;
	if (result->failure != NULL) {
		end(l, is_no_entries(l, result) ? NULL : result->failure);
		return;
	}
	json_object_put(l->body);
	l->body = json_object_get(result->body);
	l->bytes += (int64_t)result->bytes;
	l->at = 0;
	read_page(l);
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
	    .page = json_int(paging, "/first", 1),
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

	if (l->call != NULL) {
		call_stop(l->call, true);
		return;
	}
	err_set(&stopped.err, CODE_INTERRUPTED, "stopped while it was read");
	end(l, &stopped);
}
