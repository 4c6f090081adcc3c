#include <stdio.h>
#include <time.h>

#include "core/object.h"

void
obj_text(struct json_object *o, const char *name, const char *s)
{
	json_object_object_add(o, name, s != NULL ? json_object_new_string(s) : NULL);
}

void
obj_int(struct json_object *o, const char *name, int64_t n)
{
	json_object_object_add(o, name, json_object_new_int64(n));
}

void
obj_bool(struct json_object *o, const char *name, bool b)
{
	json_object_object_add(o, name, json_object_new_boolean(b));
}

void
obj_time(struct json_object *o, const char *name, int64_t ms, bool fraction)
{
	time_t t = (time_t)(ms / 1000);
	struct tm tm;
	char text[40];
	size_t n;

	gmtime_r(&t, &tm);
	n = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
	if (fraction)
		snprintf(text + n, sizeof text - n, ".%03dZ", (int)(ms % 1000));
	else
		snprintf(text + n, sizeof text - n, "Z");
	obj_text(o, name, text);
}

void
obj_copy(struct json_object *o, const char *name, struct json_object *from)
{
	json_object_object_add(o, name, json_object_get(obj_get(from, name)));
}

void
obj_merge(struct json_object *o, struct json_object *from)
{
	json_object_object_foreach(from, name, value)
	{
		json_object_object_add(o, name, json_object_get(value));
	}
}

struct json_object *
obj_get(struct json_object *o, const char *name)
{
	return json_object_object_get(o, name);
}

const char *
obj_get_text(struct json_object *o, const char *name)
{
	return json_object_get_string(obj_get(o, name));
}

int64_t
obj_get_int(struct json_object *o, const char *name)
{
	return json_object_get_int64(obj_get(o, name));
}

bool
obj_get_bool(struct json_object *o, const char *name)
{
	return json_object_get_boolean(obj_get(o, name));
}

bool
obj_has(struct json_object *o, const char *name)
{
	return json_object_object_get_ex(o, name, NULL);
}

void
obj_write(struct buf *out, struct json_object *o)
{
	buf_str(out, json_object_to_json_string_ext(
	                 o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
}
