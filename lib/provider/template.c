#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "http/url.h"
#include "provider/template.h"
#include "json/json.h"

/* A hole in a string: the names between its braces, such as "a.b|c". */
struct hole {
	const char *names;
	size_t len;
};

/* True if s starts with a hole; other braces are text. */
static bool
hole_at(const char *s, struct hole *h)
{
	static const char letters[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.|";

	if (s[0] != '{' || !islower((unsigned char)s[1]))
		return false;
	*h = (struct hole){.names = s + 1, .len = strspn(s + 1, letters)};
	return h->names[h->len] == '}';
}

/* The first of the hole's variables that is present, borrowed. */
static struct json_object *
hole_value(const struct hole *h, struct json_object *vars)
{
	char *names = mem_strn(h->names, h->len), *rest = names, *name, *member;
	struct json_object *value = NULL;

	while (value == NULL && (name = strsep(&rest, "|")) != NULL) {
		value = vars;
		while ((member = strsep(&name, ".")) != NULL)
			value = json_member(value, member);
	}
	free(names);
	return value;
}

/* Fills a text; add appends a value. False if a variable is absent or add fails. */
static bool
fill_text(struct buf *out, const char *s, struct json_object *vars,
    bool (*add)(struct buf *out, const char *value))
{
	struct hole h;

	while (*s != '\0') {
		char *value;
		bool ok;

		if (!hole_at(s, &h)) {
			buf_chr(out, *s++);
			continue;
		}
		value = json_scalar(hole_value(&h, vars), "");
		ok = value != NULL && add(out, value);
		free(value);
		if (!ok)
			return false;
		s = h.names + h.len + 1;
	}
	return true;
}

static bool
add_encoded(struct buf *out, const char *value)
{
	if (value[0] == '\0' || strcmp(value, ".") == 0 || strcmp(value, "..") == 0)
		return false;
	url_encode(out, value);
	return true;
}

static struct json_object *
fill_string(struct json_object *template, struct json_object *vars)
{
	const char *s = json_object_get_string(template);
	struct json_object *filled = NULL;
	struct buf out = {0};
	struct hole h;

	if (hole_at(s, &h) && h.names[h.len + 1] == '\0')
		return json_object_get(hole_value(&h, vars));
	if (fill_text(&out, s, vars, buf_str))
		filled = json_new_string(out.data != NULL ? out.data : "");
	buf_release(&out);
	return filled;
}

/* A new object with the same values, except for one member. */
static struct json_object *
without(struct json_object *o, const char *left_out)
{
	struct json_object *copy = json_new_object();

	json_object_object_foreach(o, name, value)
	{
		if (strcmp(name, left_out) != 0)
			json_put(copy, name, json_object_get(value));
	}
	return copy;
}

static void
append(struct json_object *array, struct json_object *v)
{
	if (v != NULL)
		json_append(array, v);
}

/* Appends what an element of an array becomes: nothing, one element, or with "{each}"
 * perhaps several. */
static void
fill_element(
    struct json_object *filled, struct json_object *template, struct json_object *vars)
{
	struct json_object *each = json_member(template, "{each}"), *list, *once, *own;

	if (each == NULL || json_member(vars, "each") != NULL) {
		append(filled, template_fill(template, vars));
		return;
	}
	list = template_fill(each, vars);
	once = without(template, "{each}");
	own = without(vars, "each");
	for (size_t i = 0; i == 0 || i < json_len(list); i++) {
		json_put(own, "each", json_object_get(json_item(list, i)));
		append(filled, template_fill(once, own));
	}
	json_object_put(own);
	json_object_put(once);
	json_object_put(list);
}

struct json_object *
template_fill(struct json_object *template, struct json_object *vars)
{
	struct json_object *filled;
	bool lost_all;

	switch (json_object_get_type(template)) {
	case json_type_string:
		return fill_string(template, vars);
	case json_type_object: {
		filled = json_new_object();
		json_object_object_foreach(template, name, value)
		{
			json_put(filled, name, template_fill(value, vars));
		}
		lost_all = json_object_object_length(filled) == 0 &&
		           json_object_object_length(template) > 0;
		break;
	}
	case json_type_array:
		filled = json_new_array();
		for (size_t i = 0; i < json_len(template); i++)
			fill_element(filled, json_item(template, i), vars);
		lost_all = json_len(filled) == 0 && json_len(template) > 0;
		break;
	default:
		return json_object_get(template);
	}
	if (!lost_all)
		return filled;
	json_object_put(filled);
	return NULL;
}

bool
template_path(struct buf *out, const char *template, struct json_object *vars)
{
	return fill_text(out, template, vars, add_encoded);
}

static void
names_in_string(const char *s, struct json_object *names)
{
	struct hole h;

	while ((s = strchr(s, '{')) != NULL) {
		if (!hole_at(s++, &h))
			continue;
		char *copy = mem_strn(h.names, h.len), *rest = copy, *name;
		while ((name = strsep(&rest, "|")) != NULL)
			json_put_bool(names, name, true);
		free(copy);
	}
}

void
template_names(struct json_object *template, struct json_object *names)
{
	if (json_object_is_type(template, json_type_string)) {
		names_in_string(json_object_get_string(template), names);
	} else if (json_object_is_type(template, json_type_object)) {
		json_object_object_foreach(template, name, value)
		{
			(void)name;
			template_names(value, names);
		}
	}
	for (size_t i = 0; i < json_len(template); i++)
		template_names(json_item(template, i), names);
}
