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

/* A copy without what no record may hold. */
static struct json_object *
clean(struct json_object *o)
{
	struct json_object *copy;

	if (json_object_is_type(o, json_type_object)) {
		copy = json_new_object();
		json_object_object_foreach(o, name, value)
		{
			if (is_shown(name, value))
				json_object_object_add(copy, name, clean(value));
		}
		return copy;
	}
	if (!json_object_is_type(o, json_type_array))
		return json_object_get(o);
	copy = json_new_array();
	for (size_t i = 0; i < json_len(o); i++)
		json_append(copy, clean(json_object_array_get_idx(o, i)));
	return copy;
}

/* Moves a member of an object to another one, under a name. */
static void
move(struct json_object *from, const char *name, struct json_object *to, const char *as)
{
	json_put(to, as, json_object_get(json_member(from, name)));
	json_object_object_del(from, name);
}

/* taken: changed here. */
static void
put_rendering(struct rec *rec, struct json_object *taken)
{
	struct json_object *all = json_new_array();

	if (json_member(taken, "avatar_id") != NULL) {
		struct json_object *avatar = json_new_object();

		move(taken, "avatar_id", avatar, "id");
		rec_set(rec, "avatar", avatar);
	}
	if (json_member(taken, "status") == NULL)
		json_put_str(taken, "status", "processing");
	json_append(all, json_object_get(taken));
	rec_set(rec, "renderings", all);
}

void
object_put(struct rec *rec, const struct operation *op, struct json_object *taken,
    struct json_object *whole)
{
	const char *sort = target_described(op), *name = json_str(taken, "/name");
	struct json_object *shown = clean(taken);

	if (json_object_object_length(shown) == 0) {
		json_object_put(shown);
		shown = NULL;
	}
	if (shown != NULL && name != NULL && strcmp(sort, "item") != 0)
		rec_set_str(rec, "name", name);
	if (shown != NULL && strcmp(sort, "rendering") == 0)
		put_rendering(rec, shown);
	else if (shown != NULL)
		rec_set(rec, sort, json_object_get(shown));
	json_object_put(shown);
	if (whole != NULL)
		rec_set(rec, "provider_data", clean(whole));
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
