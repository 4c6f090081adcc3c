/*
 * Argil: avatars and voices of API v1, documented in docs.argil.ai. Unknown members are
 * refused, since the schema has additionalProperties: false.
 */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "services/services.h"

enum { MAX_ARGIL_BYTES = 10000000 };

static bool
argil_authorized(struct req *r)
{
	const char *got = req_header(r, "x-api-key");
	char *key = secret_of("ARGIL_API_KEY");
	bool ok = got != NULL && strcmp(got, key) == 0;

	free(key);
	return ok;
}

static void
argil_error(struct req *r, unsigned status, const char *code, const char *field,
    const char *message)
{
	struct json_object *o = json_object_new_object();

	(void)code;
	(void)field;
	obj_int(o, "code", status);
	obj_text(o, "message", message);
	req_answer_json(r, status, o);
}

/* The gestures of each avatar. */
static const struct {
	const char *label, *slug;
	int start;
} gestures[] = {{"Wave", "wave", 0}, {"Nod", "nod", 48}};

bool
argil_gesture_exists(const char *slug)
{
	for (size_t i = 0; i < sizeof gestures / sizeof *gestures; i++)
		if (strcmp(slug, gestures[i].slug) == 0)
			return true;
	return false;
}

static struct json_object *
gestures_json(void)
{
	struct json_object *list = json_object_new_array(), *o;

	for (size_t i = 0; i < sizeof gestures / sizeof *gestures; i++) {
		o = json_object_new_object();
		obj_text(o, "label", gestures[i].label);
		obj_text(o, "slug", gestures[i].slug);
		obj_int(o, "startFrame", gestures[i].start);
		json_object_array_add(list, o);
	}
	return list;
}

static struct json_object *
argil_json(const struct sb_item *it)
{
	static const char *const states[] = {"IDLE", "TRAINING_FAILED", "REFUSED"};
	struct json_object *o = json_object_new_object();
	const struct sb_photo *p = it->photo;

	obj_text(o, "id", it->id);
	obj_text(o, "name", it->name);
	obj_text(o, "actorName", it->name);
	obj_time(o, "createdAt", it->created, true);
	obj_time(o, "updatedAt", it->updated, true);
	json_object_object_add(o, "gestures", gestures_json());
	obj_text(o, "status", sb_item_progress(it) < 1 ? "TRAINING" : states[it->fate]);
	obj_int(o, "width", p->width);
	obj_int(o, "height", p->height);
	media_url(o, "thumbnailUrl", it, "thumbnail.jpg");
	media_url(o, "coverImageUrl", it, "cover.jpg");
	obj_copy(o, "extras", it->params);
	obj_text(o, "orientation",
	    p->width > p->height ? "ASPECT_RATIO_16_9" : "ASPECT_RATIO_9_16");
	obj_text(o, "model", "ARGIL_V1");
	return o;
}

/* The bytes of "data:image/png;base64,..."; the caller frees them. NULL: refused. */
static unsigned char *
from_data_uri(struct req *r, const char *s, size_t *len)
{
	static const char *const heads[] = {"data:image/png;base64,",
	    "data:image/jpeg;base64,", "data:image/jpg;base64,",
	    "data:image/webp;base64,"};
	const char *text = NULL;
	unsigned char *data;
	size_t n;
	int got;

	for (int i = 0; i < 4; i++)
		if (strncmp(s, heads[i], strlen(heads[i])) == 0)
			text = s + strlen(heads[i]);
	if (text == NULL) {
		req_refuse(r, 400, "bad_value", "datasetImage.base64",
		    "'%.40s...' is not a data URI of an image", s);
		return NULL;
	}
	n = strlen(text);
	data = mem_new(n / 4 * 3 + 4, 1);
	got = n % 4 == 0 &&
	              strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	                           "0123456789+/") >= (n > 2 ? n - 2 : 0)
	          ? EVP_DecodeBlock(data, (const unsigned char *)text, (int)n)
	          : -1;
	if (got <= 0) {
		free(data);
		req_refuse(r, 400, "bad_value", "datasetImage.base64",
		    "the data is not valid base64");
		return NULL;
	}
	*len = (size_t)got - (text[n - 1] == '=') - (text[n - 2] == '=');
	return data;
}

/* Is the photo exactly 16:9 or 9:16, from 720p to 4K? */
static bool
photo_fits(struct req *r, const struct sb_photo *p)
{
	int longer = p->width > p->height ? p->width : p->height;
	int shorter = p->width > p->height ? p->height : p->width;

	if (p->type == PHOTO_BAD)
		req_refuse(r, 400, "bad_image", "datasetImage",
		    "the photo is not a PNG, JPEG or WebP that can be decoded");
	else if (longer * 9 != shorter * 16)
		req_refuse(r, 400, "bad_image", "datasetImage",
		    "the photo is %dx%d, not 16:9 or 9:16", p->width, p->height);
	else if (longer < 1280 || longer > 3840)
		req_refuse(r, 400, "bad_image", "datasetImage",
		    "the photo is %dx%d, not from 1280x720 to 3840x2160", p->width,
		    p->height);
	else
		return true;
	return false;
}

static struct sb_photo *
photo_from_data(struct req *r, const char *uri)
{
	size_t len = 0;
	unsigned char *data = from_data_uri(r, uri, &len);
	struct sb_photo *p = NULL;

	if (data == NULL)
		return NULL;
	if (len > MAX_ARGIL_BYTES)
		req_refuse(r, 400, "too_large", "datasetImage",
		    "the photo has %zu bytes, not at most %d", len, MAX_ARGIL_BYTES);
	else
		p = sb_photo_of(data, len);
	free(data);
	return p != NULL && photo_fits(r, p) ? p : NULL;
}

static struct sb_photo *
argil_photo(struct req *r, struct json_object *o)
{
	struct json_object *image = NULL;
	const char *s;
	bool url, data;

	if (!json_object_object_get_ex(o, "datasetImage", &image) ||
	    !json_object_is_type(image, json_type_object)) {
		req_refuse(r, 400, "missing_field", "datasetImage",
		    "the object 'datasetImage' is required");
		return NULL;
	}
	if (!req_only(r, image, "datasetImage", "url base64"))
		return NULL;
	url = obj_has(image, "url");
	data = obj_has(image, "base64");
	if (url == data) {
		req_refuse(r, 400, "bad_source", "datasetImage",
		    "exactly one of url and base64 is required");
		return NULL;
	}
	s = req_text(r, image, url ? "url" : "base64", 1, SIZE_MAX);
	if (s == NULL)
		return NULL;
	if (data)
		return photo_from_data(r, s);
	if (is_url(s, true))
		return sb_photo_of_url(s);
	req_refuse(
	    r, 400, "bad_value", "datasetImage.url", "'%.200s' is not an https URL", s);
	return NULL;
}

bool
argil_extras(struct req *r, struct json_object *o)
{
	struct json_object *extras = NULL;

	if (!json_object_object_get_ex(o, "extras", &extras))
		return true;
	if (!json_object_is_type(extras, json_type_object) ||
	    json_object_object_length(extras) > 10) {
		req_refuse(r, 400, "bad_value", "extras",
		    "extras is not an object of at most 10 members");
		return false;
	}
	json_object_object_foreach(extras, key, value)
	{
		if (json_object_is_type(value, json_type_string) &&
		    utf8_count(key) <= 256 &&
		    utf8_count(json_object_get_string(value)) <= 256)
			continue;
		req_refuse(r, 400, "bad_value", "extras",
		    "'%.100s' or its value is not text of at most 256 characters", key);
		return false;
	}
	return true;
}

/* Reads the members except the photo, and copies them to params. */
static bool
read_rest(struct req *r, struct json_object *o, struct json_object *params)
{
	static const char *const kept[] = {"voiceId", "extras", "callbackUrl"};
	struct json_object *v;
	const char *s;

	if ((s = req_text(r, o, "type", 1, 100)) == NULL)
		return false;
	if (strcmp(s, "IMAGE") != 0) {
		req_refuse(r, 400, "bad_value", "type", "type is '%s', not IMAGE", s);
		return false;
	}
	if (obj_has(o, "voiceId")) {
		if ((s = req_text(r, o, "voiceId", 1, 100)) == NULL)
			return false;
		if (!is_uuid(s)) {
			req_refuse(
			    r, 400, "bad_value", "voiceId", "'%s' is not a UUID", s);
			return false;
		}
		if (!argil_voice_exists(s)) {
			req_fail(r, 400, "voice not found");
			return false;
		}
	}
	if (obj_has(o, "callbackUrl") &&
	    !req_url(r, o, "callbackUrl", !opts.plain_callbacks))
		return false;
	for (int i = 0; i < 3; i++)
		if (json_object_object_get_ex(o, kept[i], &v))
			json_object_object_add(params, kept[i], json_object_get(v));
	return argil_extras(r, o);
}

static void
argil_create(struct req *r)
{
	struct json_object *o =
	    req_json(r, opts.newer ? "type name datasetImage voiceId extras callbackUrl"
	                           : "type name datasetImage voiceId extras");
	const char *name = o != NULL ? req_text(r, o, "name", 1, 256) : NULL;
	struct json_object *params = json_object_new_object();
	struct sb_photo *photo = NULL;
	struct sb_item *it;

	if (name != NULL && read_rest(r, o, params))
		photo = argil_photo(r, o);
	if (photo == NULL) {
		json_object_put(params);
		json_object_put(o);
		return;
	}
	it = sb_item_new(&argil_service, AVATAR, NULL);
	json_object_put(it->params);
	it->params = params;
	it->name = mem_str(name);
	it->photo = photo;
	it->fate = fate_of(it, name, NULL);
	if (!obj_has(params, "extras"))
		json_object_object_add(params, "extras", json_object_new_object());
	json_object_put(o);
	if (req_pay(r, it, opts.ready_after))
		req_answer_json(r, 201, argil_json(it));
}

struct sb_item *
argil_item(struct req *r, enum item_kind kind, const char *missing)
{
	struct sb_item *it = NULL;

	if (!is_uuid(r->arg[0]))
		req_refuse(r, 404, "bad_id", "id", "'%s' is not a UUID", r->arg[0]);
	else if ((it = state_find(ARGIL, kind, r->arg[0])) == NULL)
		req_fail(r, 404, missing);
	return it;
}

static void
argil_get(struct req *r)
{
	struct sb_item *it = argil_item(r, AVATAR, "avatar not found");

	if (it != NULL)
		req_answer_json(r, 200, argil_json(it));
}

/* Has the member that value? NULL is any value. */
static bool
obj_is(struct json_object *o, const char *name, const char *value)
{
	return value == NULL || strcmp(obj_get_text(o, name), value) == 0;
}

static void
argil_list(struct req *r)
{
	const struct sb_list *all = state_list(ARGIL, AVATAR);
	const char *orientation = req_query(r, "orientation"),
	           *model = req_query(r, "model");
	struct json_object *list, *one;

	if ((orientation != NULL &&
	        !word_in("ASPECT_RATIO_16_9 ASPECT_RATIO_9_16", orientation)) ||
	    (model != NULL && !word_in("ARGIL_V1 ARGIL_ATOM", model))) {
		req_refuse(r, 400, "bad_value", "query", "unknown orientation or model");
		return;
	}
	list = json_object_new_array();
	for (size_t i = all->n; i-- > 0;) {
		if (!sb_item_listed(all->at[i]) ||
		    (model != NULL && strcmp(model, "ARGIL_V1") != 0))
			continue;
		one = argil_json(all->at[i]);
		if (obj_is(one, "orientation", orientation) &&
		    obj_is(one, "model", model))
			json_object_array_add(list, one);
		else
			json_object_put(one);
	}
	req_answer_json(r, 200, list);
}

static const struct {
	const char *id, *name, *language, *gender;
} voices[] = {
    {"5d3c7a1e-6b7f-4f5e-8a10-2b9d0c4e1f22", "Clara", "ENGLISH", "FEMALE"},
    {"5d3c7a1e-6b7f-4f5e-8a10-2b9d0c4e1f23", "Hugo", "FRENCH", "MALE"},
};

bool
argil_voice_exists(const char *id)
{
	for (size_t i = 0; i < sizeof voices / sizeof *voices; i++)
		if (strcmp(id, voices[i].id) == 0)
			return true;
	return false;
}

static struct json_object *
voice_json(size_t i)
{
	struct json_object *o = json_object_new_object();

	obj_text(o, "id", voices[i].id);
	obj_text(o, "name", voices[i].name);
	obj_text(o, "createdAt", "2026-01-01T00:00:00.000Z");
	obj_text(o, "updatedAt", "2026-01-01T00:00:00.000Z");
	obj_text(o, "status", "IDLE");
	obj_text(o, "sampleUrl", NULL);
	obj_text(o, "language", voices[i].language);
	obj_text(o, "gender", voices[i].gender);
	return o;
}

static void
argil_voices(struct req *r)
{
	const char *language = req_query(r, "language"), *gender = req_query(r, "gender");
	struct json_object *list;

	if ((language != NULL &&
	        !word_in("ENGLISH SPANISH FRENCH PORTUGUESE BRAZILIAN_PORTUGUESE GERMAN "
	                 "RUSSIAN HINDI CHINESE DUTCH ARABIC",
	            language)) ||
	    (gender != NULL && !word_in("MALE FEMALE", gender))) {
		req_refuse(r, 400, "bad_value", "query", "unknown language or gender");
		return;
	}
	list = json_object_new_array();
	for (size_t i = 0; i < sizeof voices / sizeof *voices; i++)
		if ((language == NULL || strcmp(language, voices[i].language) == 0) &&
		    (gender == NULL || strcmp(gender, voices[i].gender) == 0))
			json_object_array_add(list, voice_json(i));
	req_answer_json(r, 200, list);
}

static void
argil_voice(struct req *r)
{
	for (size_t i = 0; i < sizeof voices / sizeof *voices; i++)
		if (strcmp(r->arg[0], voices[i].id) == 0) {
			req_answer_json(r, 200, voice_json(i));
			return;
		}
	req_fail(r, 404, "voice not found");
}

static const struct route routes[] = {
    {"POST", "/avatars", PAID, NULL, true, argil_create},
    {"GET", "/avatars", LIST, "orientation model", false, argil_list},
    {"GET", "/avatars/{}", POLL, NULL, false, argil_get},
    {"GET", "/voices", LIST, "language gender", false, argil_voices},
    {"GET", "/voices/{}", READ, NULL, false, argil_voice},
    {"POST", "/videos", PAID, NULL, true, argil_video_create},
    {"POST", "/videos/{}/render", PAID, NULL, true, argil_video_render},
    {"GET", "/videos", LIST, "page limit nameSearchQuery avatarId voiceId extrasFilter",
        false, argil_video_list},
    {"GET", "/videos/{}", POLL, NULL, false, argil_video_get},
    {"DELETE", "/videos/{}", FREE, NULL, false, argil_video_delete},
    {"POST", "/assets", FREE, NULL, true, argil_asset_create},
    {"GET", "/assets", LIST, "page pageSize type status", false, argil_asset_list},
    {"GET", "/assets/{}", READ, NULL, false, argil_asset_get},
    {"DELETE", "/assets/{}", FREE, NULL, false, argil_asset_delete},
    {"GET", "/subtitles", LIST, "page pageSize", false, argil_style_list},
    {"GET", "/subtitles/videos/{}/export", READ, "format includeStyling", false,
        argil_subtitles},
    {"POST", "/webhooks", FREE, NULL, true, argil_webhook_create},
    {"GET", "/webhooks", LIST, NULL, false, argil_webhook_list},
    {"PUT", "/webhooks/{}", FREE, NULL, true, argil_webhook_update},
    {"DELETE", "/webhooks/{}", FREE, NULL, false, argil_webhook_delete},
    {NULL, NULL, FREE, NULL, false, NULL},
};

const struct service argil_service = {
    .no = ARGIL,
    .name = "argil",
    .base = "/argil/v1",
    .routes = routes,
    .authorized = argil_authorized,
    .error = argil_error,
    .made = argil_made,
    .no_money = 402,
    .bad_query = 400,
};
