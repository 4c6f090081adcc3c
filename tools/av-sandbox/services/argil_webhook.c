/*
 * Argil's webhooks: they can be registered, listed and changed, but no event is
 * delivered.
 */
#include <string.h>

#include "services/services.h"

static struct json_object *
webhook_json(const struct sb_item *it)
{
	struct json_object *o = json_object_new_object();

	obj_text(o, "id", it->id);
	obj_merge(o, it->params);
	obj_time(o, "createdAt", it->created, true);
	obj_time(o, "updatedAt", it->updated, true);
	obj_text(o, "lastTriggeredAt", NULL);
	return o;
}

static bool
events_fit(struct req *r, struct json_object *o)
{
	struct json_object *events = NULL;
	size_t n, i;

	json_object_object_get_ex(o, "events", &events);
	n = json_object_is_type(events, json_type_array)
	        ? json_object_array_length(events)
	        : 0;
	for (i = 0; i < n; i++)
		if (!word_in("AVATAR_TRAINING_SUCCESS AVATAR_TRAINING_FAILED "
		             "VIDEO_GENERATION_SUCCESS VIDEO_GENERATION_FAILED",
		        json_object_get_string(json_object_array_get_idx(events, i))))
			break;
	if (n > 0 && i == n)
		return true;
	req_refuse(r, 400, "bad_value", "events",
	    "events is not a list of at least one known event");
	return false;
}

/* The body that registers a webhook (all members) or changes it (some). NULL: refused. */
static struct json_object *
read_webhook(struct req *r, bool all)
{
	struct json_object *o = req_json(r, "callbackUrl events");
	bool ok = o != NULL;

	if (ok && (all || obj_has(o, "callbackUrl")))
		ok = req_url(r, o, "callbackUrl", false);
	if (ok && (all || obj_has(o, "events")))
		ok = events_fit(r, o);
	if (ok)
		return o;
	json_object_put(o);
	return NULL;
}

void
argil_webhook_create(struct req *r)
{
	struct json_object *o = read_webhook(r, true);
	struct sb_item *it;

	if (o == NULL)
		return;
	it = sb_item_new(&argil_service, WEBHOOK, NULL);
	json_object_put(it->params);
	it->params = o;
	state_make(it, 0);
	req_answer_json(r, 201, webhook_json(it));
}

void
argil_webhook_list(struct req *r)
{
	const struct sb_list *all = state_list(ARGIL, WEBHOOK);
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < all->n; i++)
		if (!all->at[i]->deleted)
			json_object_array_add(list, webhook_json(all->at[i]));
	req_answer_json(r, 200, list);
}

static struct sb_item *
webhook_of(struct req *r)
{
	struct sb_item *it = state_find(ARGIL, WEBHOOK, r->arg[0]);

	if (it == NULL)
		req_fail(r, 404, "webhook not found");
	return it;
}

void
argil_webhook_update(struct req *r)
{
	struct sb_item *it = webhook_of(r);
	struct json_object *o = it != NULL ? read_webhook(r, false) : NULL,
	                   *params = NULL;

	if (o == NULL)
		return;
	json_object_deep_copy(it->params, &params, NULL);
	obj_merge(params, o);
	json_object_put(o);
	state_change(it, params);
	req_answer_json(r, 200, webhook_json(it));
}

void
argil_webhook_delete(struct req *r)
{
	struct sb_item *it = webhook_of(r);

	if (it == NULL)
		return;
	state_delete(it);
	req_answer(r, 204);
}
