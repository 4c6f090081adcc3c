#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "provider/provider.h"
#include "json/json.h"
#include "json/scan.h"

static size_t
members(struct json_object *o)
{
	return json_object_is_type(o, json_type_object)
	           ? (size_t)json_object_object_length(o)
	           : 0;
}

/* Replaces the name of an answer by the answer, and adds `required`. A name without an
 * answer stays, for check.c. */
static void
expand_answer(struct json_object *def, struct json_object *op)
{
	static const char *const ids[] = {"id", "provider_status"};
	bool repeatable = json_flag(op, "/repeatable", true);
	const char *first = ids[repeatable], *second = ids[!repeatable];
	struct json_object *answer = json_member(op, "answer"), *take, *required;

	if (json_object_is_type(answer, json_type_string)) {
		answer = json_copy(
		    json_member(json_at(def, "/answers"), json_str(answer, "")));
		json_put(op, "answer", answer);
	}
	take = json_member(answer, "take");
	if (json_has(answer, "/required") || json_has(op, "/paging"))
		return;
	if (json_member(take, first) == NULL)
		first = second;
	if (json_member(take, first) == NULL)
		return;
	required = json_new_array();
	json_append(required, json_new_string(first));
	json_put(answer, "required", required);
}

/* Writes out what a description may leave out, so that other modules need not know the
 * short forms. */
static void
expand_operation(struct json_object *def, struct json_object *op)
{
	struct json_object *bodies = json_member(op, "bodies");
	struct json_object *lookup = json_member(op, "lookup"), *list;

	expand_answer(def, op);
	if (json_object_is_type(bodies, json_type_object)) {
		list = json_new_array();
		json_append(list, json_object_get(bodies));
		json_put(op, "bodies", list);
	}
	if (json_object_is_type(lookup, json_type_object) &&
	    !json_has(lookup, "/operation"))
		json_put_str(lookup, "operation", "list");
}

static void
read_operations(struct provider *p)
{
	struct json_object *all = json_member(p->def, "operations");
	struct json_object *states = json_member(p->def, "states");

	if (members(all) == 0)
		return;
	p->operations = mem_new(members(all), sizeof *p->operations);
	json_object_object_foreach(all, name, def)
	{
		const char *set;

		expand_operation(p->def, def);
		set = json_str(def, "/answer/states");
		p->operations[p->n_operations++] = (struct operation){.name = name,
		    .method = json_str(def, "/method"),
		    .path = json_str(def, "/path"),
		    .repeatable = json_flag(def, "/repeatable", true),
		    .def = def,
		    .states = set != NULL ? json_member(states, set) : NULL};
	}
}

static void
read_kinds(struct provider *p)
{
	struct json_object *all = json_member(p->def, "kinds");

	if (members(all) == 0)
		return;
	p->kinds = mem_new(members(all), sizeof *p->kinds);
	json_object_object_foreach(all, name, def)
	{
		struct kind *k = &p->kinds[p->n_kinds++];
		struct json_object *start = json_at(def, "/start");
		const char *absent = json_str(def, "/result/absent");
		size_t max = sizeof k->start / sizeof *k->start;

		*k = (struct kind){.name = name,
		    .takes_value = json_has(def, "/value"),
		    .status = provider_operation(p, json_str(def, "/status")),
		    .result = provider_operation(p, json_str(def, "/result/operation")),
		    .url = json_str(def, "/result/take"),
		    .absent_is_none = absent != NULL && strcmp(absent, "none") == 0,
		    .types = json_at(def, "/types"),
		    .def = def};
		while (k->starts < json_len(start) && k->starts < max) {
			k->start[k->starts] =
			    provider_operation(p, json_item_str(start, k->starts));
			k->starts++;
		}
	}
}

static void
read_members(struct provider *p)
{
	p->name = json_str(p->def, "/name");
	p->title = json_str(p->def, "/title");
	p->base_url = json_str(p->def, "/base_url");
	p->rate = json_num(p->def, "/pace/rate", 0);
	p->burst = json_num(p->def, "/pace/burst", 1);
	p->poll_first_ms = (int64_t)(json_num(p->def, "/poll/first_s", 2) * 1000);
	p->poll_max_ms = (int64_t)(json_num(p->def, "/poll/max_s", 30) * 1000);
	p->has_names = json_at(p->def, "/name_length") != NULL;
	p->name_min = json_int(p->def, "/name_length/min", 0);
	p->name_max = json_int(p->def, "/name_length/max", 0);
	read_operations(p);
	read_kinds(p);
}

/* Gives the error the form of all mistakes in a description. */
static void
not_json(const char *text, size_t len, const char *file, struct err *e)
{
	struct scan s;
	size_t line, column;

	if (scan_text(text, len, &s, NULL, NULL)) {
		err_prefix(e, "%s:1:1: ", file);
		e->code = CODE_BAD_PROVIDER;
		return;
	}
	scan_place(text, s.at, &line, &column);
	err_set(
	    e, CODE_BAD_PROVIDER, "%s:%zu:%zu: not JSON: %s", file, line, column, s.what);
}

struct provider *
provider_parse(const char *text, size_t len, const char *file, struct err *e)
{
	struct json_object *def = json_parse(text, len, e);
	struct provider *p;

	if (def == NULL) {
		not_json(text, len, file, e);
		return NULL;
	}
	p = mem_new(1, sizeof *p);
	p->def = def;
	read_members(p);
	return p;
}

void
provider_free(struct provider *p)
{
	if (p == NULL)
		return;
	json_object_put(p->def);
	free(p->operations);
	free(p->kinds);
	free(p->file);
	free(p);
}

bool
provider_is(const struct provider *p, const char *name)
{
	return strcmp(p->name, name) == 0 ||
	       json_lists(json_at(p->def, "/aliases"), name);
}

const struct operation *
provider_operation(const struct provider *p, const char *name)
{
	for (size_t i = 0; name != NULL && i < p->n_operations; i++)
		if (strcmp(p->operations[i].name, name) == 0)
			return &p->operations[i];
	return NULL;
}

const struct kind *
provider_kind(const struct provider *p, const char *name)
{
	for (size_t i = 0; name != NULL && i < p->n_kinds; i++)
		if (strcmp(p->kinds[i].name, name) == 0)
			return &p->kinds[i];
	return NULL;
}

static const char *
env_of(const char *name, const char *suffix)
{
	char *variable = mem_printf("%s_%s", name, suffix), *c;
	const char *value;

	for (c = variable; *c != '\0'; c++)
		*c = isalnum((unsigned char)*c) ? (char)toupper((unsigned char)*c) : '_';
	value = getenv(variable);
	free(variable);
	return value != NULL && *value != '\0' ? value : NULL;
}

const char *
provider_env(const struct provider *p, const char *suffix)
{
	struct json_object *aliases = json_at(p->def, "/aliases");
	const char *value = env_of(p->name, suffix);

	for (size_t i = 0; value == NULL && i < json_len(aliases); i++)
		value = env_of(json_item_str(aliases, i), suffix);
	return value;
}
