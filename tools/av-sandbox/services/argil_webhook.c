/*
 * Argil's webhooks: clients register URLs for events, and get them.
 */
#include <string.h>

#include "base/clock.h"
#include "core/deliver.h"
#include "core/stats.h"
#include "core/timer.h"
#include "services/services.h"

/* An event that comes after the next one; NULL: none waits. */
static struct sb_item *held;

static struct json_object *
webhook_json(const struct sb_item *it)
{
	struct json_object *o = json_object_new_object();

	obj_text(o, "id", it->id);
	obj_merge(o, it->params);
	obj_time(o, "createdAt", it->created, true);
	obj_time(o, "updatedAt", it->updated, true);
	obj_text(o, "lastTriggeredAt", NULL);
	if (it->ready > it->created) /* when the last event was sent */
		obj_time(o, "lastTriggeredAt", it->ready, true);
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

/* Puts the name of the event of an item, which may be wrong, into the body. */
static struct json_object *
event_json(const struct sb_item *it, const char *id, bool ready)
{
	const struct sb_item *what = it->kind == AVATAR ? it : it->parent;
	struct json_object *o = json_object_new_object(),
	                   *data = json_object_new_object();

	json_object_object_add(o, "data", data);
	if (it->kind == AVATAR) {
		/* No document says which event a refused avatar raises. */
		obj_text(o, "event",
		    ready ? "AVATAR_TRAINING_SUCCESS" : "AVATAR_TRAINING_FAILED");
		obj_text(data, "avatarId", id);
		if (obj_has(it->params, "voiceId"))
			obj_copy(data, "voiceId", it->params);
		obj_text(data, "avatarName", it->name);
	} else {
		obj_text(o, "event",
		    ready ? "VIDEO_GENERATION_SUCCESS" : "VIDEO_GENERATION_FAILED");
		obj_text(data, "videoId", id);
		obj_text(data, "videoName", what->name);
		media_url(data, "videoUrl", what, ready ? "video.mp4" : NULL);
	}
	obj_copy(data, "extras", what->params);
	return o;
}

/* Sends to the URL of the call that made the item, and to those that are registered for
 * the event. */
static void
send_body(const struct sb_item *it, struct json_object *body)
{
	const struct sb_list *all = state_list(ARGIL, WEBHOOK);

	if (obj_has(it->params, "callbackUrl"))
		deliver(ARGIL, obj_get_text(it->params, "callbackUrl"), body);
	for (size_t i = 0; i < all->n; i++) {
		struct sb_item *hook = all->at[i];
		struct json_object *events = obj_get(hook->params, "events");
		size_t n = 0;

		while (
		    n < json_object_array_length(events) &&
		    strcmp(json_object_get_string(json_object_array_get_idx(events, n)),
		        obj_get_text(body, "event")) != 0)
			n++;
		if (hook->deleted || n == json_object_array_length(events))
			continue;
		hook->ready = clock_unix_ms();
		deliver(ARGIL, obj_get_text(hook->params, "callbackUrl"), body);
	}
	json_object_put(body);
}

static void
send_event(void *arg)
{
	const struct sb_item *it = arg;

	send_body(it, event_json(it, it->kind == AVATAR ? it->id : it->parent->id,
	                  it->fate == FATE_READY));
}

static void
send_held(void *arg)
{
	struct sb_item *it = held;

	(void)arg;
	held = NULL;
	if (it != NULL)
		send_event(it);
}

/* Sends what is not true: of an avatar that does not exist, and of one that is in
 * training. */
static void
send_forged(struct sb_item *it)
{
	const struct sb_list *all = state_list(ARGIL, it->kind);
	char nobody[UUID_SIZE];

	uuid_of(mix(opts.seed, 7), mix_str(1, it->id), nobody);
	send_body(it, event_json(it, nobody, true));
	for (size_t i = all->n; i-- > 0;)
		if (sb_item_progress(all->at[i]) < 1) {
			const struct sb_item *other = all->at[i];

			send_body(other,
			    event_json(other,
			        other->kind == AVATAR ? other->id : other->parent->id,
			        true));
			break;
		}
}

static bool
is_awaited(const struct sb_item *it)
{
	const struct sb_list *all = state_list(ARGIL, WEBHOOK);
	size_t i = 0;

	while (i < all->n && all->at[i]->deleted)
		i++;
	return i < all->n || obj_has(it->params, "callbackUrl");
}

/* The item is ready or has failed now. */
static void
settled(void *arg)
{
	struct sb_item *it = arg;
	const struct fault *f;

	if (it->deleted || !is_awaited(it))
		return;
	f = fault_pick(ARGIL, EVENT, false);
	if (f != NULL)
		stats_fault(ARGIL, f->spec);
	if (f != NULL && f->kind == FAULT_LOST)
		return;
	if (f != NULL && f->kind == FAULT_LATE) {
		sb_timer_add(opts.late, send_event, it);
		return;
	}
	if (f != NULL && f->kind == FAULT_REORDERED && held == NULL) {
		held = it;
		sb_timer_add(opts.late, send_held, NULL);
		return;
	}
	if (f != NULL && f->kind == FAULT_FORGED)
		send_forged(it);
	send_event(it);
	if (f != NULL && f->kind == FAULT_DOUBLED)
		send_event(it);
	send_held(NULL);
}

void
argil_made(struct sb_item *it)
{
	int64_t left = it->ready - clock_unix_ms();

	if (it->kind == AVATAR || it->kind == VIDEO_RENDER)
		sb_timer_add(left > 0 ? left : 0, settled, it);
}

void
argil_resume(void)
{
	static const enum item_kind kinds[] = {AVATAR, VIDEO_RENDER};

	for (int k = 0; k < 2; k++) {
		const struct sb_list *all = state_list(ARGIL, kinds[k]);

		for (size_t i = 0; i < all->n; i++)
			if (sb_item_progress(all->at[i]) < 1)
				argil_made(all->at[i]);
	}
}
