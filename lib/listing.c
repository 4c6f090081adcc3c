#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "listing.h"
#include "mem.h"

/* No list is longer; a service that always says "more" must not keep us for ever. */
#define MAX_PAGES 1000000

struct listing {
	struct engine *engine;
	struct listing_spec spec;
	listing_fn *entry;
	listing_done *done;
	void *arg;
	struct json_object *paging;
	int64_t page, pages;
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

/* Moves on by the service's cursor. */
static int
next_cursor(struct listing *l, struct json_object *body, struct json_object *items)
{
	const char *item_cursor = json_str(l->paging, "/item_cursor");
	char *cursor = json_text(body, json_str(l->paging, "/next"));
	bool moved;

	if (cursor == NULL && item_cursor != NULL)
		cursor = json_text(
		    json_object_array_get_idx(items, json_object_array_length(items) - 1),
		    item_cursor);
	moved = cursor != NULL && (l->cursor == NULL || strcmp(cursor, l->cursor) != 0);
	free(l->cursor);
	l->cursor = cursor;
	return moved ? 1 : -1;
}

/* Moves on to the next page: 1; 0: there is none; -1: there is one and it cannot be had, as where a
 * service answers the same page again and again. */
static int
next_page(struct listing *l, struct json_object *body, struct json_object *items)
{
	const char *last = json_str(l->paging, "/last");

	if (json_object_array_length(items) == 0)
		return 0;
	if (++l->pages >= MAX_PAGES || json_object_equal(items, l->before))
		return -1;
	json_object_put(l->before);
	l->before = json_object_get(items);
	if (is_style(l, "page")) {
		l->page++;
		return last == NULL || l->page <= json_int(body, last, INT64_MAX);
	}
	if (!is_style(l, "cursor") ||
	    !json_flag(body, json_str(l->paging, "/more"), false))
		return 0;
	return next_cursor(l, body, items);
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
		bool empty = result->failure->http_status != 0 &&
		             result->failure->http_status ==
		                 json_int(l->paging, "/empty_status", 0);
		end(l, empty ? NULL : result->failure);
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
	ask(l);
	return l;
}

void
listing_stop(struct listing *l)
{
	call_stop(l->call, true);
}
