/*
 * provider: the description of a service, loaded, checked and looked up.
 *
 * A description is one JSON file (av-provider(5), lib/schema/provider.json). Built-in ones are
 * compiled in; a user's providers/NAME.json below the configuration directory overrides or adds
 * one. What modules need often stands in the structs; the rest they read from `def`, the JSON.
 */
#ifndef AV_PROVIDER_PROVIDER_H
#define AV_PROVIDER_PROVIDER_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* One request that the service takes. */
struct operation {
	const char *name;
	const char *method;
	const char *path;        /* template below the base URL */
	bool repeatable;         /* false: sent at most once */
	struct json_object *def; /* the operation's JSON */
	struct json_object
	    *states; /* set of states that its provider_status belongs to, or NULL */
};

/* One kind of rendering. */
struct kind {
	const char *name;
	bool takes_value;
	const struct operation
	    *start[4]; /* ask for it, in order; none: it comes with the avatar */
	size_t starts;
	const struct operation *status; /* asks for its state, or NULL */
	const struct operation *result; /* whose answer holds the URL */
	const char *url;                /* name of that member of the answer */
	bool absent_is_none; /* an absent URL means that there is none, not: not yet */
	struct json_object *types; /* media type -> file extension */
	struct json_object *def;
};

struct provider {
	const char *name; /* canonical: the file's */
	const char *title;
	const char *base_url; /* without a final slash */
	char *file;           /* the user's file it came from, or NULL: compiled in */
	double rate;          /* requests a second for an account; 0: no limit known */
	double burst;
	int64_t poll_first_ms, poll_max_ms;
	bool has_names;             /* avatars have names */
	int64_t name_min, name_max; /* characters; name_max 0: no limit known */
	struct operation *operations;
	size_t n_operations;
	struct kind *kinds;
	size_t n_kinds;
	struct json_object *def; /* the whole file */
};

/* Loads by name or alias. Errors: unknown_provider; bad_provider with file, line and column.
 * The caller frees it. */
struct provider *provider_load(const char *name, struct err *e);

/* Loads from a text; file names it in messages. With strict, every mistake is looked for. */
struct provider *provider_parse(
    const char *text, size_t len, const char *file, bool strict, struct err *e);
struct provider *provider_read(const char *path, struct err *e);
void provider_free(struct provider *p);

/* Whether it goes by that name, its own or an alias. */
bool provider_is(const struct provider *p, const char *name);

/* Calls fn for the name of each provider there is, built in or the user's, in order. */
void provider_each(void (*fn)(void *arg, const char *name), void *arg);

/* Looked up by name; NULL where there is none. */
const struct operation *provider_operation(const struct provider *p, const char *name);
const struct kind *provider_kind(const struct provider *p, const char *name);

/* The set of states, or NULL. */
struct json_object *provider_states(const struct provider *p, const char *name);

/* The environment variable NAME_suffix (NAME in capitals, other characters as `_`), by the
 * canonical name and then by each alias; NULL where none is set or it is empty. */
const char *provider_env(const struct provider *p, const char *suffix);

#endif
