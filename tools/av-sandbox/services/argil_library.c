/*
 * Argil's library: assets and styles of subtitles, and the subtitles of a video. Nothing is
 * fetched from an asset's URL.
 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "services/services.h"

enum { MUSIC_NAMES = 2, STYLES = 3 };

/* The music of the library is there from the start. */
static const struct {
	const char *id, *name;
} music[MUSIC_NAMES] = {
    {"6a1f0000-0000-4000-8000-000000000001", "Morning"},
    {"6a1f0000-0000-4000-8000-000000000002", "Evening"},
};

static const struct {
	const char *id, *name;
} styles[STYLES] = {
    {"57e10000-0000-4000-8000-000000000001", "Plain"},
    {"57e10000-0000-4000-8000-000000000002", "Karaoke"},
    {"57e10000-0000-4000-8000-000000000003", "Boxed"},
};

static struct json_object *
asset_json(const char *id, const char *name, const char *type, const char *status)
{
	struct json_object *o = json_object_new_object();

	obj_text(o, "id", id);
	obj_text(o, "name", name);
	obj_text(o, "type", type);
	obj_text(o, "status", status);
	obj_text(o, "fileUrl", NULL);
	obj_text(o, "thumbnailUrl", NULL);
	obj_text(o, "createdAt", "2026-01-01T00:00:00.000Z");
	return o;
}

static const char *
state_of(const struct sb_item *it)
{
	if (sb_item_progress(it) < 1)
		return "PROCESSING";
	return it->fate == FATE_READY ? "READY" : "FAILED";
}

static struct json_object *
uploaded_json(const struct sb_item *it)
{
	struct json_object *o =
	    asset_json(it->id, it->name, obj_get_text(it->params, "type"), state_of(it));

	obj_time(o, "createdAt", it->created, true);
	return o;
}

void
argil_asset_create(struct req *r)
{
	struct json_object *o = req_json(r, "name type url");
	const char *name = o != NULL ? req_text(r, o, "name", 1, 256) : NULL;
	const char *type = name != NULL ? req_text(r, o, "type", 1, 16) : NULL;
	struct sb_item *it;

	if (type != NULL && !word_in("IMAGE VIDEO", type)) {
		req_refuse(r, 400, "bad_value", "type",
		    "type is '%s', not IMAGE or VIDEO", type);
	} else if (type != NULL && req_url(r, o, "url", false)) {
		it = sb_item_new(&argil_service, ASSET, NULL);
		it->name = mem_str(name);
		obj_text(it->params, "type", type);
		it->fate = fate_of(it, name, NULL);
		state_make(it, opts.ready_after);
		req_answer_json(r, 201, uploaded_json(it));
	}
	json_object_put(o);
}

static struct json_object *
music_json(size_t i)
{
	return asset_json(music[i].id, music[i].name, "AUDIO", "READY");
}

void
argil_asset_get(struct req *r)
{
	struct sb_item *it;

	for (size_t i = 0; i < MUSIC_NAMES; i++)
		if (strcmp(r->arg[0], music[i].id) == 0) {
			req_answer_json(r, 200, music_json(i));
			return;
		}
	it = argil_item(r, ASSET, "asset not found");
	if (it != NULL)
		req_answer_json(r, 200, uploaded_json(it));
}

void
argil_asset_delete(struct req *r)
{
	struct sb_item *it = argil_item(r, ASSET, "asset not found");
	struct json_object *o;

	if (it == NULL)
		return;
	state_delete(it);
	o = json_object_new_object();
	obj_text(o, "message", "Asset deleted successfully");
	req_answer_json(r, 200, o);
}

bool
argil_asset_is_ready(const char *id)
{
	struct sb_item *it = state_find(ARGIL, ASSET, id);

	for (size_t i = 0; i < MUSIC_NAMES; i++)
		if (strcmp(id, music[i].id) == 0)
			return true;
	return it != NULL && strcmp(state_of(it), "READY") == 0;
}

/* Is the asset of that type and state? Takes the reference if it is not. */
static bool
asset_fits(struct json_object *o, const char *type, const char *status)
{
	if ((type == NULL || strcmp(obj_get_text(o, "type"), type) == 0) &&
	    strcmp(obj_get_text(o, "status"), status) == 0)
		return true;
	json_object_put(o);
	return false;
}

void
argil_asset_list(struct req *r)
{
	const struct sb_list *all = state_list(ARGIL, ASSET);
	const char *type = req_query(r, "type"), *status = req_query(r, "status");
	long page = req_number(r, "page", 1, 1, 1000000000), n = 0;
	long size = page < 0 ? -1 : req_number(r, "pageSize", 20, 1, 100);
	struct json_object *list;

	if (size < 0)
		return;
	if ((type != NULL && !word_in("AUDIO IMAGE VIDEO", type)) ||
	    (status != NULL && !word_in("PROCESSING READY FAILED", status))) {
		req_refuse(r, 400, "bad_value", "query", "unknown type or status");
		return;
	}
	list = json_object_new_array();
	for (size_t i = all->n + MUSIC_NAMES; i-- > 0;) {
		struct json_object *o;

		if (i >= MUSIC_NAMES && all->at[i - MUSIC_NAMES]->deleted)
			continue;
		o = i >= MUSIC_NAMES ? uploaded_json(all->at[i - MUSIC_NAMES])
		                     : music_json(i);
		if (!asset_fits(o, type, status != NULL ? status : "READY"))
			continue;
		if (n >= (page - 1) * size && n < page * size)
			json_object_array_add(list, o);
		else
			json_object_put(o);
		n++;
	}
	req_answer_json(r, 200, list);
	req_answer_header(r, "X-Total-Count", "%ld", n);
	req_answer_header(r, "X-Page", "%ld", page);
	req_answer_header(r, "X-Page-Size", "%ld", size);
	req_answer_header(r, "X-Total-Pages", "%ld", (n + size - 1) / size);
}

bool
argil_style_exists(const char *id)
{
	for (size_t i = 0; i < STYLES; i++)
		if (strcmp(id, styles[i].id) == 0)
			return true;
	return false;
}

void
argil_style_list(struct req *r)
{
	long page = req_number(r, "page", 1, 1, 1000000000);
	long size = page < 0 ? -1 : req_number(r, "pageSize", 10, 1, 100);
	struct json_object *o, *items, *one;

	if (size < 0)
		return;
	items = json_object_new_array();
	for (long i = (page - 1) * size; i < page * size && i < STYLES; i++) {
		one = json_object_new_object();
		obj_text(one, "id", styles[i].id);
		obj_text(one, "name", styles[i].name);
		json_object_array_add(items, one);
	}
	o = json_object_new_object();
	json_object_object_add(o, "items", items);
	obj_int(o, "totalItems", STYLES);
	obj_int(o, "totalPages", (STYLES + size - 1) / size);
	obj_int(o, "currentPage", page);
	obj_int(o, "itemsPerPage", size);
	req_answer_json(r, 200, o);
}

/* Writes what the video says, a moment a second. */
static void
write_subtitles(const struct sb_item *video, bool ass, bool styled, struct buf *out)
{
	struct json_object *moments = obj_get(video->params, "moments");

	buf_str(out, ass ? "[Script Info]\nScriptType: v4.00+\n" : "WEBVTT\n");
	if (styled)
		buf_str(out, ass ? "\n[V4+ Styles]\nStyle: Default,Arial,20\n"
		                 : "\nSTYLE\n::cue { color: white }\n");
	if (ass)
		buf_str(out, "\n[Events]\nFormat: Start, End, Text\n");
	for (size_t i = 0; i < json_object_array_length(moments); i++) {
		const char *text =
		    obj_get_text(json_object_array_get_idx(moments, i), "transcript");

		if (text == NULL)
			text = "(recording)";
		if (ass)
			buf_printf(out, "Dialogue: 0:00:%02zu.00,0:00:%02zu.00,%s\n", i,
			    i + 1, text);
		else
			buf_printf(
			    out, "\n00:%02zu.000 --> 00:%02zu.000\n%s\n", i, i + 1, text);
	}
}

void
argil_subtitles(struct req *r)
{
	struct sb_item *video = argil_item(r, VIDEO, "video not found");
	const char *format = req_query(r, "format");
	bool bad = false, styled, ass;

	if (video == NULL)
		return;
	styled = req_flag(r, "includeStyling", false, &bad);
	if (bad)
		return;
	if (format != NULL && !word_in("vtt ass", format)) {
		req_refuse(r, 400, "bad_value", "format",
		    "format is '%s', not vtt or ass", format);
		return;
	}
	ass = format != NULL && strcmp(format, "ass") == 0;
	req_answer(r, 200);
	r->answer.type = ass ? "text/x-ass" : "text/vtt";
	write_subtitles(video, ass, styled, &r->answer.body);
}
