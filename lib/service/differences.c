#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "provider/target.h"
#include "service/differences.h"
#include "json/json.h"

void
differences_init(
    struct differences *d, const struct provider *p, const struct operation *op)
{
	*d = (struct differences){.provider = p,
	    .total = -1,
	    .op = op,
	    .found = json_new_array(),
	    .places = json_new_object()};
}

void
differences_add(struct differences *d, const char *fmt, ...)
{
	struct err e; /* its message is cut and made safe to show */
	char text[sizeof e.message];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	(void)err_set(&e, CODE_BAD_ANSWER, "%s", text);
	if (!json_lists(d->found, e.message))
		json_append(d->found, json_new_string(e.message));
}

/* True if the pointer leads to a value, or to nothing because something on the way is null
 * or an empty list. */
static bool
has_place(struct json_object *o, const char *pointer)
{
	char *way = mem_str(pointer), *slash;
	bool has = json_has(o, way);

	while (!has && (slash = strrchr(way, '/')) != NULL) {
		*slash = '\0';
		if (json_has(o, way)) {
			struct json_object *value = json_at(o, way);

			has = value == NULL ||
			      (json_object_is_type(value, json_type_array) &&
			          json_len(value) == 0);
			break;
		}
	}
	free(way);
	return has;
}

/* True if the body, or the response (NULL for an entry of a list), has a place of `take`. */
static bool
has_take(struct json_object *take, struct json_object *body,
    const struct http_response *response)
{
	const char *header = json_str(take, "/header");
	bool has = false;

	if (json_object_is_type(take, json_type_string))
		return has_place(body, json_object_get_string(take));
	for (size_t i = 0; !has && i < json_len(take); i++)
		has = has_take(json_item(take, i), body, response);
	if (json_object_is_type(take, json_type_array))
		return has;
	if (header != NULL)
		return response == NULL || http_header_of(response, header) != NULL;
	if (json_has(take, "/join"))
		return has_place(body, json_str(take, "/join"));
	return !json_has(take, "/list") || has_place(body, json_str(take, "/list"));
}

/* Notes whether a place is there. name: what the description calls it. */
static void
note_place(struct differences *d, const char *name, bool has)
{
	if (has || json_member(d->places, name) == NULL)
		json_put_bool(d->places, name, has);
}

/* A place, for people. */
static const char *
place_text(struct json_object *take)
{
	if (json_object_is_type(take, json_type_string))
		return json_object_get_string(take);
	if (json_str(take, "/header") != NULL)
		return json_str(take, "/header");
	if (json_str(take, "/list") != NULL)
		return json_str(take, "/list");
	if (json_str(take, "/join") != NULL)
		return json_str(take, "/join");
	return json_object_to_json_string_ext(take, JSON_C_TO_STRING_NOSLASHESCAPE);
}

/* Of a list, a place within an element is one of the whole response; others are of entries. */
static void
note_takes(
    struct differences *d, struct json_object *body, const struct http_response *response)
{
	struct json_object *takes = json_at(d->op->def, "/answer/take");
	bool of_list = target_is_list(d->op);

	if (takes == NULL)
		return;
	json_object_object_foreach(takes, name, take)
	{
		char *what;

		if (of_list && json_has(take, "/list") != (response != NULL))
			continue;
		what = mem_printf("%s (%s)", place_text(take), name);
		note_place(d, what,
		    target_may_lack(d->provider, name) || has_take(take, body, response));
		free(what);
	}
}

/* Notes what lookups in this list compare. */
static void
note_lookups(struct differences *d, struct json_object *entry)
{
	static const char *const times[] = {"created_at", "updated_at"};
	const struct provider *p = d->provider;

	for (size_t i = 0; i < p->n_operations; i++) {
		const struct operation *op = &p->operations[i];
		struct json_object *lookup = json_at(op->def, "/lookup"),
		                   *match = json_member(lookup, "match");
		const char *in = json_str(lookup, "/operation");
		char *what;

		if (in == NULL || strcmp(in, d->op->name) != 0)
			continue;
		for (size_t t = 0; t < 2; t++) {
			const char *place = json_str(json_member(lookup, times[t]), "");

			if (place == NULL)
				continue;
			what =
			    mem_printf("%s (lookup.%s of %s)", place, times[t], op->name);
			note_place(d, what, has_place(entry, place));
			free(what);
		}
		if (match == NULL)
			continue;
		json_object_object_foreach(match, place, value)
		{
			(void)value;
			what = mem_printf("%s (lookup.match of %s)", place, op->name);
			note_place(d, what, has_place(entry, place));
			free(what);
		}
	}
}

/* Compares the state and the id of an avatar or another thing with the description. */
static void
look_at_words(struct differences *d, const struct answer *a)
{
	bool known;
	struct json_object *taken = answer_taken(a, d->op, &known);
	const char *word = json_str(taken, "/provider_status"),
	           *id = json_str(taken, "/id");

	if (!known)
		differences_add(d, "state '%s' is not among the states '%s'", word,
		    json_str(d->op->def, "/answer/states"));
	if (id != NULL && strcmp(target_described(d->op), "avatar") == 0) {
		d->ids++;
		d->odd_ids += !provider_is_id(d->provider, id);
	}
	json_object_put(taken);
}

/* The kind whose file the response itself is; NULL: it is no file. */
static const struct kind *
kind_of(const struct differences *d)
{
	for (size_t i = 0; i < d->provider->n_kinds; i++)
		if (d->provider->kinds[i].result == d->op &&
		    d->provider->kinds[i].url == NULL)
			return &d->provider->kinds[i];
	return NULL;
}

static void
look_at_type(struct differences *d, const struct answer *a)
{
	const char *given = http_header_of(a->response, "Content-Type");
	const struct kind *kind = kind_of(d);
	char *type = given != NULL ? mem_strn(given, strcspn(given, "; ")) : NULL;

	if (kind != NULL && (type == NULL || json_member(kind->types, type) == NULL))
		differences_add(d, "media type %s is not among the types of '%s'",
		    type != NULL ? type : "(none)", kind->name);
	if (kind == NULL && a->response->len > 0) {
		if (type == NULL || strstr(type, "json") == NULL)
			differences_add(d, "media type %s in place of JSON's",
			    type != NULL ? type : "(none)");
		if (a->body == NULL)
			differences_add(d, "the body is not JSON");
		else if (a->is_odd)
			differences_add(
			    d, "the body is not quite JSON: %s", a->odd.message);
	}
	free(type);
}

static void
look_at_page(struct differences *d, struct json_object *body)
{
	static const char *const names[] = {"last", "total", "more"};
	struct json_object *paging = json_at(d->op->def, "/paging");
	const char *items = json_str(paging, "/items");

	if (!json_object_is_type(json_at(body, items), json_type_array))
		differences_add(d, "there is no list at '%s' (paging.items)", items);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const char *place = json_str(json_member(paging, names[i]), "");

		if (place != NULL && !has_place(body, place))
			differences_add(
			    d, "there is nothing at %s (paging.%s)", place, names[i]);
	}
	d->total = json_int(body, json_str(paging, "/total"), -1);
}

static bool
says_ok(struct json_object *rules)
{
	for (size_t i = 0; i < json_len(rules); i++)
		if (strcmp(json_str(json_item(rules, i), "/is"), "ok") == 0)
			return true;
	return false;
}

/* A success needs no rule, unless rules say what a success is. */
static void
look_at_status(struct differences *d, const struct answer *a)
{
	bool success = a->status >= 200 && a->status < 300;

	if (http_is_redirect(a->status))
		differences_add(d, "status %d is a redirect", a->status);
	else if (!answer_has_rule(a, d->provider, d->op) &&
	         (!success || says_ok(json_at(d->op->def, "/outcomes")) ||
	             says_ok(json_at(d->provider->def, "/outcomes"))))
		differences_add(d, "status %d fits no rule of outcomes", a->status);
}

static void
look_at_error(struct differences *d, const struct answer *a)
{
	struct json_object *place = json_at(d->provider->def, "/error/message");
	char *message = answer_error(a, d->provider, "message");

	if (place != NULL && a->body != NULL && message == NULL)
		differences_add(
		    d, "the response %d has no message (error.message)", a->status);
	free(message);
}

void
differences_answer(struct differences *d, const struct answer *a)
{
	bool list = target_is_list(d->op);

	if (list && a->status == json_int(d->op->def, "/paging/empty_status", 0))
		return;
	look_at_status(d, a);
	if (a->status < 200 || a->status >= 300) {
		look_at_error(d, a);
		return;
	}
	d->answers++;
	if (strcmp(d->op->method, "HEAD") != 0)
		look_at_type(d, a);
	if (a->response->len > 0 && a->body == NULL)
		return;
	note_takes(d, a->body, a->response);
	if (list)
		look_at_page(d, a->body);
	else
		look_at_words(d, a);
}

void
differences_entry(struct differences *d, struct json_object *entry)
{
	const struct answer a = {.body = entry};

	d->entries++;
	note_takes(d, entry, NULL);
	note_lookups(d, entry);
	look_at_words(d, &a);
}

struct json_object *
differences_end(struct differences *d)
{
	struct json_object *found;

	json_object_object_foreach(
	    d->places, name, has) if (!json_object_get_boolean(has))
	    differences_add(d, "there is nothing at %s", name);
	if (d->ids > 0 && d->odd_ids == d->ids)
		differences_add(d, "no id of an avatar fits id_pattern");
	found = d->found;
	json_object_put(d->places);
	*d = (struct differences){0};
	return found;
}
