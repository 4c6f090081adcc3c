#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/similar.h"
#include "base/strings.h"
#include "provider/load.h"
#include "wanted.h"
#include "json/json.h"
#include "json/schema.h"

struct complaint {
	struct err *e;
	const struct kind *kind;
	bool made;
};

static void
complain(void *cookie, const char *pointer, const char *message)
{
	struct complaint *c = cookie;

	(void)pointer;
	if (!c->made)
		err_set(c->e, CODE_OPTION_INVALID, "the value of %s %s", c->kind->name,
		    message);
	c->made = true;
}

static int
check_value(const struct kind *k, const char *value, struct err *e)
{
	struct complaint complaint = {.e = e, .kind = k};
	struct json_object *text;

	/* NOLINTBEGIN(clang-analyzer-core.NullDereference): find() has set the kind. */
	if (value == NULL && !k->takes_value)
		return 0;
	if (value == NULL)
		return err_set(e, CODE_OPTION_MISSING, "%s needs a value: -r %s=VALUE",
		    k->name, k->name);
	if (!k->takes_value)
		return err_set(e, CODE_OPTION_INVALID, "%s takes no value", k->name);
	/* NOLINTEND(clang-analyzer-core.NullDereference) */
	text = json_new_string(value);
	schema_check(json_at(k->def, "/value"), text, complain, &complaint);
	json_object_put(text);
	return complaint.made ? -1 : 0;
}

static int
find(const struct provider *p, const char *asked, struct wanted *w, struct err *e)
{
	const char *equals = strchr(asked, '=');
	char *name =
	    mem_strn(asked, equals != NULL ? (size_t)(equals - asked) : strlen(asked));
	struct similar similar = {.word = asked};
	int result = 0;

	for (size_t i = 0; i < p->n_kinds; i++)
		similar_try(&similar, p->kinds[i].name);
	w->kind = provider_kind(p, name);
	w->value = equals != NULL ? equals + 1 : NULL;
	if (w->kind == NULL)
		result = err_set(e, CODE_NOT_OFFERED,
		    "%s offers no rendering '%s'; av-provider kinds %s lists them%s",
		    p->title, name, p->name,
		    strchr(name, ',') != NULL ? "; give each with an -r of its own"
		                              : similar.hint);
	free(name);
	return result < 0 ? result : check_value(w->kind, w->value, e);
}

static bool
is_same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* True if the last of the n renderings is in the list already. */
static bool
is_repeated(const struct wanted *list, size_t n)
{
	const struct wanted *last = &list[n - 1];

	for (size_t i = 0; i + 1 < n; i++)
		if (list[i].kind == last->kind && is_same(list[i].value, last->value))
			return true;
	return false;
}

int
wanted_of(const struct provider *p, const struct strings *asked, struct wanted **list,
    size_t *n, struct err *e)
{
	struct json_object *defaults = json_at(p->def, "/default_kinds");
	size_t n_defaults = defaults != NULL ? json_object_array_length(defaults) : 0;

	size_t words = asked->n > 0 ? asked->n : n_defaults;

	*n = 0;
	*list = mem_new(words, sizeof **list);
	for (size_t i = 0; i < words; i++) {
		const char *word =
		    asked->n > 0
		        ? asked->v[i]
		        : json_object_get_string(json_object_array_get_idx(defaults, i));
		if (find(p, word, &(*list)[*n], e) < 0) {
			free(*list);
			*list = NULL;
			*n = 0;
			return -1;
		}
		if (is_repeated(*list, ++*n))
			--*n;
	}
	return 0;
}

static bool
is_waiting(struct json_object *entry)
{
	const char *status = json_str(entry, "/status");

	return status != NULL && strcmp(status, "failed") != 0 &&
	       (json_str(entry, "/id") != NULL || json_str(entry, "/url") != NULL) &&
	       json_str(entry, "/file") == NULL;
}

void
wanted_before(const struct provider *p, struct json_object *entries, bool listed,
    struct wanted **list, size_t *n)
{
	size_t len = json_object_is_type(entries, json_type_array)
	                 ? json_object_array_length(entries)
	                 : 0;

	if (len == 0)
		return;
	*list = mem_resize(*list, (*n + len) * sizeof **list);
	for (size_t i = 0; i < len; i++) {
		struct json_object *entry = json_object_array_get_idx(entries, i);
		const char *name = json_str(entry, "/kind");
		const struct kind *k = name != NULL ? provider_kind(p, name) : NULL;

		if (k == NULL || (k->starts == 0 && !listed) || !is_waiting(entry))
			continue;
		(*list)[*n] = (struct wanted){
		    k, k->takes_value ? json_str(entry, "/value") : NULL, entry};
		if (is_repeated(*list, ++*n))
			--*n;
	}
}

/* True for a long option that may name a kind. */
struct maybe {
	const char *name;
	size_t len;
	const struct kind *found;
	bool takes_value;
	bool is_kind;
};

static void
look(void *arg, const char *provider)
{
	struct maybe *m = arg;
	struct err ignored;
	struct provider *p = m->is_kind ? NULL : provider_load(provider, &ignored);

	for (size_t i = 0; p != NULL && i < p->n_kinds; i++)
		if (strlen(p->kinds[i].name) == m->len &&
		    strncmp(p->kinds[i].name, m->name, m->len) == 0) {
			m->is_kind = true;
			m->takes_value = p->kinds[i].takes_value;
		}
	provider_free(p);
}

static bool
in_table(const struct opt *table, const struct maybe *m)
{
	for (; table->name != NULL; table++)
		if (strncmp(table->name, m->name, m->len) == 0)
			return true;
	return strncmp("help", m->name, m->len) == 0 ||
	       strncmp("version", m->name, m->len) == 0;
}

void
wanted_options(int *argc, char ***argv, const struct opt *table)
{
	char **out = mem_new(2 * (size_t)*argc + 1, sizeof *out), **in = *argv;
	int n = 0;

	for (; *in != NULL && strcmp(*in, "--") != 0; in++) {
		struct maybe m = {.name = *in + 2};

		m.len = strncmp(*in, "--", 2) == 0 ? strcspn(m.name, "=") : 0;
		if (m.len > 0 && !in_table(table, &m))
			provider_each(look, &m);
		if (!m.is_kind) {
			out[n++] = *in;
			continue;
		}
		out[n++] = mem_str("-r");
		if (m.takes_value && m.name[m.len] == '\0' && in[1] != NULL)
			out[n++] = mem_printf("%s=%s", m.name, *++in);
		else
			out[n++] = mem_str(m.name);
	}
	while (*in != NULL)
		out[n++] = *in++;
	*argc = n;
	*argv = out;
}
