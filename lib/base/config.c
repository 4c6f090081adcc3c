#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assign.h"
#include "base/buf.h"
#include "base/config.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/similar.h"
#include "base/units.h"

enum { MAX_BYTES = 65536 };

struct entry {
	char *key, *value;
	size_t row;
};

/* The file as read, for the whole process. */
static struct {
	bool loaded;
	struct err err; /* CODE_NONE: the file is right, or absent */
	struct entry *entries;
	size_t n;
} config;

static const char *const keys[] = {"provider", "jobs", "ledger", "account"};

char *
config_file(void)
{
	return file_config_path("config");
}

static const struct entry *
find(const char *key)
{
	for (size_t i = 0; i < config.n; i++)
		if (strcmp(config.entries[i].key, key) == 0)
			return &config.entries[i];
	return NULL;
}

/* True for NAME.account and NAME.options.OPTION, where NAME may be a provider's. */
static bool
is_of_provider(const char *key)
{
	static const char options[] = ".options.";
	size_t len = strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789_-");
	const char *rest = key + len;

	return len > 0 && (strcmp(rest, ".account") == 0 ||
	                      (strncmp(rest, options, strlen(options)) == 0 &&
	                          rest[strlen(options)] != '\0'));
}

static int
check_key(const char *key, struct err *e)
{
	struct similar similar = {.word = key};
	const char *dot = strchr(key, '.');
	char *of_one = mem_printf(
	    "%.*s.account", dot != NULL ? (int)(dot - key) : 0, dot != NULL ? key : "");
	int result = is_of_provider(key) ? 0 : -1;

	for (size_t i = 0; result < 0 && i < sizeof keys / sizeof *keys; i++) {
		similar_try(&similar, keys[i]);
		if (strcmp(keys[i], key) == 0)
			result = 0;
	}
	if (result < 0) {
		similar_try(&similar, of_one);
		err_set(e, CODE_BAD_CONFIG,
		    "there is no setting '%.60s'; there are provider, jobs, ledger, account, "
		    "NAME.account and NAME.options.OPTION%s",
		    key, similar.hint);
	}
	free(of_one);
	return result;
}

/* A relative path would be another ledger in each directory. */
static bool
is_ledger(const char *value)
{
	return *value == '/' || strcmp(value, "none") == 0 ||
	       strncmp(value, "postgres", 8) == 0 || strncmp(value, "service=", 8) == 0;
}

static int
check_value(const char *key, const char *value, struct err *e)
{
	int64_t n;

	if (*value == '\0')
		return err_set(e, CODE_BAD_CONFIG,
		    "%s has no value; give one, or remove the line", key);
	if (strcmp(key, "jobs") == 0 && !units_count(value, &n))
		return err_set(e, CODE_BAD_CONFIG,
		    "jobs: '%s' is not a whole number from 1 on", value);
	if (strcmp(key, "ledger") == 0 && !is_ledger(value))
		return err_set(e, CODE_BAD_CONFIG,
		    "ledger: '%s' is neither none nor a path that begins with /", value);
	return 0;
}

size_t
config_line(const char *key)
{
	const struct entry *found = find(key);

	return found != NULL ? found->row : 0;
}

/* Adds the setting of a line. */
static int
add(const struct assign *a, struct err *e)
{
	struct entry entry = {.key = mem_strn(a->name, a->name_len),
	    .value = mem_strn(a->value, a->value_len),
	    .row = a->row};
	size_t before = config_line(entry.key);

	config.entries =
	    mem_resize(config.entries, (config.n + 1) * sizeof *config.entries);
	config.entries[config.n++] = entry;
	if (before > 0)
		return err_set(e, CODE_BAD_CONFIG, "%s was set in line %zu before",
		    entry.key, before);
	return check_key(entry.key, e) < 0 || check_value(entry.key, entry.value, e) < 0
	           ? -1
	           : 0;
}

static int
read_settings(const char *text, const char *path, struct err *e)
{
	struct assign a = {.rest = text};
	int more;

	while ((more = assign_next(&a)) > 0 && add(&a, e) == 0)
		;
	if (more == 0)
		return 0;
	if (more < 0)
		err_set(e, CODE_BAD_CONFIG,
		    "this is not KEY = VALUE; mend it, or put a # before it");
	return err_prefix(e, "%s, line %zu: ", path, a.row);
}

static void
clear(void)
{
	for (size_t i = 0; i < config.n; i++) {
		free(config.entries[i].key);
		free(config.entries[i].value);
	}
	free(config.entries);
	config.entries = NULL;
	config.n = 0;
}

int
config_load(struct err *e)
{
	char *path = config.loaded ? NULL : config_file();
	struct buf text = {.max = MAX_BYTES};

	config.loaded = true;
	if (path != NULL && access(path, F_OK) == 0) {
		if (file_read(path, &text, &config.err) < 0)
			config.err.code = CODE_BAD_CONFIG;
		else if (read_settings(text.data, path, &config.err) < 0)
			clear();
	}
	buf_release(&text);
	free(path);
	if (config.err.code == CODE_NONE)
		return 0;
	*e = config.err;
	return -1;
}

const char *
config_get(const char *key)
{
	struct err ignored;
	const struct entry *found = config_load(&ignored) == 0 ? find(key) : NULL;

	return found != NULL ? found->value : NULL;
}

void
config_each(void (*fn)(void *arg, const char *key, const char *value), void *arg)
{
	for (size_t i = 0; i < config.n; i++)
		fn(arg, config.entries[i].key, config.entries[i].value);
}

const char *
config_choose(const char *option, const char *environment, const char *file,
    const char *fallback, enum config_source *source)
{
	const char *const values[] = {option, environment, file};
	int i = 0;

	while (i < CONFIG_BUILT_IN && (values[i] == NULL || *values[i] == '\0'))
		i++;
	if (source != NULL)
		*source = (enum config_source)i;
	return i < CONFIG_BUILT_IN ? values[i] : fallback;
}
