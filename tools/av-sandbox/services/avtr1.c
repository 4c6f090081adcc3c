/*
 * avtr1 (Protoface): documented by the vendor's OpenAPI. Every answer has an
 * X-Request-Id; every error has the same form.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "core/stats.h"
#include "services/services.h"

static uint64_t requests;

static bool
avtr1_authorized(struct req *r)
{
	return bears_secret(r, "AVTR1_API_KEY");
}

/* "av_" and a ULID: time and randomness in Crockford's base 32, which has no I, L, O and
 * U. */
static char *
avtr1_id(uint64_t n)
{
	static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	uint64_t time = (uint64_t)clock_unix_ms(), low = mix(opts.seed, n);
	char text[27] = "";

	for (int i = 9; i >= 0; i--, time >>= 5)
		text[i] = digits[time & 31];
	for (int i = 17; i >= 10; i--, n >>= 5)
		text[i] = digits[n & 31];
	for (int i = 25; i >= 18; i--, low >>= 5)
		text[i] = digits[low & 31];
	return mem_printf("av_%s", text);
}

static char *
request_id(void)
{
	return mem_printf("req_%026llX", (unsigned long long)mix(opts.seed, ++requests));
}

static void
reply(struct req *r, unsigned status, struct json_object *o)
{
	char *id = request_id();

	if (o != NULL)
		req_answer_json(r, status, o);
	else
		req_answer(r, status);
	req_answer_header(r, "X-Request-Id", "%s", id);
	free(id);
}

static const struct {
	unsigned status;
	const char *type, *code;
} errors[] = {
    {400, "invalid_request", "invalid_request"},
    {401, "authentication", "invalid_api_key"},
    {402, "quota_exceeded", "insufficient_credit_balance"},
    {403, "permission", "api_key.scope_required"},
    {404, "not_found", "avatar.not_found"},
    {409, "conflict", "conflict"},
    {422, "unprocessable", "avatar.unprocessable"},
    {429, "rate_limit", "too_many_requests"},
    {503, "service_unavailable", "at_capacity"},
    {500, "internal", "internal"},
};

static void
avtr1_error(struct req *r, unsigned status, const char *code, const char *field,
    const char *message)
{
	struct json_object *o = json_object_new_object(), *e = json_object_new_object();
	bool quota = code != NULL && strcmp(code, "quota") == 0;
	size_t last = sizeof errors / sizeof *errors - 1, i = 0;
	char *id = request_id();

	while (i < last && errors[i].status != status)
		i++;
	obj_text(e, "code", quota && status == 429 ? "avatar_slots" : errors[i].code);
	obj_text(e, "message", message);
	obj_text(e, "param", field);
	obj_text(e, "request_id", id);
	obj_text(e, "type", quota && status == 429 ? "quota_exceeded" : errors[i].type);
	json_object_object_add(o, "error", e);
	req_answer_json(r, status, o);
	req_answer_header(r, "X-Request-Id", "%s", id);
	if (status == 429 && !quota && r->fault == NULL && opts.account[AVTR1].rate > 0)
		req_answer_header(
		    r, "Retry-After", "%.0f", ceil(1 / opts.account[AVTR1].rate));
	free(id);
}

static struct json_object *
avtr1_json(const struct sb_item *it)
{
	struct json_object *o = json_object_new_object();
	bool settled = sb_item_progress(it) >= 1,
	     failed = settled && it->fate != FATE_READY;

	obj_time(o, "created_at", it->created, false);
	if (failed)
		obj_text(o, "failure_reason", "No face detected in source image.");
	obj_text(o, "id", it->id);
	obj_bool(o, "is_demo", false);
	obj_text(o, "name", it->name);
	obj_text(o, "object", "avatar");
	obj_copy(o, "runtime_type", it->params);
	obj_text(o, "status", !settled ? "processing" : failed ? "failed" : "ready");
	return o;
}

static char *
part_text(struct sb_parts *parts, const char *name, const char *otherwise)
{
	struct sb_part *p = part_find(parts, name);

	return p != NULL ? mem_strn(p->data, p->len) : mem_str(otherwise);
}

/* The photo of the request; NULL: refused. */
static struct sb_photo *
avtr1_photo(struct req *r, const struct sb_part *image, const char *runtime)
{
	struct sb_photo *photo = NULL;

	if (image == NULL || image->filename == NULL) {
		req_refuse(
		    r, 400, "missing_field", "image", "the file 'image' is required");
		return NULL;
	}
	if (!word_in("avtr1 mock gaussian", runtime)) {
		req_refuse(r, 422, "bad_value", "runtime_type",
		    "runtime_type is '%.100s', not avtr1, mock or gaussian", runtime);
		return NULL;
	}
	photo = sb_photo_of(image->data, image->len);
	if (photo->type == PHOTO_JPEG || photo->type == PHOTO_PNG)
		return photo;
	req_refuse(r, 422, "bad_image", "image", "the photo is %s, not JPEG or PNG",
	    sb_photo_type_name(photo->type));
	return NULL;
}

static void
avtr1_create(struct req *r)
{
	struct sb_parts parts = {.n = 0};
	struct sb_part *image;
	struct sb_photo *photo;
	struct sb_item *it;
	char *runtime;

	if (!req_parts(r, &parts, "image name runtime_type")) {
		multipart_release(&parts);
		return;
	}
	image = part_find(&parts, "image");
	runtime = part_text(&parts, "runtime_type", "avtr1");
	photo = avtr1_photo(r, image, runtime);
	if (photo != NULL) {
		it = sb_item_new(&avtr1_service, AVATAR, NULL);
		it->photo = photo;
		it->name = part_text(&parts, "name", "Custom Avatar");
		obj_text(it->params, "runtime_type", runtime);
		it->fate = fate_of(it, it->name, image->filename);
		if (req_pay(r, it, opts.ready_after))
			reply(r, 202, avtr1_json(it));
	}
	free(runtime);
	multipart_release(&parts);
}

static struct sb_item *
avtr1_item(struct req *r)
{
	struct sb_item *it = NULL;

	if (strncmp(r->arg[0], "av_", 3) != 0)
		req_refuse(r, 404, "bad_id", "avatar_id", "'%s' is not an avatar's id",
		    r->arg[0]);
	else if ((it = state_find(AVTR1, AVATAR, r->arg[0])) == NULL)
		req_fail(r, 404, "No such avatar.");
	return it;
}

static void
avtr1_get(struct req *r)
{
	struct sb_item *it = avtr1_item(r);

	if (it != NULL)
		reply(r, 200, avtr1_json(it));
}

static void
avtr1_delete(struct req *r)
{
	struct sb_item *it = avtr1_item(r);

	if (it == NULL)
		return;
	state_delete(it);
	reply(r, 204, NULL);
}

/* Finds where the list starts: newest first, after the item `starting_after`. */
static bool
list_start(struct req *r, const struct sb_list *all, size_t *start)
{
	const char *after = req_query(r, "starting_after");

	*start = all->n;
	if (after == NULL)
		return true;
	for (size_t i = all->n; i-- > 0;)
		if (strcmp(all->at[i]->id, after) == 0)
			return *start = i, true;
	if (strncmp(after, "av_", 3) != 0)
		req_refuse(r, 422, "bad_value", "starting_after",
		    "'%s' is not an avatar's id", after);
	else
		avtr1_error(r, 422, NULL, "starting_after", "no such avatar");
	return false;
}

static bool
wanted(const struct sb_item *it, const char *scope, const char *q)
{
	if (!sb_item_listed(it) || (scope != NULL && strcmp(scope, "platform") == 0))
		return false;
	return q == NULL || strcasestr(it->name, q) != NULL ||
	       strcasestr(it->id, q) != NULL;
}

static void
avtr1_list(struct req *r)
{
	const struct sb_list *all = state_list(AVTR1, AVATAR);
	const char *scope = req_query(r, "scope"), *q = req_query(r, "q"), *last = NULL;
	long limit = req_number(r, "limit", 20, 1, 100), n = 0;
	struct json_object *o, *data;
	bool more = false;
	size_t i;

	if (limit < 0 || !list_start(r, all, &i))
		return;
	if (scope != NULL && !word_in("all platform org", scope)) {
		req_refuse(r, 422, "bad_value", "scope",
		    "scope is '%s', not all, platform or org", scope);
		return;
	}
	data = json_object_new_array();
	while (i-- > 0) {
		if (!wanted(all->at[i], scope, q))
			continue;
		more = n == limit;
		if (more)
			break;
		last = all->at[i]->id;
		json_object_array_add(data, avtr1_json(all->at[i]));
		n++;
	}
	o = json_object_new_object();
	obj_text(o, "object", "list");
	json_object_object_add(o, "data", data);
	obj_bool(o, "has_more", more);
	if (more)
		obj_text(o, "next_cursor", last);
	reply(r, 200, o);
}

/* Each creation costs a credit of the plan's. */
static void
avtr1_quota(struct req *r)
{
	int64_t used = stats_charges(AVTR1), left = used < 7500 ? 7500 - used : 0;
	struct json_object *o = json_object_new_object();

	obj_int(o, "balance_credits", left);
	obj_bool(o, "can_start_session", left > 0);
	obj_text(o, "current_period_end", "2027-01-01T00:00:00Z");
	obj_text(o, "current_period_start", "2026-12-01T00:00:00Z");
	obj_int(o, "included_balance_credits", left);
	obj_int(o, "included_credits_limit", 7500);
	obj_int(o, "included_credits_used", 7500 - left);
	obj_int(o, "low_balance_threshold_credits", 1500);
	obj_text(o, "plan_key", "launch");
	obj_int(o, "rollover_balance_credits", 0);
	obj_text(o, "status", "active");
	reply(r, 200, o);
}

static struct json_object *
plan_json(const char *key, const char *name, int cents, int credits, int slots)
{
	struct json_object *o = json_object_new_object();

	obj_text(o, "key", key);
	obj_text(o, "name", name);
	obj_text(o, "family", key);
	obj_int(o, "monthly_price_cents", cents);
	obj_int(o, "included_credits", credits);
	obj_text(o, "extra_credit_unit_micros", NULL);
	obj_int(o, "max_concurrency", 5);
	obj_int(o, "max_video_concurrency", 1);
	obj_int(o, "custom_avatar_slots", slots);
	obj_text(o, "extra_avatar_slot_cents", NULL);
	obj_int(o, "session_time_limit_seconds", 3600);
	obj_int(o, "studio_project_limit", 10);
	obj_int(o, "studio_generation_concurrency", 1);
	obj_int(o, "voice_clone_slots", 1);
	obj_bool(o, "enterprise", false);
	return o;
}

/* The real service shows its plans without a key too. */
static void
avtr1_plans(struct req *r)
{
	struct json_object *list = json_object_new_array();

	json_object_array_add(list, plan_json("free", "Free", 0, 500, 1));
	json_object_array_add(list, plan_json("launch", "Launch", 4900, 7500, 10));
	reply(r, 200, list);
}

static const struct route routes[] = {
    {"POST", "/avatars", PAID, NULL, true, avtr1_create},
    {"GET", "/avatars", LIST, "limit starting_after scope q", false, avtr1_list},
    {"GET", "/avatars/{}", POLL, NULL, false, avtr1_get},
    {"DELETE", "/avatars/{}", FREE, NULL, false, avtr1_delete},
    {"GET", "/billing/quota", READ, NULL, false, avtr1_quota},
    {"GET", "/billing/plans", READ, NULL, false, avtr1_plans},
    {NULL, NULL, FREE, NULL, false, NULL},
};

const struct service avtr1_service = {
    .no = AVTR1,
    .name = "avtr1",
    .base = "/avtr1/v1",
    .routes = routes,
    .authorized = avtr1_authorized,
    .error = avtr1_error,
    .new_id = avtr1_id,
    .no_money = 402,
    .bad_query = 422,
};
