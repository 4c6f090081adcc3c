#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "provider/builtin.h"
#include "provider/check.h"
#include "provider/provider.h"
#include "json/json.h"
#include "json/scan.h"

#define FILE_MAX (1 << 20)

static const struct builtin_file *
builtin(const char *name)
{
	char *path = mem_printf("providers/%s.json", name);
	const struct builtin_file *f;

	for (f = builtin_files; f->path != NULL; f++)
		if (strcmp(f->path, path) == 0)
			break;
	free(path);
	return f->path != NULL ? f : NULL;
}

/* The operation of that name; NULL stays NULL. */
static const struct operation *
find(const struct provider *p, const char *name)
{
	return name != NULL ? provider_operation(p, name) : NULL;
}

static void
read_operations(struct provider *p)
{
	struct json_object *all = json_at(p->def, "/operations");
	struct operation *op;

	p->operations =
	    mem_new((size_t)json_object_object_length(all), sizeof *p->operations);
	json_object_object_foreach(all, name, def)
	{
		const char *states = json_str(def, "/answer/states");

		op = &p->operations[p->n_operations++];
		op->name = name;
		op->method = json_str(def, "/method");
		op->path = json_str(def, "/path");
		op->repeatable = json_flag(def, "/repeatable", true);
		op->def = def;
		op->states = states != NULL ? provider_states(p, states) : NULL;
	}
}

static void
read_kinds(struct provider *p)
{
	struct json_object *all = json_at(p->def, "/kinds");
	struct kind *k;

	if (all == NULL)
		return;
	p->kinds = mem_new((size_t)json_object_object_length(all), sizeof *p->kinds);
	json_object_object_foreach(all, name, def)
	{
		struct json_object *start = json_at(def, "/start");
		size_t n = start != NULL ? json_object_array_length(start) : 0;
		const char *absent = json_str(def, "/result/absent");

		k = &p->kinds[p->n_kinds++];
		k->name = name;
		k->takes_value = json_has(def, "/value");
		for (size_t i = 0; i < n && i < sizeof k->start / sizeof *k->start; i++)
			k->start[k->starts++] = find(p,
			    json_object_get_string(json_object_array_get_idx(start, i)));
		k->status = find(p, json_str(def, "/status"));
		k->result = find(p, json_str(def, "/result/operation"));
		k->url = json_str(def, "/result/take");
		k->absent_is_none = absent != NULL && strcmp(absent, "none") == 0;
		k->types = json_at(def, "/types");
		k->def = def;
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

/* Says the place as every other mistake does. */
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
provider_parse(const char *text, size_t len, const char *file, bool strict, struct err *e)
{
	struct provider *p = mem_new(1, sizeof *p);

	p->def = json_parse(text, len, e);
	if (p->def == NULL) {
		not_json(text, len, file, e);
		goto fail;
	}
	if (strict && provider_check_schema(p->def, text, len, file, e) < 0)
		goto fail;
	read_members(p);
	if (strict && provider_check_semantics(p, text, len, file, e) < 0)
		goto fail;
	return p;
fail:
	provider_free(p);
	return NULL;
}

struct provider *
provider_read(const char *path, struct err *e)
{
	struct provider *p = NULL;
	struct buf text;

	buf_init(&text, FILE_MAX);
	if (file_read(path, &text, e) == 0)
		p = provider_parse(text.data, text.len, path, true, e);
	else
		e->code = CODE_BAD_PROVIDER;
	buf_release(&text);
	if (p != NULL)
		p->file = mem_str(path);
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

static bool
name_ok(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");

	return n > 0 && n <= 32 && name[n] == '\0' && islower((unsigned char)name[0]);
}

static char *
user_file(const char *name)
{
	char *dir = file_config_dir(), *path = NULL;

	if (dir != NULL)
		path = mem_printf("%s/providers/%s.json", dir, name);
	free(dir);
	return path;
}

/* A user's file may replace a built-in one, but not send its credentials elsewhere. */
static int
guard_builtin(const struct provider *p, const struct provider *original, struct err *e)
{
	static const char *const urls[] = {"/base_url", "/auth/oauth/token_url",
	    "/auth/oauth/authorize_url", "/auth/oauth/device_url",
	    "/auth/oauth/revoke_url"};

	for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
		const char *ours = json_str(original->def, urls[i]);
		const char *theirs = json_str(p->def, urls[i]);
		if (theirs != NULL && (ours == NULL || strcmp(ours, theirs) != 0))
			return err_set(e, CODE_BAD_PROVIDER,
			    "%s: %s differs from the built-in '%s', whose credentials must go "
			    "nowhere else; give the file another name, or set the API's URL with -u",
			    p->file, urls[i] + 1, p->name);
	}
	return 0;
}

static struct provider *
load_builtin(const char *name, struct err *e)
{
	const struct builtin_file *f = builtin(name);

	if (f == NULL) {
		err_set(e, CODE_UNKNOWN_PROVIDER,
		    "unknown provider '%s'; av-provider list names those there are",
		    name);
		return NULL;
	}
	return provider_parse(f->data, f->len, f->path, false, e);
}

static bool
has_alias(const struct provider *p, const char *alias)
{
	struct json_object *all = json_at(p->def, "/aliases");

	for (size_t i = 0; all != NULL && i < json_object_array_length(all); i++)
		if (strcmp(json_object_get_string(json_object_array_get_idx(all, i)),
		        alias) == 0)
			return true;
	return false;
}

bool
provider_is(const struct provider *p, const char *name)
{
	return strcmp(p->name, name) == 0 || has_alias(p, name);
}

/* The name of o's that p goes by as well, or NULL. */
static const char *
name_of_both(const struct provider *p, const struct provider *o)
{
	struct json_object *aliases = json_at(o->def, "/aliases");
	size_t n = aliases != NULL ? json_object_array_length(aliases) : 0;

	if (has_alias(p, o->name))
		return o->name;
	for (size_t i = 0; i < n; i++) {
		const char *alias =
		    json_object_get_string(json_object_array_get_idx(aliases, i));
		if (provider_is(p, alias))
			return alias;
	}
	return NULL;
}

/* Credentials are looked for by every name of a provider, so a name of a built-in one is
 * nobody else's, wherever that other one would send them. */
static int
guard_names(const struct provider *p, struct err *e)
{
	struct err ignored;
	int result = 0;

	for (const struct builtin_file *f = builtin_files; result == 0 && f->path != NULL;
	     f++) {
		struct provider *o = NULL;
		const char *name = NULL;

		if (strncmp(f->path, "providers/", 10) == 0)
			o = provider_parse(f->data, f->len, f->path, false, &ignored);
		if (o != NULL && strcmp(o->name, p->name) != 0)
			name = name_of_both(p, o);
		if (name != NULL)
			result = err_set(e, CODE_BAD_PROVIDER,
			    "%s: '%s' is a name of the built-in '%s', whose credentials must go "
			    "nowhere else; use another name",
			    p->file, name, o->name);
		provider_free(o);
	}
	return result;
}

static struct provider *
load_user(const char *path, const char *name, struct err *e)
{
	struct provider *p = provider_read(path, e), *original = NULL;
	struct err ignored;

	if (p == NULL)
		return NULL;
	if (strcmp(p->name, name) != 0) {
		err_set(e, CODE_BAD_PROVIDER, "%s: its name is '%s', not '%s'", path,
		    p->name, name);
		goto fail;
	}
	if (guard_names(p, e) < 0)
		goto fail;
	original = load_builtin(name, &ignored);
	if (original != NULL && guard_builtin(p, original, e) < 0)
		goto fail;
	provider_free(original);
	return p;
fail:
	provider_free(original);
	provider_free(p);
	return NULL;
}

static struct provider *
load_exact(const char *name, struct err *e)
{
	char *path = user_file(name);
	struct provider *p;

	if (path != NULL && access(path, F_OK) == 0)
		p = load_user(path, name, e);
	else
		p = load_builtin(name, e);
	free(path);
	return p;
}

struct by_alias {
	const char *alias;
	struct provider *found;
};

static void
try_alias(void *arg, const char *name)
{
	struct by_alias *want = arg;
	struct provider *p;
	struct err ignored;

	if (want->found != NULL)
		return;
	p = load_exact(name, &ignored);
	if (p != NULL && has_alias(p, want->alias))
		want->found = p;
	else
		provider_free(p);
}

struct provider *
provider_load(const char *name, struct err *e)
{
	struct by_alias want = {.alias = name};
	struct provider *p;

	if (!name_ok(name)) {
		err_set(e, CODE_UNKNOWN_PROVIDER, "'%.40s' is no provider's name", name);
		return NULL;
	}
	p = load_exact(name, e);
	if (p == NULL && e->code == CODE_UNKNOWN_PROVIDER) {
		provider_each(try_alias, &want);
		p = want.found;
	}
	return p;
}

/* A sorted list of names without duplicates. */
struct names {
	char **v;
	size_t n;
};

static void
names_add(struct names *names, const char *file)
{
	size_t len = strlen(file);
	char *name;

	if (len <= 5 || strcmp(file + len - 5, ".json") != 0)
		return;
	name = mem_strn(file, len - 5);
	for (size_t i = 0; i < names->n; i++)
		if (strcmp(names->v[i], name) == 0) {
			free(name);
			return;
		}
	names->v = mem_resize(names->v, (names->n + 1) * sizeof *names->v);
	names->v[names->n++] = name;
}

static int
compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
add_users(struct names *names)
{
	char *dir = file_config_dir(), *path;
	struct dirent *entry;
	DIR *d;

	if (dir == NULL)
		return;
	path = mem_printf("%s/providers", dir);
	d = opendir(path);
	while (d != NULL && (entry = readdir(d)) != NULL)
		names_add(names, entry->d_name);
	if (d != NULL)
		closedir(d);
	free(path);
	free(dir);
}

void
provider_each(void (*fn)(void *arg, const char *name), void *arg)
{
	struct names names = {0};

	for (const struct builtin_file *f = builtin_files; f->path != NULL; f++)
		if (strncmp(f->path, "providers/", 10) == 0)
			names_add(&names, f->path + 10);
	add_users(&names);
	if (names.n > 0)
		qsort(names.v, names.n, sizeof *names.v, compare);
	for (size_t i = 0; i < names.n; i++) {
		fn(arg, names.v[i]);
		free(names.v[i]);
	}
	free(names.v);
}

const struct operation *
provider_operation(const struct provider *p, const char *name)
{
	for (size_t i = 0; i < p->n_operations; i++)
		if (strcmp(p->operations[i].name, name) == 0)
			return &p->operations[i];
	return NULL;
}

const struct kind *
provider_kind(const struct provider *p, const char *name)
{
	for (size_t i = 0; i < p->n_kinds; i++)
		if (strcmp(p->kinds[i].name, name) == 0)
			return &p->kinds[i];
	return NULL;
}

struct json_object *
provider_states(const struct provider *p, const char *name)
{
	struct json_object *all = json_at(p->def, "/states"), *set = NULL;

	if (all != NULL)
		json_object_object_get_ex(all, name, &set);
	return set;
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

	for (size_t i = 0;
	     value == NULL && aliases != NULL && i < json_object_array_length(aliases);
	     i++)
		value =
		    env_of(json_object_get_string(json_object_array_get_idx(aliases, i)),
		        suffix);
	return value;
}
