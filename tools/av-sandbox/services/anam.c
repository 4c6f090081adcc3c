/*
 * Anam: documented by the vendor's OpenAPI. An avatar has no state; its preview is null
 * until it is made. Errors have the form that the same API documents for its meetings.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "services/services.h"

enum { MAX_ANAM_BYTES = 4500000 };

static const char models[] = "cara-3 cara-4 cara-4-latest";

static bool
anam_authorized(struct req *r)
{
	return bears_secret(r, "ANAM_API_KEY");
}

static void
anam_error(struct req *r, unsigned status, const char *code, const char *field,
    const char *message)
{
	struct json_object *o = json_object_new_object(), *detail, *details;
	char *summary;

	(void)code;
	obj_text(o, "error", field != NULL ? "Validation error" : message);
	if (field != NULL) {
		detail = json_object_new_object();
		obj_text(detail, "path", field);
		obj_text(detail, "message", message);
		obj_text(detail, "code", "custom");
		details = json_object_new_array();
		json_object_array_add(details, detail);
		json_object_object_add(o, "details", details);
		summary = mem_printf("%s: %s", field, message);
		obj_text(o, "summary", summary);
		free(summary);
	}
	req_answer_json(r, status, o);
	if (status == 429) {
		req_answer_header(r, "RateLimit-Limit", "10");
		req_answer_header(r, "RateLimit-Remaining", "0");
		req_answer_header(r, "RateLimit-Reset", "1");
	}
}

/* The members that only the newer documents have: null and empty until they are made. */
static void
add_newer(struct json_object *o, const struct sb_item *it)
{
	bool made = sb_item_progress(it) >= 1;
	struct json_object *tags = json_object_new_array();

	media_url(o, "landscapeImageUrl", it, made ? "landscape.png" : NULL);
	media_url(o, "portraitImageUrl", it, made ? "portrait.png" : NULL);
	media_url(o, "idleVideoUrl", it, made ? "idle.mp4" : NULL);
	obj_text(o, "description", made ? "A person." : NULL);
	if (made)
		json_object_array_add(tags, json_object_new_string("person"));
	json_object_object_add(o, "displayTags", tags);
	obj_text(o, "renderStyle", made ? "realistic" : "unknown");
}

static struct json_object *
anam_json(const struct sb_item *it)
{
	struct json_object *o = json_object_new_object(),
	                   *versions = json_object_new_array();

	obj_text(o, "id", it->id);
	obj_text(o, "displayName", it->name);
	obj_text(o, "variantName", "default");
	media_url(o, "imageUrl", it, "still.png");
	media_url(o, "videoUrl", it, sb_item_progress(it) >= 1 ? "preview.mp4" : NULL);
	obj_time(o, "createdAt", it->created, true);
	obj_time(o, "updatedAt", it->updated, true);
	obj_text(o, "createdByOrganizationId", "org_1");
	json_object_array_add(versions, json_object_new_string("v2"));
	json_object_object_add(o, "availableVersions", versions);
	obj_text(o, "activeVersion", "v2");
	add_newer(o, it);
	return o;
}

/* What the client asks to create, in either form of the body. */
struct wish {
	char *name, *model, *url, *filename;
	struct sb_photo *photo;
};

static void
wish_release(struct wish *w)
{
	free(w->name);
	free(w->model);
	free(w->url);
	free(w->filename);
}

static bool
anam_photo(struct req *r, const struct sb_part *p, struct wish *w)
{
	if (p->filename == NULL) {
		req_refuse(r, 400, "bad_value", "imageFile", "'imageFile' is not a file");
		return false;
	}
	if (p->len > MAX_ANAM_BYTES) {
		req_refuse(r, 400, "too_large", "imageFile",
		    "the photo has %zu bytes, not at most %d", p->len, MAX_ANAM_BYTES);
		return false;
	}
	w->filename = mem_str(p->filename);
	w->photo = sb_photo_of(p->data, p->len);
	if (w->photo->type != PHOTO_BAD)
		return true;
	req_refuse(r, 422, "bad_image", NULL,
	    "the photo is not a JPEG, PNG or WebP that can be decoded");
	return false;
}

/* Checks the form of the URL; nothing is fetched. */
static bool
anam_url(struct req *r, struct wish *w)
{
	if (!is_url(w->url, false)) {
		req_refuse(
		    r, 400, "bad_value", "imageUrl", "'%.200s' is not a URI", w->url);
		return false;
	}
	w->photo = sb_photo_of_url(w->url);
	return true;
}

static bool
read_form(struct req *r, struct wish *w)
{
	struct sb_parts parts = {.n = 0};
	bool ok = req_parts(r, &parts, "displayName imageFile imageUrl avatarModel");
	struct sb_part *p, *file = part_find(&parts, "imageFile");

	if (ok && (p = part_find(&parts, "displayName")) != NULL)
		w->name = mem_strn(p->data, p->len);
	if (ok && (p = part_find(&parts, "avatarModel")) != NULL)
		w->model = mem_strn(p->data, p->len);
	if (ok && (p = part_find(&parts, "imageUrl")) != NULL)
		w->url = mem_strn(p->data, p->len);
	if (ok && (file != NULL) == (w->url != NULL)) {
		req_refuse(r, 400, "bad_source", "imageFile",
		    "exactly one of imageFile and imageUrl is required");
		ok = false;
	}
	if (ok && w->url != NULL)
		ok = anam_url(r, w);
	else
		ok = ok && anam_photo(r, file, w);
	multipart_release(&parts);
	return ok;
}

static bool
read_json(struct req *r, struct wish *w)
{
	struct json_object *o = req_json(r, "displayName imageUrl avatarModel");
	const char *url = NULL, *name = NULL, *model = NULL;

	if (o == NULL)
		return false;
	url = req_text(r, o, "imageUrl", 1, 100000);
	name = url != NULL ? req_text(r, o, "displayName", 0, 100000) : NULL;
	if (name != NULL && obj_has(o, "avatarModel")) {
		model = req_text(r, o, "avatarModel", 1, 100);
		if (model == NULL)
			name = NULL;
	}
	if (name != NULL) {
		w->url = mem_str(url);
		w->name = mem_str(name);
		w->model = mem_str(model);
	}
	json_object_put(o);
	return name != NULL && anam_url(r, w);
}

static bool
name_is_good(struct req *r, const char *name)
{
	size_t n;

	if (name == NULL) {
		req_refuse(
		    r, 400, "missing_field", "displayName", "'displayName' is required");
		return false;
	}
	n = utf8_count(name);
	if (n >= 3 && n <= 50)
		return true;
	req_refuse(r, 400, "bad_value", "displayName",
	    "'displayName' has %zu characters, not 3 to 50", n);
	return false;
}

static void
make_avatar(struct req *r, struct wish *w)
{
	struct sb_item *it;

	if (!name_is_good(r, w->name))
		return;
	if (w->model != NULL && !word_in(models, w->model)) {
		req_refuse(r, 400, "bad_value", "avatarModel",
		    "avatarModel is '%.100s', not one of %s", w->model, models);
		return;
	}
	it = sb_item_new(&anam_service, AVATAR, NULL);
	it->name = mem_str(w->name);
	it->photo = w->photo;
	if (w->model != NULL)
		obj_text(it->params, "avatarModel", w->model);
	if (fate_of(it, w->name, w->filename) != FATE_READY) {
		req_fail(r, 422, "the image could not be processed");
		sb_item_free(it);
		return;
	}
	if (req_pay(r, it, opts.ready_after))
		req_answer_json(r, 201, anam_json(it));
}

static void
anam_create(struct req *r)
{
	struct wish w = {0};

	if (req_type_is(r, "application/json") ? read_json(r, &w) : read_form(r, &w))
		make_avatar(r, &w);
	wish_release(&w);
}

static struct sb_item *
anam_item(struct req *r)
{
	struct sb_item *it = NULL;

	if (!is_uuid(r->arg[0]))
		req_refuse(r, 400, "bad_id", "id", "'%s' is not a UUID", r->arg[0]);
	else if ((it = state_find(ANAM, AVATAR, r->arg[0])) == NULL)
		req_fail(r, 404, "Avatar not found");
	return it;
}

static void
anam_get(struct req *r)
{
	struct sb_item *it = anam_item(r);

	if (it != NULL)
		req_answer_json(r, 200, anam_json(it));
}

static void
anam_put(struct req *r)
{
	struct sb_item *it = anam_item(r);
	struct json_object *o;
	const char *name;

	if (it == NULL || (o = req_json(r, "displayName")) == NULL)
		return;
	name = req_text(r, o, "displayName", 3, 50);
	if (name != NULL) {
		state_rename(it, name);
		req_answer_json(r, 200, anam_json(it));
	}
	json_object_put(o);
}

static void
anam_delete(struct req *r)
{
	bool bad = false;
	struct sb_item *it;
	struct json_object *o;

	(void)req_flag(r, "hard", false, &bad);
	if (bad || (it = anam_item(r)) == NULL)
		return;
	state_delete(it);
	o = json_object_new_object();
	obj_text(o, "message", "Avatar deleted successfully");
	req_answer_json(r, 200, o);
}

static struct json_object *
page_number(long n, bool there)
{
	return there ? json_object_new_int64(n) : NULL;
}

/* Has the avatar that style and one of those tags? NULL is any. */
static bool
newer_fits(const struct sb_item *it, const char *style, const char *tags)
{
	bool made = sb_item_progress(it) >= 1;

	return (style == NULL || strcmp(style, "all") == 0 ||
	           strcmp(style, made ? "realistic" : "unknown") == 0) &&
	       (tags == NULL || (made && strstr(tags, "person") != NULL));
}

static void
anam_list(struct req *r)
{
	const struct sb_list *all = state_list(ANAM, AVATAR);
	const char *search = req_query(r, "search"), *style = req_query(r, "renderStyle");
	bool bad = false;
	long page = req_number(r, "page", 1, 1, 1000000000), n = 0, last;
	long size = page < 0 ? -1 : req_number(r, "perPage", 10, 1, 100);
	struct json_object *o, *data, *meta;

	if (size < 0 || (req_flag(r, "onlyOneShot", false, &bad), bad))
		return;
	if (style != NULL &&
	    !word_in("all realistic animated_3d illustrated unknown", style)) {
		req_refuse(r, 400, "bad_value", "renderStyle",
		    "renderStyle '%s' is unknown", style);
		return;
	}
	data = json_object_new_array();
	for (size_t i = all->n; i-- > 0;) {
		const struct sb_item *it = all->at[i];

		if (!sb_item_listed(it) ||
		    (search != NULL && strcasestr(it->name, search) == NULL) ||
		    !newer_fits(it, style, req_query(r, "tags")))
			continue;
		if (n >= (page - 1) * size && n < page * size)
			json_object_array_add(data, anam_json(it));
		n++;
	}
	last = n == 0 ? 1 : (n + size - 1) / size;
	meta = json_object_new_object();
	obj_int(meta, "total", n);
	obj_int(meta, "lastPage", last);
	obj_int(meta, "currentPage", page);
	obj_int(meta, "perPage", size);
	json_object_object_add(meta, "prev", page_number(page - 1, page > 1));
	json_object_object_add(meta, "next", page_number(page + 1, page < last));
	o = json_object_new_object();
	json_object_object_add(o, "data", data);
	json_object_object_add(o, "meta", meta);
	req_answer_json(r, 200, o);
}

static const struct route routes[] = {
    {"POST", "/avatars", PAID, NULL, true, anam_create},
    {"GET", "/avatars", LIST, "page perPage search onlyOneShot renderStyle tags", false,
        anam_list},
    {"GET", "/avatars/{}", POLL, NULL, false, anam_get},
    {"PUT", "/avatars/{}", FREE, NULL, true, anam_put},
    {"DELETE", "/avatars/{}", FREE, "hard", false, anam_delete},
    {NULL, NULL, FREE, NULL, false, NULL},
};

const struct service anam_service = {
    .no = ANAM,
    .name = "anam",
    .base = "/anam/v1",
    .routes = routes,
    .authorized = anam_authorized,
    .error = anam_error,
    .no_money = 403,
    .bad_query = 400,
};
