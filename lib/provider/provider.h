/*
 * provider: the description of a service, parsed and looked up.
 *
 * A description is one JSON file (av-provider(5), lib/schema/provider.json);
 * load.h finds it and checks it. The structs hold what modules need often. The
 * rest they read from `def`, the JSON.
 */
#ifndef AV_PROVIDER_PROVIDER_H
#define AV_PROVIDER_PROVIDER_H

#include <json-c/json.h>
#include <regex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "provider/limits.h"

struct read_files; /* provider/read_files.h */

/* One request that the service accepts. */
struct operation {
	const char *name;
	const char *method;
	/* Template below the base URL, or a variable with a whole URL. */
	const char *path;
	bool repeatable; /* false: paid, takes effect at most once */
	/* What it costs, if it is paid: "credits" or a currency such as "USD"
	 * where the description has the price, "credits/minute" where that
	 * depends on the result's length, else one "avatar" or "rendering". 0:
	 * the cost is that of another operation of the same rendering. An
	 * option may change the amount: see operation_cost. */
	double cost;
	char *unit;
	const char *cost_option; /* that option; NULL: the cost is the same */
	size_t pace;             /* which one of the provider's it keeps */
	struct json_object *def; /* the operation's JSON */
	/* Of `def`, what each response is read by; NULL or 0: absent. */
	struct json_object *outcomes, *required, *take, *in_flight;
	double expires_s, progress_max;
	bool pages; /* its response is a page of a list */

	struct read_files *files;   /* the provider's */
	struct json_object *states; /* maps its provider_status, or NULL */
	struct json_object *finals; /* maps its second stage, or NULL */
	/* Of an operation that asks for a state: the interval between two
	 * requests, at first and at most; what is usual for what it asks about
	 * (0: unknown), and how long to wait for it at least. */
	int64_t poll_first_ms, poll_max_ms, usual_ms, patience_ms;
};

/* How fast an account may be used. */
struct provider_pace {
	const char *of; /* class of operations; NULL: all without a class */
	double rate;    /* requests a second; 0: no limit */
	double burst;
};

/* One kind of rendering. */
struct kind {
	const char *name;
	bool takes_value;
	const struct operation *start[4]; /* order it, in this order */
	size_t starts;                    /* 0: it comes with the avatar */
	const struct operation *status;   /* asks for its state, or NULL */
	const struct operation *result;   /* its response has the URL */
	/* The name that result takes the URL as; NULL: its response is the
	 * file. */
	const char *url;
	/* The kind whose rendering this is another file of, with the same start
	 * and status; else itself. */
	const struct kind *made_as;
	/* The answer of its last start operation has the URL: there is nothing
	 * to wait for, and perhaps no id. */
	bool at_once;
	bool absent_is_none; /* no URL: there is none; false: not yet */
	int64_t wait_ms;     /* until then, counted from its creation; or 0 */
	struct json_object *types; /* media type -> file extension */
	struct json_object *def;
};

/* The regular expression of ids; compiled for the first id. */
struct id_form {
	const char *pattern; /* NULL: none, or no regular expression */
	bool compiled;
	regex_t regex;
};

struct provider {
	const char *name; /* the canonical one */
	const char *title;
	const char *base_url;        /* without a slash at the end */
	char *file;                  /* the user's file, or NULL: built in */
	struct provider_pace *paces; /* the first one has no class */
	size_t n_paces;
	int64_t poll_gone_ms;       /* 404s for so long: it is gone */
	struct id_form *id_form;    /* of the service's ids; NULL: any word */
	bool has_names;             /* avatars have names */
	bool name_optional;         /* an empty one is left to the service */
	int64_t name_min, name_max; /* characters; name_max 0: no limit */
	int64_t max_avatars;        /* that an account may hold; 0: not known */
	struct image_limits image;  /* what it takes */
	struct image_limits advice; /* what it advises */
	struct operation *operations;
	size_t n_operations;
	struct kind *kinds;
	size_t n_kinds;
	struct read_files *files; /* that options name */
	struct json_object *def;  /* the whole file */
};

/* Parses a description without checking it: members that are missing or of a
 * wrong type are NULL or 0. Short forms are expanded: in `def`, an answer is an
 * object with `required`, bodies are an array, and a lookup has an operation.
 * file names the text in messages. NULL and bad_provider, with line and column,
 * if the text is not JSON. */
struct provider *provider_parse(
    const char *text, size_t len, const char *file, struct err *e);
void provider_free(struct provider *p);

/* True if this is the provider's name or an alias of it. */
bool provider_is(const struct provider *p, const char *name);

/* True if the text can be an id that the service made. */
bool provider_is_id(const struct provider *p, const char *text);

/* NULL if there is none; name may be NULL. */
const struct operation *provider_operation(
    const struct provider *p, const char *name);
/* True if its path is a whole URL that the service gave: it goes to another
 * origin, without credentials. */
bool operation_is_elsewhere(const struct operation *op);

/* What a paid operation costs with these values of its options, in its unit.
 * options may be NULL. */
double operation_cost(const struct operation *op, struct json_object *options);

/* The operation whose response tells whether credentials are accepted. It is
 * free. NULL: the description has none. */
const struct operation *provider_check_operation(const struct provider *p);

/* Our word for a state of the service's, NULL if states has none; and what a
 * person has to do in it, or NULL. states may be NULL. Borrowed. */
const char *provider_state(struct json_object *states, const char *word);
const char *provider_todo(struct json_object *states, const char *word);

const struct kind *provider_kind(const struct provider *p, const char *name);

/* The environment variable NAME_suffix. NAME is the canonical name or an alias,
 * in capitals, other characters as `_`. The first variable that is set and not
 * empty counts; NULL if there is none. */
const char *provider_env(const struct provider *p, const char *suffix);

/* The name of that variable; NULL if there is none. The caller frees it. */
char *provider_env_name(const struct provider *p, const char *suffix);

/* The setting NAME.suffix of the configuration's file (base/config.h), by the
 * canonical name or an alias; NULL if there is none. */
const char *provider_config(const struct provider *p, const char *suffix);

#endif
