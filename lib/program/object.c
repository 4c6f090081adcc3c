#include <string.h>

#include "http/data_url.h"
#include "program/object.h"
#include "provider/target.h"
#include "json/json.h"
#include "json/scan.h"

static bool
is_shown(const char *name, struct json_object *value)
{
	return scan_secret_name(name) == NULL &&
	       !(json_object_is_type(value, json_type_string) &&
	           data_url_is(json_object_get_string(value)));
}

/* True if there is anything that no record may hold. */
static bool
has_hidden(struct json_object *o)
{
	if (json_object_is_type(o, json_type_object)) {
		json_object_object_foreach(o, name, value)
		{
			if (!is_shown(name, value) || has_hidden(value))
				return true;
		}
	}
	for (size_t i = 0; i < json_len(o); i++)
		if (has_hidden(json_item(o, i)))
			return true;
	return false;
}

/* A copy without what no record may hold. */
static struct json_object *
copy_shown(struct json_object *o)
{
	struct json_object *copy;

	if (json_object_is_type(o, json_type_object)) {
		copy = json_new_object();
		json_object_object_foreach(o, name, value)
		{
			if (is_shown(name, value))
				json_object_object_add(copy, name, copy_shown(value));
		}
		return copy;
	}
	if (!json_object_is_type(o, json_type_array))
		return json_object_get(o);
	copy = json_new_array();
	for (size_t i = 0; i < json_len(o); i++)
		json_append(copy, copy_shown(json_item(o, i)));
	return copy;
}

/* The object itself, or a copy to leave something out. */
static struct json_object *
shown(struct json_object *o)
{
	return has_hidden(o) ? copy_shown(o) : json_object_get(o);
}

/* Copies all members, in place of those of the same names. */
static void
copy_members(struct json_object *to, struct json_object *from)
{
	json_object_object_foreach(from, name, value)
	    json_put(to, name, json_object_get(value));
}

static void
put_rendering(struct rec *rec, struct json_object *taken)
{
	struct json_object *all = json_new_array(), *before = rec_get(rec, "renderings");
	struct json_object *avatar = json_member(taken, "avatar_id"), *entry;

	if (avatar != NULL)
		json_put(rec_edit(rec, "avatar"), "id", json_object_get(avatar));
	entry =
	    json_len(before) == 1 ? json_copy(json_item(before, 0)) : json_new_object();
	copy_members(entry, taken);
	json_object_object_del(entry, "avatar_id");
	if (json_member(entry, "status") == NULL)
		json_put_str(entry, "status", "processing");
	json_append(all, entry);
	rec_set(rec, "renderings", all);
}

void
object_put_findings(struct rec *rec, struct json_object *findings)
{
	struct json_object *image, *warnings = json_new_array(), *before;

	if (json_len(findings) == 0) {
		json_object_put(warnings);
		return;
	}
	image = rec_edit(rec, "image");
	before = json_member(image, "warnings");
	for (size_t i = 0; i < json_len(before); i++)
		json_append(warnings, json_object_get(json_item(before, i)));
	for (size_t i = 0; i < json_len(findings); i++)
		json_append(warnings, json_object_get(json_item(findings, i)));
	json_put(image, "warnings", warnings);
}

void
object_put(struct rec *rec, const struct operation *op, struct json_object *taken,
    struct json_object *whole)
{
	const char *sort = target_described(op), *name = json_str(taken, "/name");
	struct json_object *all = shown(taken);

	if (name != NULL && strcmp(sort, "item") != 0)
		rec_set_str(rec, "name", name);
	if (json_object_object_length(all) > 0 && strcmp(sort, "rendering") == 0)
		put_rendering(rec, all);
	else if (json_object_object_length(all) > 0 && !rec_has(rec, sort))
		rec_set(rec, sort, json_object_get(all));
	else if (json_object_object_length(all) > 0)
		copy_members(rec_edit(rec, sort), all);
	json_object_put(all);
	if (whole != NULL)
		object_put_data(rec, whole);
}

void
object_put_data(struct rec *rec, struct json_object *whole)
{
	rec_set(rec, "provider_data", shown(whole));
}

struct json_object *
object_of(struct rec *rec, const char *sort, struct err *e)
{
	struct json_object *all = rec_get(rec, "renderings"), *o = rec_get(rec, sort);

	if (strcmp(sort, "rendering") == 0)
		o = json_len(all) == 1 ? json_item(all, 0) : NULL;
	if (json_str(o, "/id") != NULL)
		return o;
	if (strcmp(sort, "rendering") == 0 && json_len(all) > 1)
		err_set(e, CODE_NO_AVATAR,
		    "the record has %zu renderings, but one is wanted: see av-list",
		    json_len(all));
	else
		err_set(e, CODE_NO_AVATAR, "the record has no %s with an id: see av-list",
		    sort);
	return NULL;
}

void
object_set_status(struct rec *rec, const char *sort, const char *status)
{
	struct json_object *all;

	if (strcmp(sort, "rendering") != 0) {
		json_put_str(rec_edit(rec, sort), "status", status);
		return;
	}
	all = json_copy(rec_get(rec, "renderings"));
	json_put_str(json_item(all, 0), "status", status);
	rec_set(rec, "renderings", all);
}

void
object_put_id(struct rec *rec, const char *sort, const char *id)
{
	struct json_object *o = json_new_object(), *all;

	json_put_str(o, "id", id);
	if (strcmp(sort, "rendering") != 0) {
		rec_set(rec, sort, o);
		return;
	}
	all = json_new_array();
	json_append(all, o);
	rec_set(rec, "renderings", all);
}
