#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "service/listing.h"
#include "json/json.h"

/* The most pages that are read: a service that always says "more" must not hold us. */
#define MAX_PAGES 1000000

struct listing {
	struct engine *engine;
	struct listing_spec spec;
	listing_fn *entry;
	listing_done *done;
	void *arg;
	struct json_object *paging;
	int64_t page, pages;
	int64_t last; /* page, as the service says; -1: it does not */
	char *cursor;
	struct json_object *before; /* the entries of the page before */
	struct call *call;
	int64_t deadline;
};

static void answered(void *arg, const struct call_result *result);

static void
end(struct listing *l, const struct failure *failure)
{
	l->done(l->arg, failure);
	json_object_put(l->spec.vars);
	json_object_put(l->before);
	free(l->cursor);
	free(l);
}

static void
ask(struct listing *l)
{
	struct json_object *vars =
	    l->spec.vars != NULL ? json_copy(l->spec.vars) : json_new_object();
	struct call_spec spec = {.account = l->spec.account,
	    .op = l->spec.op,
	    .vars = vars,
	    .deadline = &l->deadline,
	    .timeout_ms = l->spec.timeout_ms};

	l->deadline = 0;
	json_put_int(vars, "page", l->page);
	json_put_int(vars, "page_size", json_int(l->paging, "/size", 100));
	json_put_str(vars, "cursor", l->cursor);
	l->call = call_start(l->engine, &spec, answered, l);
	json_object_put(vars);
}

static bool
is_style(const struct listing *l, const char *style)
{
	const char *own = json_str(l->paging, "/style");

	return own != NULL && strcmp(own, style) == 0;
}

/* The cursor of the next page; NULL if there is none. The caller frees it. */
static char *
cursor_of(struct listing *l, struct json_object *body, struct json_object *items)
{
	const char *next = json_str(l->paging, "/next"),
	           *in_item = json_str(l->paging, "/item_cursor");
	size_t n = json_object_array_length(items);
	char *cursor = next != NULL ? json_text(body, next) : NULL;

	if (cursor == NULL && in_item != NULL && n > 0)
		cursor = json_text(json_object_array_get_idx(items, n - 1), in_item);
	return cursor;
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
	cursor = cursor_of(l, body, items);
	if (more == NULL && cursor == NULL)
		return 0;
	moved = cursor != NULL && (l->cursor == NULL || strcmp(cursor, l->cursor) != 0);
	free(l->cursor);
	l->cursor = cursor;
	return moved ? 1 : -1;
}

/* Moves on in a list with numbered pages. Returns -1 if the list shrank while it was read: its
 * entries have moved to pages that were read already. */
static int
next_by_number(struct listing *l, struct json_object *body, bool empty)
{
	const char *at = json_str(l->paging, "/last");
	int64_t last = at != NULL ? json_int(body, at, -1) : -1, before = l->last;
	bool first = l->pages == 1;

	l->last = last;
	if (last < before || (empty && !first && last >= 0) ||
	    (empty && first && last > l->page))
		return -1;
	if (last >= 0 ? l->page >= last : empty)
		return 0;
	l->page++;
	return 1;
}

/* Moves on to the next page. Returns 1; 0 if this was the last page; -1 if the list cannot be
 * read whole, for example because the service sends the same page again. */
static int
next_page(struct listing *l, struct json_object *body, struct json_object *items)
{
	bool empty = json_object_array_length(items) == 0;

	if (++l->pages >= MAX_PAGES || (!empty && json_object_equal(items, l->before)))
		return -1;
	json_object_put(l->before);
	l->before = json_object_get(items);
	if (is_style(l, "page"))
		return next_by_number(l, body, empty);
	return is_style(l, "cursor") ? next_by_cursor(l, body, items) : 0;
}

/* True if the service's own status says that the list is empty. A gateway's status does not
 * count. */
static bool
is_no_entries(const struct listing *l, const struct call_result *result)
{
	int64_t status = json_int(l->paging, "/empty_status", 0);

	return status != 0 && result->failure->http_status == status &&
	       result->body != NULL && l->last < l->page;
}

static void
malformed(struct listing *l)
{
	struct failure failure = {0};

	err_set(&failure.err, CODE_BAD_ANSWER, "%s answered %s with no list that ends",
	    l->spec.account->provider->title, l->spec.op->name);
	end(l, &failure);
}

static void
answered(void *arg, const struct call_result *result)
{
	struct listing *l = arg;
	struct json_object *body, *items;
	int more;

	l->call = NULL;
	if (result->failure != NULL) {
		end(l, is_no_entries(l, result) ? NULL : result->failure);
		return;
	}
	body = result->body;
	items = json_at(body, json_str(l->paging, "/items"));
	if (!json_object_is_type(items, json_type_array)) {
		malformed(l);
		return;
	}
	for (size_t i = 0; i < json_object_array_length(items); i++)
		l->entry(l->arg, json_object_array_get_idx(items, i));
	more = next_page(l, body, items);
	if (more > 0)
		ask(l);
	else if (more == 0)
		end(l, NULL);
	else
		malformed(l);
}

struct listing *
listing_start(struct engine *engine, const struct listing_spec *spec, listing_fn *entry,
    listing_done *done, void *arg)
{
	struct listing *l = mem_new(1, sizeof *l);

	*l = (struct listing){.engine = engine,
	    .spec = *spec,
	    .entry = entry,
	    .done = done,
	    .arg = arg,
	    .paging = json_at(spec->op->def, "/paging")};
	l->spec.vars = json_object_get(spec->vars);
	l->page = json_int(l->paging, "/first", 1);
	l->last = -1;
	ask(l);
	return l;
}
