/*
 * avtr1 (Protoface): documented by the vendor's OpenAPI. Every answer carries X-Request-Id,
 * every error is one envelope.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "services/services.h"

static uint64_t requests;

static bool
avtr1_authorized(struct req *r)
{
	const char *got = req_header(r, "Authorization");
	char *key = secret_of("AVTR1_API_KEY");
	bool ok = got != NULL && strncasecmp(got, "Bearer ", 7) == 0 &&
	          strcmp(got + 7, key) == 0;

	free(key);
	return ok;
}

static void
add_text(struct json_object *o, const char *name, const char *s)
{
	json_object_object_add(o, name, s != NULL ? json_object_new_string(s) : NULL);
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
	add_text(e, "code", quota && status == 429 ? "avatar_slots" : errors[i].code);
	add_text(e, "message", message);
	add_text(e, "param", field);
	add_text(e, "request_id", id);
	add_text(e, "type", quota && status == 429 ? "quota_exceeded" : errors[i].type);
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
	char text[TIME_SIZE];

	time_iso(it->created, false, text);
	add_text(o, "created_at", text);
	if (failed)
		add_text(o, "failure_reason", "No face detected in source image.");
	add_text(o, "id", it->id);
	json_object_object_add(o, "is_demo", json_object_new_boolean(false));
	add_text(o, "name", it->name);
	add_text(o, "object", "avatar");
	json_object_object_add(o, "runtime_type",
	    json_object_get(json_object_object_get(it->params, "runtime_type")));
	add_text(o, "status", !settled ? "processing" : failed ? "failed" : "ready");
	return o;
}

static char *
part_text(struct sb_parts *parts, const char *name, const char *otherwise)
{
	struct sb_part *p = part_find(parts, name);

	return p != NULL ? mem_strn(p->data, p->len) : mem_str(otherwise);
}

/* The part's photo; refuses what the documents do not take. */
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
		    "runtime_type is '%.100s'", runtime);
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
		it = sb_item_new(AVTR1, AVATAR, NULL);
		it->photo = photo;
		it->name = part_text(&parts, "name", "Custom Avatar");
		add_text(it->params, "runtime_type", runtime);
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
		req_refuse(
		    r, 404, "bad_id", "avatar_id", "'%s' is no avatar's id", r->arg[0]);
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

/* Where the list goes on: after the place of an item, newest first. */
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
		    "'%s' is no avatar's id", after);
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
		req_refuse(r, 422, "bad_value", "scope", "scope is '%s'", scope);
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
	add_text(o, "object", "list");
	json_object_object_add(o, "data", data);
	json_object_object_add(o, "has_more", json_object_new_boolean(more));
	if (more)
		add_text(o, "next_cursor", last);
	reply(r, 200, o);
}

static const struct route routes[] = {
    {"POST", "/avatars", PAID, NULL, true, avtr1_create},
    {"GET", "/avatars", LIST, "limit starting_after scope q", false, avtr1_list},
    {"GET", "/avatars/{}", POLL, NULL, false, avtr1_get},
    {"DELETE", "/avatars/{}", FREE, NULL, false, avtr1_delete},
    {NULL, NULL, FREE, NULL, false, NULL},
};

const struct service avtr1_service = {
    .no = AVTR1,
    .base = "/avtr1/v1",
    .routes = routes,
    .authorized = avtr1_authorized,
    .error = avtr1_error,
    .no_money = 402,
    .bad_query = 422,
};
