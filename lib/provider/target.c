#include <string.h>

#include "provider/target.h"
#include "provider/template.h"
#include "json/json.h"

static const char *const words[] = {"avatar", "rendering", "item"};

#define N_WORDS (sizeof words / sizeof *words)

struct json_object *
target_variables(const struct operation *op)
{
	static const char *const templates[] = {
	    "/path", "/query", "/headers", "/bodies", "/lookup/match", "/answer/take"};
	struct json_object *names = json_new_object();

	for (size_t i = 0; i < sizeof templates / sizeof *templates; i++)
		template_names(json_at(op->def, templates[i]), names);
	return names;
}

/* The word whose id the path has last, or NULL. */
static const char *
of_path(const char *path)
{
	const char *last = strrchr(path, '{');

	for (size_t i = 0; last != NULL && i < N_WORDS; i++)
		if (strncmp(last + 1, words[i], strlen(words[i])) == 0 &&
		    strncmp(last + 1 + strlen(words[i]), ".id}", 4) == 0)
			return words[i];
	return NULL;
}

const char *
target_needed(const struct operation *op)
{
	static const char *const ids[] = {"avatar.id", "rendering.id", "item.id"};
	const char *needed = of_path(op->path);
	struct json_object *names;

	if (needed != NULL)
		return needed;
	names = target_variables(op);
	for (size_t i = 0; i < N_WORDS; i++)
		if (json_member(names, ids[i]) != NULL)
			needed = words[i];
	json_object_put(names);
	return needed;
}

const char *
target_described(const struct operation *op)
{
	const char *given = json_str(op->def, "/of");

	for (size_t i = 0; given != NULL && i < N_WORDS; i++)
		if (strcmp(given, words[i]) == 0)
			return words[i];
	if (strcmp(op->name, "create") == 0 || strcmp(op->name, "avatars") == 0)
		return "avatar";
	given = target_is_list(op) ? NULL : of_path(op->path);
	return given != NULL ? given : "item";
}

bool
target_is_list(const struct operation *op)
{
	return op->pages;
}

bool
target_is_photo(const struct operation *op)
{
	struct json_object *names = target_variables(op),
	                   *bodies = json_at(op->def, "/bodies");
	bool sends = json_member(names, "file") != NULL ||
	             json_member(names, "file.data_uri") != NULL ||
	             json_member(names, "file.base64") != NULL ||
	             json_member(names, "url") != NULL;

	for (size_t i = 0; i < json_len(bodies); i++) {
		const char *source = json_str(json_item(bodies, i), "/source");
		sends = sends || (source != NULL && strcmp(source, "none") != 0);
	}
	json_object_put(names);
	return sends;
}

const struct kind *
target_kind(const struct provider *p, const struct operation *op)
{
	for (size_t i = 0; i < p->n_kinds; i++)
		for (size_t n = 0; n < p->kinds[i].starts; n++)
			if (p->kinds[i].start[n] == op)
				return &p->kinds[i];
	return NULL;
}

const struct operation *
target_delete(const struct provider *p, const struct operation *list)
{
	const char *name = list != NULL ? json_str(list->def, "/delete") : NULL;
	bool avatars = list == NULL || strcmp(list->name, "avatars") == 0;

	return provider_operation(p, name == NULL && avatars ? "delete" : name);
}

const struct operation *
target_list_of(const struct provider *p, const struct operation *delete)
{
	for (size_t i = 0; i < p->n_operations; i++) {
		const struct operation *op = &p->operations[i];

		if (target_is_list(op) && target_delete(p, op) == delete)
			return op;
	}
	return NULL;
}

bool
target_may_lack(const struct provider *p, const char *name)
{
	struct json_object *defaults = json_at(p->def, "/default_kinds");

	for (size_t i = 0; i < p->n_kinds; i++)
		if (p->kinds[i].url != NULL && strcmp(p->kinds[i].url, name) == 0)
			return !json_lists(defaults, p->kinds[i].name);
	return strcmp(name, "reason") == 0;
}
