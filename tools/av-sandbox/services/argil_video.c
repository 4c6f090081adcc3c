/*
 * Argil's videos: a first call makes one, a second call renders it, then the client
 * polls.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "services/services.h"

/* The values that a member may have. */
struct rule {
	const char *name;
	enum json_type type;
	const char *words;   /* the allowed words; NULL: any */
	double min, max;     /* of a number */
	const char *members; /* of an object; NULL: any */
};

static bool
is_type(struct json_object *v, enum json_type type)
{
	return json_object_is_type(v, type) ||
	       (type == json_type_double && json_object_is_type(v, json_type_int));
}

/* Checks the members that have rules. The rules end with an empty one; false: refused. */
static bool
obeys(struct req *r, struct json_object *o, const struct rule *rules)
{
	for (; rules->name != NULL; rules++) {
		struct json_object *v = NULL;
		double n;

		if (!json_object_object_get_ex(o, rules->name, &v))
			continue;
		n = json_object_get_double(v);
		if (!is_type(v, rules->type))
			req_refuse(r, 400, "bad_value", rules->name,
			    "'%s' has the wrong type", rules->name);
		else if (rules->words != NULL &&
		         !word_in(rules->words, json_object_get_string(v)))
			req_refuse(r, 400, "bad_value", rules->name,
			    "'%s' is '%.100s', not one of %s", rules->name,
			    json_object_get_string(v), rules->words);
		else if (rules->type == json_type_double &&
		         (!isfinite(n) || n < rules->min || n > rules->max))
			req_refuse(r, 400, "bad_value", rules->name,
			    "'%s' is not from %g to %g", rules->name, rules->min,
			    rules->max);
		else if (rules->members == NULL ||
		         req_only(r, v, rules->name, rules->members))
			continue;
		return false;
	}
	return true;
}

static const char layouts[] =
    "FULLSCREEN AVATAR_BOTTOM_LEFT AVATAR_BOTTOM_RIGHT AVATAR_TOP_LEFT AVATAR_TOP_RIGHT "
    "SPLIT_AVATAR_LEFT SPLIT_AVATAR_RIGHT SPLIT_AVATAR_TOP SPLIT_AVATAR_BOTTOM BACKGROUND";

static const struct rule video_rules[] = {
    {"subtitles", json_type_object, NULL, 0, 0, "enable styleId position size"},
    {"aspectRatio", json_type_string, "16:9 9:16", 0, 0, NULL},
    {"autoBrolls", json_type_object, NULL, 0, 0, "enable source intensity layout"},
    {"enableAutoBrolls", json_type_boolean, NULL, 0, 0, NULL},
    {"backgroundMusic", json_type_object, NULL, 0, 0, "assetId volume"},
    {"model", json_type_string, "ARGIL_V1 ARGIL_ATOM", 0, 0, NULL},
    {NULL, json_type_null, NULL, 0, 0, NULL},
};

static const struct rule part_rules[] = {
    {"enable", json_type_boolean, NULL, 0, 0, NULL},
    {"styleId", json_type_string, NULL, 0, 0, NULL},
    {"position", json_type_string, "Top Middle Bottom", 0, 0, NULL},
    {"size", json_type_string, "Small Medium Large", 0, 0, NULL},
    {"source", json_type_string, "GENERATION GOOGLE_IMAGES STOCKS_VIDEO AVATAR_ACTION", 0,
        0, NULL},
    {"intensity", json_type_string, "LOW MEDIUM HIGH", 0, 0, NULL},
    {"layout", json_type_string, layouts, 0, 0, NULL},
    {"assetId", json_type_string, NULL, 0, 0, NULL},
    {"volume", json_type_double, NULL, 0, 1, NULL},
    {NULL, json_type_null, NULL, 0, 0, NULL},
};

static const struct rule moment_rules[] = {
    {"voiceId", json_type_string, NULL, 0, 0, NULL},
    {"gestureSlug", json_type_string, NULL, 0, 0, NULL},
    {"audioUrl", json_type_string, NULL, 0, 0, NULL},
    {"zoom", json_type_object, NULL, 0, 0, "level"},
    {"broll", json_type_object, NULL, 0, 0, "type assetId"},
    {NULL, json_type_null, NULL, 0, 0, NULL},
};

static const struct rule zoom_rules[] = {
    {"level", json_type_double, NULL, 1, 2, NULL},
    {NULL, json_type_null, NULL, 0, 0, NULL},
};

/* Is what the member names there? An absent one names nothing. */
static bool
names_known(struct req *r, struct json_object *o, const char *name,
    bool (*known)(const char *id), const char *message)
{
	const char *id = o != NULL ? obj_get_text(o, name) : NULL;

	if (id == NULL || known(id))
		return true;
	req_fail(r, 400, message);
	return false;
}

/* Checks the members that are objects, each with the member that it requires. */
static bool
parts_fit(struct req *r, struct json_object *o)
{
	static const struct {
		const char *name, *required;
	} parts[] = {{"subtitles", "enable"}, {"autoBrolls", "enable"},
	    {"backgroundMusic", "assetId"}};

	for (int i = 0; i < 3; i++) {
		struct json_object *v = obj_get(o, parts[i].name);

		if (v == NULL)
			continue;
		if (parts[i].required != NULL && !obj_has(v, parts[i].required)) {
			req_refuse(r, 400, "missing_field", parts[i].name,
			    "%s.%s is required", parts[i].name, parts[i].required);
			return false;
		}
		if (!obeys(r, v, part_rules) ||
		    !names_known(
		        r, v, "styleId", argil_style_exists, "style not found") ||
		    !names_known(
		        r, v, "assetId", argil_asset_is_ready, "asset not found"))
			return false;
	}
	return true;
}

/* Checks what is said: exactly one of a text and a recording. */
static bool
speech_fits(struct req *r, struct json_object *m)
{
	if (obj_has(m, "transcript") == obj_has(m, "audioUrl")) {
		req_refuse(r, 400, "bad_value", "moments",
		    "exactly one of transcript and audioUrl is required");
		return false;
	}
	return obj_has(m, "audioUrl") ? req_url(r, m, "audioUrl", false)
	                              : req_text(r, m, "transcript", 1, 250) != NULL;
}

/* Checks the members that name something. */
static bool
moment_names_fit(struct req *r, struct json_object *m)
{
	struct json_object *broll = obj_get(m, "broll"), *v = NULL;

	if (!is_uuid(obj_get_text(m, "avatarId")) ||
	    (json_object_object_get_ex(m, "voiceId", &v) &&
	        !is_uuid(json_object_get_string(v)))) {
		req_refuse(
		    r, 400, "bad_value", "moments", "avatarId or voiceId is not a UUID");
		return false;
	}
	if (broll != NULL && (!req_text(r, broll, "assetId", 1, 100) ||
	                         !req_text(r, broll, "type", 1, 100)))
		return false;
	return names_known(r, m, "voiceId", argil_voice_exists, "voice not found") &&
	       names_known(
	           r, m, "gestureSlug", argil_gesture_exists, "gesture not found") &&
	       names_known(r, broll, "assetId", argil_asset_is_ready, "asset not found");
}

static bool
moment_fits(struct req *r, struct json_object *m)
{
	struct json_object *v = NULL;
	struct sb_item *avatar;
	const char *id;

	if (!json_object_is_type(m, json_type_object)) {
		req_refuse(r, 400, "bad_value", "moments", "a moment is not an object");
		return false;
	}
	if (!req_only(r, m, "a moment",
	        "transcript avatarId voiceId gestureSlug audioUrl zoom broll") ||
	    !speech_fits(r, m) || (id = req_text(r, m, "avatarId", 1, 100)) == NULL ||
	    !obeys(r, m, moment_rules))
		return false;
	if (json_object_object_get_ex(m, "zoom", &v) && !obeys(r, v, zoom_rules))
		return false;
	if (!moment_names_fit(r, m))
		return false;
	avatar = state_find(ARGIL, AVATAR, id);
	if (avatar == NULL) {
		req_fail(r, 400, "avatar not found");
		return false;
	}
	if (sb_item_progress(avatar) < 1 || avatar->fate != FATE_READY) {
		req_refuse(
		    r, 400, "avatar_not_ready", "avatarId", "the avatar is not IDLE");
		return false;
	}
	return true;
}

static bool
moments_fit(struct req *r, struct json_object *o)
{
	struct json_object *moments = NULL;
	size_t n;

	if (!json_object_object_get_ex(o, "moments", &moments) ||
	    !json_object_is_type(moments, json_type_array) ||
	    (n = json_object_array_length(moments)) == 0) {
		req_refuse(
		    r, 400, "missing_field", "moments", "a list of moments is required");
		return false;
	}
	for (size_t i = 0; i < n; i++)
		if (!moment_fits(r, json_object_array_get_idx(moments, i)))
			return false;
	return true;
}

static const char *
video_state(const struct sb_item *it)
{
	const struct sb_item *render = TAILQ_LAST(&it->children, sb_children);

	if (render == NULL)
		return "IDLE";
	if (sb_item_progress(render) >= 1)
		return render->fate == FATE_READY ? "DONE" : "FAILED";
	return sb_item_progress(render) < 0.5 ? "GENERATING_AUDIO" : "GENERATING_VIDEO";
}

static bool
wants_subtitles(const struct sb_item *it)
{
	struct json_object *v = NULL;

	return json_object_object_get_ex(it->params, "subtitles", &v) &&
	       json_object_get_boolean(json_object_object_get(v, "enable"));
}

static struct json_object *
video_json(const struct sb_item *it)
{
	struct json_object *o = json_object_new_object();
	const char *state = video_state(it);
	bool done = strcmp(state, "DONE") == 0;

	obj_text(o, "id", it->id);
	obj_text(o, "name", it->name);
	obj_time(o, "createdAt", it->created, true);
	obj_time(o, "updatedAt", it->updated, true);
	obj_text(o, "status", state);
	obj_merge(o, it->params);
	media_url(o, "videoUrl", it, done ? "video.mp4" : NULL);
	if (done && wants_subtitles(it))
		media_url(o, "videoUrlSubtitled", it, "subtitled.mp4");
	media_url(o, "previewUrl", it, done ? "page.html" : NULL);
	return o;
}

void
argil_video_create(struct req *r)
{
	struct json_object *o = req_json(r,
	    "name moments subtitles aspectRatio autoBrolls enableAutoBrolls extras "
	    "backgroundMusic model");
	const char *name;
	struct sb_item *it;

	if (o == NULL)
		return;
	name = req_text(r, o, "name", 1, 256);
	if (name == NULL || !obeys(r, o, video_rules) || !parts_fit(r, o) ||
	    !argil_extras(r, o) || !moments_fit(r, o)) {
		json_object_put(o);
		return;
	}
	it = sb_item_new(&argil_service, VIDEO, NULL);
	it->name = mem_str(name);
	json_object_object_del(o, "name");
	json_object_put(it->params);
	it->params = o;
	it->fate = fate_of(it, it->name, NULL);
	if (req_pay(r, it, 0))
		req_answer_json(r, 201, video_json(it));
}

static struct sb_item *
video_of(struct req *r)
{
	return argil_item(r, VIDEO, "video not found");
}

/* Reads the optional body. The first documents had none. NULL: refused. */
static struct json_object *
read_render_body(struct req *r)
{
	struct json_object *o;

	if (r->body.len == 0)
		return json_object_new_object();
	o = req_json(r, "callbackUrl");
	if (o == NULL || !obj_has(o, "callbackUrl") ||
	    req_url(r, o, "callbackUrl", !opts.plain_callbacks))
		return o;
	json_object_put(o);
	return NULL;
}

void
argil_video_render(struct req *r)
{
	struct sb_item *video = video_of(r), *it;
	struct json_object *o = video != NULL ? read_render_body(r) : NULL;

	if (o == NULL)
		return;
	it = sb_item_new(&argil_service, VIDEO_RENDER, video);
	json_object_put(it->params);
	it->params = o;
	it->fate = video->fate;
	if (req_pay(r, it, opts.render_after))
		req_answer_json(r, 200, video_json(video));
}

void
argil_video_get(struct req *r)
{
	struct sb_item *it = video_of(r);

	if (it != NULL)
		req_answer_json(r, 200, video_json(it));
}

void
argil_video_delete(struct req *r)
{
	struct sb_item *it = video_of(r);
	struct json_object *o;

	if (it == NULL)
		return;
	state_delete(it);
	o = json_object_new_object();
	obj_text(o, "message", "Video deleted successfully");
	req_answer_json(r, 200, o);
}

/* Has a moment of the video that value in that member? NULL is any value. */
static bool
moment_has(const struct sb_item *it, const char *name, const char *value)
{
	struct json_object *moments = json_object_object_get(it->params, "moments"), *v;

	for (size_t i = 0; value != NULL && i < json_object_array_length(moments); i++)
		if (json_object_object_get_ex(
		        json_object_array_get_idx(moments, i), name, &v) &&
		    strcmp(json_object_get_string(v), value) == 0)
			return true;
	return value == NULL;
}

static bool
extras_match(const struct sb_item *it, struct json_object *filter)
{
	struct json_object *extras = json_object_object_get(it->params, "extras"), *v;

	if (filter == NULL)
		return true;
	json_object_object_foreach(filter, key, wanted)
	{
		if (!json_object_object_get_ex(extras, key, &v) ||
		    !json_object_equal(v, wanted))
			return false;
	}
	return true;
}

static struct json_object *
list_json(struct req *r, long page, long limit, struct json_object *filter)
{
	const struct sb_list *all = state_list(ARGIL, VIDEO);
	const char *name = req_query(r, "nameSearchQuery");
	struct json_object *o = json_object_new_object(),
	                   *videos = json_object_new_array();
	long n = 0;

	for (size_t i = all->n; i-- > 0;) {
		const struct sb_item *it = all->at[i];

		if (!sb_item_listed(it) ||
		    (name != NULL && strcasestr(it->name, name) == NULL) ||
		    !moment_has(it, "avatarId", req_query(r, "avatarId")) ||
		    !moment_has(it, "voiceId", req_query(r, "voiceId")) ||
		    !extras_match(it, filter))
			continue;
		if (n >= (page - 1) * limit && n < page * limit)
			json_object_array_add(videos, video_json(it));
		n++;
	}
	obj_int(o, "totalItems", n);
	obj_int(o, "totalPages", n == 0 ? 1 : (n + limit - 1) / limit);
	obj_int(o, "currentPage", page);
	obj_int(o, "itemsPerPage", limit);
	json_object_object_add(o, "videos", videos);
	return o;
}

void
argil_video_list(struct req *r)
{
	const char *extras = req_query(r, "extrasFilter");
	long page = req_number(r, "page", 1, 1, 1000000000);
	long limit = page < 0 ? -1 : req_number(r, "limit", 10, 1, 1000);
	struct json_object *filter = NULL;

	if (limit < 0)
		return;
	if (extras != NULL) {
		filter = json_tokener_parse(extras);
		if (!json_object_is_type(filter, json_type_object)) {
			req_refuse(r, 400, "bad_value", "extrasFilter",
			    "it is not a JSON object");
			json_object_put(filter);
			return;
		}
	}
	req_answer_json(r, 200, list_json(r, page, limit, filter));
	json_object_put(filter);
}
