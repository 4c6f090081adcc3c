/*
 * Loom: documented in docs.loomai.com, API v0.5. Ids are decimal numbers. The id of an
 * attachment is that of its rendering plus 1. The id of a glTF model is that of its
 * avatar plus 2, the id of the photo that of its avatar plus 7.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "services/draw.h"
#include "services/oauth.h"
#include "services/services.h"

enum { MAX_LOOM_BODY = 16000000 };

static bool
loom_authorized(struct req *r)
{
	return tokens_accept(req_header(r, "Authorization"));
}

static void
loom_revoke(struct req *r)
{
	tokens_revoke(req_header(r, "Authorization"));
}

static char *
loom_id(uint64_t n)
{
	int64_t base = opts.big_ids ? 9100000000000000001 : 6100000000000001;

	return mem_printf("%lld", (long long)(base + (int64_t)n * 10));
}

/* The item's id plus n. */
static int64_t
item_number(const struct sb_item *it, int n)
{
	return strtoll(it->id, NULL, 10) + n;
}

/* The documents show no error body. */
static void
loom_error(struct req *r, unsigned status, const char *code, const char *field,
    const char *message)
{
	(void)code;
	(void)field;
	(void)message;
	req_answer(r, status);
	if (status == 500)
		req_answer_header(r, "X-Loom-Request-Id", "%016llx",
		    (unsigned long long)mix(opts.seed, (uint64_t)clock_unix_ms()));
}

/* The avatar or rendering of that id; NULL: answered with 404. */
static struct sb_item *
loom_item(struct req *r, enum item_kind kind, const char *id)
{
	struct sb_item *it = NULL;

	if (!is_integer(id, 0, INT64_MAX))
		req_refuse(r, 404, "bad_id", NULL, "'%s' is not an id", id);
	else if ((it = state_find(LOOM, kind, id)) == NULL)
		req_fail(r, 404, "no such id");
	return it;
}

static const char *
loom_state(const struct sb_item *it)
{
	double progress = sb_item_progress(it);

	if (progress >= 1)
		return it->fate == FATE_READY ? "done" : "error";
	return progress < 0.3 ? "new" : "inprogress";
}

/* The photo of the part 'image'; NULL: refused. */
static struct sb_photo *
loom_photo(struct req *r, const struct sb_part *image)
{
	struct sb_photo *photo;

	if (image == NULL || image->filename == NULL) {
		req_refuse(
		    r, 400, "missing_field", "image", "the file 'image' is required");
		return NULL;
	}
	if (image->type == NULL || (strcmp(image->type, "image/png") != 0 &&
	                               strcmp(image->type, "image/jpeg") != 0)) {
		req_refuse(r, 400, "bad_part_type", "image",
		    "the part's content type is '%s', not image/png or image/jpeg",
		    image->type != NULL ? image->type : "absent");
		return NULL;
	}
	photo = sb_photo_of(image->data, image->len);
	if (photo->type != PHOTO_JPEG && photo->type != PHOTO_PNG) {
		req_refuse(r, 400, "bad_image", "image",
		    "the photo is %s, not JPEG or PNG", sb_photo_type_name(photo->type));
		return NULL;
	}
	if (strcmp(image->type, sb_photo_type_name(photo->type)) != 0) {
		req_refuse(r, 400, "bad_part_type", "image",
		    "the part's content type is %s, but the photo is %s", image->type,
		    sb_photo_type_name(photo->type));
		return NULL;
	}
	return photo;
}

/* Makes the preview, which Loom renders unless render=false. */
static void
add_preview(struct sb_item *avatar)
{
	struct sb_item *it = sb_item_new(&loom_service, RENDERING, avatar);

	it->free_of_charge = true;
	it->fate = avatar->fate;
	it->photo = avatar->photo;
	obj_text(it->params, "type", "preview");
	obj_text(it->params, "pose", "neutral");
	state_make(it, 0);
}

static void
create_from(struct req *r, struct sb_parts *parts)
{
	struct sb_part *image;
	struct sb_photo *photo;
	struct sb_item *it;
	bool bad = false;
	bool solve = req_flag(r, "solve", true, &bad);
	bool render = !bad && req_flag(r, "render", true, &bad);
	long number = bad ? -1 : req_number(r, "random", 0, 0, 30);

	if (number < 0 || !req_parts(r, parts, "image"))
		return;
	image = part_find(parts, "image");
	photo = loom_photo(r, image);
	if (photo == NULL)
		return;
	it = sb_item_new(&loom_service, AVATAR, NULL);
	it->photo = photo;
	it->fate = fate_of(it, image->filename, NULL);
	obj_int(it->params, "random", number);
	obj_bool(it->params, "solve", solve);
	obj_bool(it->params, "render", render);
	if (!req_pay(r, it, opts.ready_after))
		return;
	if (render)
		add_preview(it);
	req_answer(r, 201);
	req_answer_header(r, "X-Loom-Status", "%s", it->id);
}

static void
loom_create(struct req *r)
{
	struct sb_parts parts = {.n = 0};

	if (r->body.full || r->body.len > MAX_LOOM_BODY)
		req_refuse(r, 413, "too_large", NULL, "the body has more than %d bytes",
		    MAX_LOOM_BODY);
	else
		create_from(r, &parts);
	multipart_release(&parts);
}

static void
answer_state(struct req *r, const struct sb_item *it)
{
	if (it == NULL)
		return;
	req_answer(r, 204);
	req_answer_header(r, "X-Loom-Status", "%s", loom_state(it));
}

static void
loom_status(struct req *r)
{
	answer_state(r, loom_item(r, AVATAR, r->arg[0]));
}

/* The rendering that the path names; NULL: answered with 404. */
static struct sb_item *
loom_rendering(struct req *r)
{
	struct sb_item *avatar = loom_item(r, AVATAR, r->arg[0]), *it;

	if (avatar == NULL || (it = loom_item(r, RENDERING, r->arg[1])) == NULL)
		return NULL;
	if (it->parent == avatar)
		return it;
	req_fail(r, 404, "the rendering belongs to another avatar");
	return NULL;
}

static void
loom_rendering_status(struct req *r)
{
	answer_state(r, loom_rendering(r));
}

static struct json_object *
avatar_json(const struct sb_item *it, const char *fields)
{
	struct json_object *o = json_object_new_object(), *image, *labels, *label,
	                   *entries;

	obj_int(o, "id", item_number(it, 0));
	obj_time(o, "updated_at", it->ready < clock_unix_ms() ? it->ready : it->created,
	    false);
	if (strstr(fields, "image") != NULL) {
		image = json_object_new_object();
		obj_int(image, "id", item_number(it, 7));
		obj_int(image, "width", it->photo->width);
		obj_int(image, "height", it->photo->height);
		obj_int(image, "channels", 3);
		json_object_object_add(o, "image", image);
	}
	if (strstr(fields, "labels") != NULL) {
		label = json_object_new_object();
		obj_text(label, "name", "label_a");
		obj_text(label, "value", "value_a");
		entries = json_object_new_array();
		json_object_array_add(entries, label);
		labels = json_object_new_object();
		json_object_object_add(labels, "entries", entries);
		json_object_object_add(o, "labels", labels);
	}
	return o;
}

static bool
fields_known(struct req *r, const char *fields)
{
	while (*fields != '\0') {
		size_t n = strcspn(fields, ",");
		char *one = mem_strn(fields, n);
		bool known = word_in("image labels features", one);

		free(one);
		if (!known) {
			req_refuse(r, 400, "bad_value", "fields",
			    "fields is '%s', not a list of image, labels, features",
			    fields);
			return false;
		}
		fields += n + (fields[n] == ',');
	}
	return true;
}

static void
answer_entries(struct req *r, struct json_object *entries)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "entries", entries);
	req_answer_json(r, 200, o);
}

static void
loom_list(struct req *r)
{
	const struct sb_list *all = state_list(LOOM, AVATAR);
	const char *fields = req_query(r, "fields");
	long page = req_number(r, "page", 0, 0, 1000000000);
	long size = page < 0 ? -1 : req_number(r, "pagesize", 100, 1, 100);
	struct json_object *entries;
	long n = 0;

	if (size < 0 || (fields != NULL && !fields_known(r, fields)))
		return;
	entries = json_object_new_array();
	for (size_t i = 0; i < all->n; i++) {
		if (!sb_item_listed(all->at[i]))
			continue;
		if (n >= page * size && n < (page + 1) * size)
			json_object_array_add(entries,
			    avatar_json(all->at[i], fields != NULL ? fields : "image"));
		n++;
	}
	answer_entries(r, entries);
}

/* The documents have no page for DELETE; their general rule says 204. */
static void
loom_delete(struct req *r)
{
	struct sb_item *it = loom_item(r, AVATAR, r->arg[0]);

	if (it == NULL)
		return;
	state_delete(it);
	req_answer(r, 204);
}

static bool
is_name(const char *s)
{
	if (strlen(s) < 1 || strlen(s) > 64)
		return false;
	for (; *s != '\0'; s++)
		if (!isalnum((unsigned char)*s) && strchr("_-", *s) == NULL)
			return false;
	return true;
}

static bool
is_colour(const char *s)
{
	size_t n = strlen(s);

	return s[0] == '#' && (n == 4 || n == 7) &&
	       strspn(s + 1, "0123456789abcdefABCDEF") == n - 1;
}

/* Reads the query of a rendering into its params; false: refused. */
static bool
read_rendering(struct req *r, struct json_object *params)
{
	static const char *const names[] = {"pose", "animation", "size"};
	const char *colour = req_query(r, "background_color");

	for (int i = 0; i < 3; i++) {
		const char *s = req_query(r, names[i]);

		if (s == NULL)
			continue;
		if (!is_name(s)) {
			req_refuse(r, 400, "bad_value", names[i],
			    "%s is '%s', not a name", names[i], s);
			return false;
		}
		obj_text(params, names[i], s);
	}
	if ((req_query(r, "pose") != NULL) == (req_query(r, "animation") != NULL)) {
		req_refuse(r, 400, "missing_field", "pose",
		    "exactly one of pose and animation is required");
		return false;
	}
	if (colour == NULL)
		return true;
	if (!is_colour(colour)) {
		req_refuse(r, 400, "bad_value", "background_color",
		    "background_color is '%s', not #RGB or #RRGGBB", colour);
		return false;
	}
	obj_text(params, "background_color", colour);
	return true;
}

static void
loom_render(struct req *r)
{
	struct sb_item *avatar = loom_item(r, AVATAR, r->arg[0]), *it;

	if (avatar == NULL)
		return;
	it = sb_item_new(&loom_service, RENDERING, avatar);
	it->photo = avatar->photo;
	it->fate = avatar->fate;
	if (!read_rendering(r, it->params)) {
		sb_item_free(it);
		return;
	}
	if (!req_pay(r, it, opts.render_after))
		return;
	req_answer(r, 202);
	req_answer_header(r, "X-Loom-Status", "%s", it->id);
}

static const char *
param(const struct sb_item *it, const char *name)
{
	const char *s = obj_get_text(it->params, name);

	return s != NULL ? s : "";
}

static struct json_object *
rendering_json(struct sb_item *it)
{
	struct json_object *o = json_object_new_object(), *a;
	bool animation = *param(it, "animation") != '\0';
	const char *type = *param(it, "type") != '\0' ? param(it, "type")
	                   : animation                ? "animation"
	                                              : "pose";
	char *url;

	obj_int(o, "id", item_number(it, 0));
	obj_copy(o, "random", it->parent->params);
	obj_text(o, "type", type);
	obj_text(o, "pose", param(it, "pose"));
	obj_text(o, "animation", param(it, "animation"));
	if (sb_item_progress(it) < 1 || it->fate != FATE_READY)
		return o;
	a = json_object_new_object();
	obj_int(a, "id", item_number(it, 1));
	obj_int(a, "width", picture_size(it));
	obj_int(a, "height", picture_size(it));
	obj_int(a, "channels", 4);
	url = mem_printf("%s/avatars/%s/attachments/%lld?redirect=true",
	    loom_service.base, it->parent->id, (long long)item_number(it, 1));
	obj_text(a, "url", url);
	free(url);
	json_object_object_add(o, "attachment", a);
	return o;
}

static void
loom_resolve(struct req *r)
{
	struct sb_item *it = loom_rendering(r);

	if (it != NULL)
		req_answer_json(r, 200, rendering_json(it));
}

static void
loom_renderings(struct req *r)
{
	struct sb_item *avatar = loom_item(r, AVATAR, r->arg[0]);
	struct sb_item *it;
	struct json_object *entries;

	if (avatar == NULL)
		return;
	entries = json_object_new_array();
	TAILQ_FOREACH (it, &avatar->children, next)
		json_object_array_add(entries, rendering_json(it));
	answer_entries(r, entries);
}

/* An item's attachment: a rendering's picture, or an avatar's model. */
static struct json_object *
attachment_json(const struct sb_item *it)
{
	struct json_object *o = json_object_new_object();
	bool model = it->kind == AVATAR;
	bool gif = !model && *param(it, "animation") != '\0';
	const char *what = model ? "model.gltf" : gif ? "picture.gif" : "picture.png";
	const char *type = model ? "gltf"
	                   : gif ? "renderings_animation"
	                   : strcmp(param(it, "type"), "preview") == 0
	                       ? "renderings_preview"
	                       : "renderings_pose";

	obj_int(o, "id", item_number(it, model ? 2 : 1));
	obj_text(o, "type", type);
	obj_text(o, "name", what);
	media_url(o, "url", it, what);
	obj_time(o, "updated_at", it->ready, false);
	return o;
}

/* Has the item its attachment? Only a full solve makes a model. */
static bool
has_attachment(const struct sb_item *it)
{
	return sb_item_progress(it) >= 1 && it->fate == FATE_READY &&
	       (it->kind != AVATAR || obj_get_bool(it->params, "solve"));
}

static void
loom_attachments(struct req *r)
{
	struct sb_item *avatar = loom_item(r, AVATAR, r->arg[0]), *it;
	struct json_object *entries;

	if (avatar == NULL)
		return;
	entries = json_object_new_array();
	if (has_attachment(avatar))
		json_object_array_add(entries, attachment_json(avatar));
	TAILQ_FOREACH (it, &avatar->children, next)
		if (has_attachment(it))
			json_object_array_add(entries, attachment_json(it));
	answer_entries(r, entries);
}

static void
loom_attachment(struct req *r)
{
	struct sb_item *avatar = loom_item(r, AVATAR, r->arg[0]), *it;
	bool bad = false, redirect = req_flag(r, "redirect", false, &bad);
	int64_t number = strtoll(r->arg[1], NULL, 10);
	struct json_object *o;

	if (avatar == NULL || bad)
		return;
	if (item_number(avatar, 2) == number)
		it = avatar;
	else
		TAILQ_FOREACH (it, &avatar->children, next)
			if (item_number(it, 1) == number)
				break;
	if (it == NULL || !has_attachment(it)) {
		req_fail(r, 404, "no such attachment");
		return;
	}
	o = attachment_json(it);
	if (!redirect) {
		req_answer_json(r, 200, o);
		return;
	}
	req_answer(r, 307);
	req_answer_header(r, "Location", "%s", obj_get_text(o, "url"));
	json_object_put(o);
}

static const struct route routes[] = {
    {"POST", "/avatars", PAID, "random render solve", true, loom_create},
    {"HEAD", "/avatars/{}", POLL, NULL, false, loom_status},
    {"GET", "/avatars", LIST, "page pagesize fields", false, loom_list},
    {"DELETE", "/avatars/{}", FREE, NULL, false, loom_delete},
    {"POST", "/avatars/{}/renderings", PAID, "pose animation size background_color",
        false, loom_render},
    {"GET", "/avatars/{}/renderings", LIST, NULL, false, loom_renderings},
    {"HEAD", "/avatars/{}/renderings/{}", POLL, NULL, false, loom_rendering_status},
    {"GET", "/avatars/{}/renderings/{}", READ, NULL, false, loom_resolve},
    {"GET", "/avatars/{}/attachments", LIST, NULL, false, loom_attachments},
    {"GET", "/avatars/{}/attachments/{}", READ, "redirect", false, loom_attachment},
    {NULL, NULL, FREE, NULL, false, NULL},
};

const struct service loom_service = {
    .no = LOOM,
    .name = "loom",
    .base = "/loom/v0.5",
    .routes = routes,
    .authorized = loom_authorized,
    .revoke = loom_revoke,
    .error = loom_error,
    .new_id = loom_id,
    .no_money = 402,
    .busy = 423,
    .bad_query = 400,
};
