#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/strings.h"
#include "provider/options.h"
#include "json/json.h"
#include "json/schema.h"

static struct json_object *
declared_by(const struct operation *op, const char *name)
{
	return json_member(json_at(op->def, "/options/properties"), name);
}

/* The schema of an option, from create or the first operation that declares it. */
static struct json_object *
declared(const struct provider *p, const char *name)
{
	struct json_object *schema = declared_by(provider_operation(p, "create"), name);

	for (size_t i = 0; schema == NULL && i < p->n_operations; i++)
		schema = declared_by(&p->operations[i], name);
	return schema;
}

static bool
is_type(struct json_object *schema, const char *type)
{
	const char *declared_type = json_str(schema, "/type");

	return declared_type != NULL && strcmp(declared_type, type) == 0;
}

/* Reads a text as the type in the schema. A malformed value stays a string, which the
 * schema refuses. */
static struct json_object *
read_as(struct json_object *schema, const char *text)
{
	struct json_object *value = NULL;
	struct err ignored;

	if (schema != NULL && !is_type(schema, "string"))
		value = json_parse(text, strlen(text), &ignored);
	return value != NULL ? value : json_new_string(text);
}

struct constant {
	const char *name, *option;
	struct err *e;
};

static void
refuse_constant(void *cookie, const char *pointer, const char *message)
{
	struct constant *c = cookie;

	(void)pointer;
	err_set(c->e, CODE_BAD_CONFIG,
	    "option '%s' of %s, as the environment or the configuration sets it, %s",
	    c->option, c->name, message);
}

/* Makes the account's constant, if it is set, the default of an option. */
static int
set_constant(
    struct provider *p, const char *option, struct json_object *schema, struct err *e)
{
	struct constant constant = {p->name, option, e};
	char *setting = mem_printf("options.%s", option);
	const char *text = provider_env(p, option);
	struct json_object *value;

	if (text == NULL)
		text = provider_config(p, setting);
	free(setting);
	if (text == NULL)
		return 0;
	value = read_as(schema, text);
	e->code = CODE_NONE;
	schema_check(schema, value, refuse_constant, &constant);
	json_put(schema, "default", value);
	return e->code == CODE_NONE ? 0 : -1;
}

int
options_from_account(struct provider *p, struct err *e)
{
	for (size_t i = 0; i < p->n_operations; i++) {
		struct json_object *all =
		    json_at(p->operations[i].def, "/options/properties");

		if (all == NULL)
			continue;
		json_object_object_foreach(all, name, schema)
		{
			if (json_flag(schema, "/account", false) &&
			    set_constant(p, name, schema, e) < 0)
				return -1;
		}
	}
	return 0;
}

/* Fills in "extras.job" as a member of extras. False if extras is not an object. */
static bool
fill_member(struct json_object *options, const struct provider *p, const char *key,
    const char *text)
{
	size_t len = strcspn(key, ".");
	char *outer = mem_strn(key, len);
	bool is_object = key[len] == '.' && is_type(declared(p, outer), "object");
	struct json_object *into = json_member(options, outer);

	if (is_object && !json_object_object_get_ex(options, outer, NULL)) {
		into = json_new_object();
		json_put(options, outer, into);
	}
	if (key[len] == '.' && json_object_is_type(into, json_type_object) &&
	    !json_object_object_get_ex(into, key + len + 1, NULL))
		json_put(into, key + len + 1,
		    read_as(json_member(json_at(declared(p, outer), "/properties"),
		                key + len + 1),
		        text));
	free(outer);
	return is_object;
}

/* Fills in an option of the command line. */
static void
fill(struct json_object *options, const struct provider *p, const char *given)
{
	size_t len = strcspn(given, "=");
	char *key = mem_strn(given, len);
	const char *text = given[len] == '=' ? given + len + 1 : "true";
	struct json_object *schema = declared(p, key);

	if ((schema != NULL || !fill_member(options, p, key, text)) &&
	    !json_object_object_get_ex(options, key, NULL))
		json_put(options, key, read_as(schema, text));
	free(key);
}

struct json_object *
options_of(struct rec *rec, const struct provider *p, const struct strings *given)
{
	struct json_object *own = rec_get(rec, "options"), *options;

	options = json_object_is_type(own, json_type_object) ? json_copy(own)
	                                                     : json_new_object();
	for (size_t i = 0; i < given->n; i++)
		fill(options, p, given->v[i]);
	return options;
}

void
options_read_texts(struct rec *rec, const struct provider *p)
{
	struct json_object *options, *value;
	struct err ignored;

	if (!json_object_is_type(rec_get(rec, "options"), json_type_object))
		return;
	options = json_copy(rec_get(rec, "options"));
	json_object_object_foreach(rec_get(rec, "options"), name, given)
	{
		struct json_object *schema = declared(p, name);
		const char *text = json_object_get_string(given);

		if (!json_object_is_type(given, json_type_string) ||
		    !(is_type(schema, "integer") || is_type(schema, "number") ||
		        is_type(schema, "boolean")) ||
		    (value = json_parse(text, strlen(text), &ignored)) == NULL)
			continue;
		if (json_object_is_type(value, json_type_boolean) ==
		    is_type(schema, "boolean"))
			json_put(options, name, json_object_get(value));
		json_object_put(value);
	}
	rec_set(rec, "options", options);
}

bool
options_takes(const struct operation *op, const char *given, struct similar *similar)
{
	struct json_object *all = json_at(op->def, "/options/properties");
	char *name = mem_strn(given, strcspn(given, "=")), *dot = strchr(name, '.');
	bool takes = declared_by(op, name) != NULL;

	if (!takes && dot != NULL) {
		*dot = '\0';
		takes = declared_by(op, name) != NULL;
	}
	if (!takes && all != NULL) {
		json_object_object_foreach(all, known, schema)
		{
			(void)schema;
			similar_try(similar, known);
		}
	}
	free(name);
	return takes;
}

struct json_object *
options_file(const struct operation *op, const char *name)
{
	struct json_object *schema = declared_by(op, name);

	return json_has(schema, "/file") ? schema : NULL;
}

struct json_object *
options_schema(const struct provider *p, const struct operation *op, const char *name)
{
	struct json_object *own = op != NULL ? declared_by(op, name) : NULL;

	return own != NULL ? own : declared(p, name);
}

struct json_object *
options_for(const struct operation *op, struct json_object *options)
{
	struct json_object *declared = json_at(op->def, "/options/properties");
	struct json_object *taken = NULL;

	if (declared == NULL)
		return NULL;
	json_object_object_foreach(declared, name, schema)
	{
		struct json_object *value = json_member(options, name);

		if (value == NULL)
			value = json_member(schema, "default");
		if (value != NULL && taken == NULL)
			taken = json_new_object();
		if (value != NULL)
			json_put(taken, name, json_object_get(value));
	}
	return taken;
}

/* The list that findings about an option are added to. */
struct finding_at {
	struct findings *findings;
	const char *option; /* NULL: the options of an operation as a whole */
	struct json_object *value;
};

static void
invalid(void *cookie, const char *pointer, const char *message)
{
	struct finding_at *at = cookie;
	bool whole = at->option == NULL && *pointer == '\0';
	const char *got = strstr(message, "; got "),
	           *be = strncmp(message, "must be ", 8) == 0 ? message + 8 : message;
	char *wanted = got > be ? mem_strn(be, (size_t)(got - be)) : mem_str(be);
	char *what = at->option != NULL ? mem_printf("%s%s", at->option, pointer)
	                                : mem_str(whole ? "" : pointer + 1);

	finding_add(at->findings, CODE_OPTION_INVALID, SEVERITY_REFUSED,
	    json_object_to_json_string_ext(at->value, JSON_C_TO_STRING_PLAIN), wanted,
	    NULL, whole ? "the set of options%s %s" : "option '%s' %s", what, message);
	free(wanted);
	free(what);
}

/* The names of the options of op, or of all, each once, for a user who mistyped one. */
static char *
known_options(
    const struct provider *p, const struct operation *op, struct similar *similar)
{
	struct json_object *names = json_new_object();
	struct buf out = {0};

	buf_str(&out, "");
	for (size_t i = 0; i < p->n_operations; i++) {
		struct json_object *all =
		    json_at(p->operations[i].def, "/options/properties");
		if (all == NULL)
			continue;
		json_object_object_foreach(all, name, schema)
		{
			if (json_member(names, name) != NULL)
				continue;
			json_put(names, name, json_object_get(schema));
			similar_try(similar, name);
			if (op == NULL || declared_by(op, name) != NULL)
				buf_printf(&out, "%s%s", out.len > 0 ? ", " : "", name);
		}
	}
	json_object_put(names);
	return buf_take(&out);
}

void
options_check_record(struct rec *rec, struct findings *findings)
{
	struct json_object *own = rec_get(rec, "options");

	if (own != NULL && !json_object_is_type(own, json_type_object))
		finding_add(findings, CODE_OPTION_INVALID, SEVERITY_REFUSED,
		    json_object_to_json_string_ext(own, JSON_C_TO_STRING_PLAIN),
		    "an object", NULL, "the record's options are not an object");
}

void
options_check(const struct provider *p, const struct operation *op,
    struct json_object *options, struct findings *findings)
{
	json_object_object_foreach(options, name, value)
	{
		struct json_object *schema = options_schema(p, op, name);
		struct finding_at at = {findings, name, value};

		if (schema != NULL) {
			schema_check(schema, value, invalid, &at);
			continue;
		}
		struct similar similar = {.word = name};
		char *known = known_options(p, op, &similar);
		finding_add(findings, CODE_OPTION_UNKNOWN, SEVERITY_REFUSED, name, known,
		    NULL, "%s has no option '%s'%s", p->title, name, similar.hint);
		free(known);
	}
}

/* Names the options of which the operation needs one, if none of them is there: each form
 * of `oneOf` or `anyOf` requires one. The first goes to *first. NULL: it needs none. The
 * caller frees the text. */
static char *
missing_one_of(struct json_object *forms, struct json_object *options, const char **first)
{
	struct buf names = {0};

	*first = NULL;
	for (size_t i = 0; i < json_len(forms); i++) {
		struct json_object *required =
		    json_member(json_item(forms, i), "required");
		const char *name = json_item_str(required, 0);

		if (json_len(required) != 1 ||
		    json_object_object_get_ex(options, name, NULL)) {
			buf_release(&names);
			return NULL;
		}
		if (*first == NULL)
			*first = name;
		buf_printf(&names, "%s'%s'", i > 0 ? " or " : "", name);
	}
	return names.len > 0 ? buf_take(&names) : NULL;
}

/* How -O gives an option: voice, or voice.type of an object that needs a type. */
static char *
spelling(const struct operation *op, const char *name)
{
	struct json_object *schema = declared_by(op, name),
	                   *required = json_member(schema, "required");

	return is_type(schema, "object") && json_len(required) > 0
	           ? mem_printf("%s.%s", name, json_item_str(required, 0))
	           : mem_str(name);
}

void
options_check_operation(
    const struct operation *op, struct json_object *options, struct findings *findings)
{
	struct json_object *schema = json_at(op->def, "/options"), *rest = NULL;
	struct json_object *required = json_member(schema, "required");
	struct finding_at at = {findings, NULL, options};
	const char *name;
	char *one_of;

	if (schema == NULL)
		return;
	for (size_t i = 0; i < json_len(required); i++) {
		char *given;

		name = json_item_str(required, i);
		if (json_object_object_get_ex(options, name, NULL) ||
		    json_has(declared_by(op, name), "/default"))
			continue;
		given = spelling(op, name);
		finding_add(findings, CODE_OPTION_MISSING, SEVERITY_REFUSED, NULL, name,
		    "give it with -O NAME=VALUE",
		    "option '%s' is required; give it with -O %s=VALUE", name, given);
		free(given);
	}
	one_of = missing_one_of(json_member(schema, "oneOf"), options, &name);
	if (one_of != NULL) {
		finding_add(findings, CODE_OPTION_MISSING, SEVERITY_REFUSED, NULL, name,
		    "give it with -O NAME=VALUE",
		    "option %s is required; give it with -O %s=VALUE", one_of, name);
		free(one_of);
		return;
	}
	json_object_object_foreach(schema, keyword, value)
	{
		if (strcmp(keyword, "properties") == 0 ||
		    strcmp(keyword, "required") == 0)
			continue; /* options_check() and the loop cover them */
		if (rest == NULL)
			rest = json_new_object();
		json_put(rest, keyword, json_object_get(value));
	}
	if (rest != NULL)
		schema_check(rest, options, invalid, &at);
	json_object_put(rest);
}
