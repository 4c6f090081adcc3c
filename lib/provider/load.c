#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/similar.h"
#include "provider/builtin.h"
#include "provider/check.h"
#include "provider/load.h"
#include "provider/options.h"
#include "json/json.h"

struct provider *
provider_load_text(const char *text, size_t len, const char *file, struct err *e)
{
	struct provider *p = provider_parse(text, len, file, e);

	if (p == NULL || provider_check(p, text, len, file, e) == 0)
		return p;
	provider_free(p);
	return NULL;
}

/* Not checked: the tests check the built-in files. */
static struct provider *
load_builtin(const struct builtin_file *f)
{
	struct err ignored;

	return provider_parse(f->data, f->len, f->path, &ignored);
}

/* Refuses a file that replaces a built-in provider but has other URLs. */
static int
guard_urls(const struct provider *p, const struct provider *original, struct err *e)
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
			    "nowhere else; use another name, or set the API's URL with -u",
			    p->file, urls[i] + 1, p->name);
	}
	return 0;
}

/* A name or alias of the other provider that p has as an alias, or NULL. */
static const char *
shared_name(const struct provider *p, const struct provider *other)
{
	struct json_object *aliases = json_at(other->def, "/aliases");

	if (provider_is(p, other->name))
		return other->name;
	for (size_t i = 0; i < json_len(aliases); i++)
		if (provider_is(p, json_item_str(aliases, i)))
			return json_item_str(aliases, i);
	return NULL;
}

/* Credentials are looked up by each name of a provider. So no file may use a name of a
 * built-in provider, except a file that replaces it with the same URLs. */
static int
guard_credentials(const struct provider *p, bool urls, struct err *e)
{
	int result = 0;

	for (const struct builtin_file *f = builtin_files; result == 0 && f->path != NULL;
	     f++) {
		struct provider *other;
		const char *name;

		if (strncmp(f->path, "providers/", 10) != 0)
			continue;
		other = load_builtin(f);
		if (strcmp(other->name, p->name) == 0)
			result = urls ? guard_urls(p, other, e) : 0;
		else if ((name = shared_name(p, other)) != NULL)
			result = err_set(e, CODE_BAD_PROVIDER,
			    "%s: '%s' is a name of the built-in '%s', whose credentials must go "
			    "nowhere else; use another name",
			    p->file, name, other->name);
		provider_free(other);
	}
	return result;
}

int
provider_guard_names(const struct provider *p, struct err *e)
{
	return guard_credentials(p, false, e);
}

/* Refuses what another user can change: a description says where credentials go. */
static int
guard_owner(const char *path, struct err *e)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return err_set(e, CODE_BAD_PROVIDER, "cannot examine '%s':", path);
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return err_set(e, CODE_BAD_PROVIDER,
		    "'%s' belongs to another user, who can send your credentials elsewhere; "
		    "check it, and chown it",
		    path);
	if ((st.st_mode & 022) != 0)
		return err_set(e, CODE_BAD_PROVIDER,
		    "other users can change '%s' and so send your credentials elsewhere; "
		    "check it, and run: chmod go-w '%s'",
		    path, path);
	return 0;
}

static struct provider *
load_user(const char *dir, const char *path, const char *name, struct err *e)
{
	struct buf text = {.max = PROVIDER_FILE_MAX};
	struct provider *p = NULL;

	if (guard_owner(dir, e) < 0 || guard_owner(path, e) < 0)
		return NULL;
	if (file_read(path, &text, e) == 0)
		p = provider_load_text(text.data, text.len, path, e);
	else if (e->code != CODE_TOO_MANY_FILES && e->code != CODE_MACHINE_FAILED)
		e->code = CODE_BAD_PROVIDER;
	buf_release(&text);
	if (p == NULL)
		return NULL;
	p->file = mem_str(path);
	if (strcmp(p->name, name) != 0)
		err_set(e, CODE_BAD_PROVIDER, "%s: its name is '%s', not '%s'", path,
		    p->name, name);
	else if (guard_credentials(p, true, e) == 0)
		return p;
	provider_free(p);
	return NULL;
}

/* Loads by name, not alias; the user's file first. */
static struct provider *
load_exact(const char *name, struct err *e)
{
	const struct builtin_file *f = builtin_find("providers", name);
	char *dir = file_config_path("providers");
	char *path = mem_printf("%s/%s.json", dir != NULL ? dir : "", name);
	struct provider *p = NULL;

	if (dir != NULL && access(path, F_OK) == 0)
		p = load_user(dir, path, name, e);
	else if (f != NULL)
		p = load_builtin(f);
	else
		err_set(e, CODE_UNKNOWN_PROVIDER, "unknown provider '%s'", name);
	free(path);
	free(dir);
	if (p == NULL || options_from_account(p, e) == 0)
		return p;
	provider_free(p);
	return NULL;
}

/* Adds the name of a description's file, unless it is in the list. */
static void
add_name(struct json_object *names, const char *file)
{
	size_t len = strlen(file);
	char *name;

	if (len <= 5 || strcmp(file + len - 5, ".json") != 0)
		return;
	name = mem_strn(file, len - 5);
	if (!json_lists(names, name))
		json_append(names, json_new_string(name));
	free(name);
}

static int
compare(const void *a, const void *b)
{
	return strcmp(json_object_get_string(*(struct json_object *const *)a),
	    json_object_get_string(*(struct json_object *const *)b));
}

/* The names of all providers, built in and the user's, in alphabetical order. */
static struct json_object *
all_names(void)
{
	struct json_object *names = json_new_array();
	char *path = file_config_path("providers");
	DIR *d = path != NULL ? opendir(path) : NULL;
	struct dirent *entry;

	for (const struct builtin_file *f = builtin_files; f->path != NULL; f++)
		if (strncmp(f->path, "providers/", 10) == 0)
			add_name(names, f->path + 10);
	while (d != NULL && (entry = readdir(d)) != NULL)
		add_name(names, entry->d_name);
	if (d != NULL)
		closedir(d);
	free(path);
	json_object_array_sort(names, compare);
	return names;
}

void
provider_each(void (*fn)(void *arg, const char *name), void *arg)
{
	struct json_object *names = all_names();

	for (size_t i = 0; i < json_len(names); i++)
		fn(arg, json_item_str(names, i));
	json_object_put(names);
}

static void
try_aliases(struct similar *similar, const struct provider *p)
{
	struct json_object *aliases = json_at(p->def, "/aliases");

	for (size_t i = 0; i < json_len(aliases); i++)
		similar_try(similar, json_item_str(aliases, i));
}

static struct provider *
load_by_alias(const char *alias, struct err *e)
{
	struct json_object *names = all_names();
	struct similar similar = {.word = alias};
	struct provider *p = NULL;
	struct err ignored;

	for (size_t i = 0; p == NULL && i < json_len(names); i++) {
		similar_try(&similar, json_item_str(names, i));
		p = load_exact(json_item_str(names, i), &ignored);
		if (p != NULL && !provider_is(p, alias)) {
			try_aliases(&similar, p);
			provider_free(p);
			p = NULL;
		}
	}
	json_object_put(names);
	if (p == NULL)
		err_set(e, CODE_UNKNOWN_PROVIDER,
		    "unknown provider '%.40s'; av-provider list shows all providers%s",
		    alias, similar.hint);
	return p;
}

struct provider *
provider_load(const char *name, struct err *e)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");
	bool can_be = n <= 32 && name[n] == '\0' && islower((unsigned char)name[0]);
	struct provider *p = can_be ? load_exact(name, e) : NULL;

	if (p == NULL && (!can_be || e->code == CODE_UNKNOWN_PROVIDER))
		p = load_by_alias(name, e);
	return p;
}

void
provider_tell_experimental(const struct provider *p)
{
	const char *why = json_str(p->def, "/experimental");

	if (why != NULL)
		warn("the description of %s is experimental: %s", p->title, why);
	else if (json_flag(p->def, "/experimental", false))
		warn(
		    "the description of %s is experimental: its sources leave parts open; "
		    "try it with one photo first",
		    p->title);
}

struct providers_entry {
	SLIST_ENTRY(providers_entry) next;
	char *name; /* as it was asked for: an alias is an entry of its own */
	struct provider *provider; /* NULL: it is broken */
	struct err why;
};

static void
add_entry(
    struct providers *set, const char *name, struct provider *p, const struct err *why)
{
	struct providers_entry *entry = mem_new(1, sizeof *entry);

	*entry = (struct providers_entry){.name = mem_str(name), .provider = p};
	if (p == NULL)
		entry->why = *why;
	SLIST_INSERT_HEAD(&set->list, entry, next);
}

struct provider *
providers_get(struct providers *set, const char *name, struct err *e)
{
	struct providers_entry *entry;
	struct provider *p;
	bool told = false;

	SLIST_FOREACH (entry, &set->list, next) {
		if (strcmp(entry->name, name) != 0)
			continue;
		if (entry->provider == NULL)
			*e = entry->why;
		return entry->provider;
	}
	p = provider_load(name, e);
	if (p == NULL && e->code != CODE_BAD_PROVIDER)
		return NULL; /* no file says that there is one, or the machine's trouble may pass */
	SLIST_FOREACH (entry, &set->list, next) /* by another of its names */
		told = told || (p != NULL && entry->provider != NULL &&
		                   strcmp(entry->provider->name, p->name) == 0);
	if (p != NULL && !told)
		provider_tell_experimental(p);
	add_entry(set, name, p, e);
	return p;
}

int
providers_load(struct providers *set, const char *names, struct err *e)
{
	char *copy = mem_str(names), *rest = copy, *name;
	int result = 0;

	while (result == 0 && rest != NULL && (name = strsep(&rest, ",")) != NULL)
		if (*name != '\0' && providers_get(set, name, e) == NULL)
			result = -1;
	free(copy);
	return result;
}

void
providers_release(struct providers *set)
{
	struct providers_entry *entry;

	while ((entry = SLIST_FIRST(&set->list)) != NULL) {
		SLIST_REMOVE_HEAD(&set->list, next);
		provider_free(entry->provider);
		free(entry->name);
		free(entry);
	}
}
