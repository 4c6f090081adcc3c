#include <regex.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "provider/builtin.h"
#include "provider/check.h"
#include "provider/template.h"
#include "json/json.h"
#include "json/scan.h"
#include "json/schema.h"

/* A check under way: where mistakes are told, and the last of them. */
struct check {
	const struct provider *p;
	const char *text, *file;
	size_t len;
	struct err *e;
	size_t found;
};

/* The offset of a place, or of the nearest one around it. */
static size_t
offset_of(const struct check *c, const char *pointer)
{
	struct scan_member m;
	char *place = mem_str(pointer), *slash;
	size_t offset = 0;

	while (!scan_find(c->text, c->len, place, &m) &&
	       (slash = strrchr(place, '/')) != NULL)
		*slash = '\0';
	if (scan_find(c->text, c->len, place, &m))
		offset =
		    (size_t)((m.key.at != NULL ? m.key.at - 1 : m.value.at) - c->text);
	free(place);
	return offset;
}

static void
mistake(void *cookie, const char *pointer, const char *message)
{
	struct check *c = cookie;
	size_t line, column;

	if (c->found++ > 0)
		warn("%s", c->e->message);
	scan_place(c->text, offset_of(c, pointer), &line, &column);
	err_set(c->e, CODE_BAD_PROVIDER, "%s:%zu:%zu: %s: %s", c->file, line, column,
	    *pointer != '\0' ? pointer : "/", message);
}

static void __attribute__((format(printf, 3, 4)))
wrong(struct check *c, const char *pointer, const char *fmt, ...)
{
	char message[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof message, fmt, ap);
	va_end(ap);
	mistake(c, pointer, message);
}

static struct json_object *
load_schema(struct err *e)
{
	for (const struct builtin_file *f = builtin_files; f->path != NULL; f++)
		if (strcmp(f->path, "schema/provider.json") == 0)
			return json_parse(f->data, f->len, e);
	abort();
}

int
provider_check_schema(struct json_object *def, const char *text, size_t len,
    const char *file, struct err *e)
{
	struct check c = {.text = text, .file = file, .len = len, .e = e};
	struct json_object *schema = load_schema(e);

	if (schema == NULL)
		return -1;
	schema_check(schema, def, mistake, &c);
	json_object_put(schema);
	return c.found == 0 ? 0 : -1;
}

/* What a template may name besides options. */
static bool
variable_known(const char *name)
{
	static const char *const known[] = {"name", "url", "file", "file.data_uri",
	    "avatar.id", "rendering.id", "page", "page_size", "cursor", "image.width",
	    "image.height", "image.sha256"};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (strcmp(known[i], name) == 0)
			return true;
	return false;
}

struct variables {
	struct check *c;
	const struct operation *op;
	const char *option; /* looked for, or NULL: all are judged */
	bool found;
};

static void
judge_variable(void *arg, const char *name)
{
	struct variables *v = arg;
	struct json_object *declared = json_at(v->op->def, "/options/properties");
	char *place = mem_printf("/operations/%s", v->op->name);
	bool option = strncmp(name, "options.", 8) == 0;

	if (v->option != NULL)
		v->found = v->found || (option && strcmp(name + 8, v->option) == 0);
	else if (option && !json_object_object_get_ex(declared, name + 8, NULL))
		wrong(v->c, place, "{%s} is not among its options", name);
	else if (strncmp(name, "kind.", 5) == 0 &&
	         provider_kind(v->c->p, name + 5) == NULL)
		wrong(v->c, place, "{%s}: no such kind", name);
	else if (!option && strncmp(name, "kind.", 5) != 0 && !variable_known(name))
		wrong(v->c, place, "{%s} is no variable", name);
	free(place);
}

static void
each_variable(const struct operation *op, struct variables *v)
{
	struct json_object *path = json_new_string(op->path);

	template_each(path, judge_variable, v);
	template_each(json_at(op->def, "/query"), judge_variable, v);
	template_each(json_at(op->def, "/headers"), judge_variable, v);
	template_each(json_at(op->def, "/bodies"), judge_variable, v);
	template_each(json_at(op->def, "/lookup/match"), judge_variable, v);
	json_object_put(path);
}

/* A schema within the description, and where it stands. */
struct lint {
	struct check *c;
	const char *place;
};

static void
lint_found(void *cookie, const char *pointer, const char *message)
{
	struct lint *lint = cookie;
	char *place = mem_printf("%s%s", lint->place, pointer);

	mistake(lint->c, place, message);
	free(place);
}

static void
check_options(struct check *c, const struct operation *op)
{
	struct json_object *declared = json_at(op->def, "/options/properties");
	char *place = mem_printf("/operations/%s/options", op->name);

	if (declared == NULL)
		goto out;
	schema_lint(json_at(op->def, "/options"), lint_found, &(struct lint){c, place});
	json_object_object_foreach(declared, name, schema)
	{
		struct variables v = {.c = c, .op = op, .option = name};
		char *where = mem_printf("%s/properties/%s", place, name);

		each_variable(op, &v);
		if (!v.found)
			wrong(c, where, "the option is sent nowhere");
		if (json_str(schema, "/type") == NULL)
			wrong(c, where, "the option needs a type");
		free(where);
	}
out:
	free(place);
}

static bool
has_ok(const struct operation *op)
{
	struct json_object *rules = json_at(op->def, "/outcomes");

	for (size_t i = 0; rules != NULL && i < json_object_array_length(rules); i++) {
		const char *is = json_str(json_object_array_get_idx(rules, i), "/is");
		if (is != NULL && strcmp(is, "ok") == 0)
			return true;
	}
	return false;
}

static void
check_lookup(
    struct check *c, const struct operation *op, const char *name, const char *place)
{
	const struct operation *list = provider_operation(c->p, name);

	if (list == NULL)
		wrong(c, place, "lookup: no operation is called '%s'", name);
	else if (json_at(list->def, "/paging") != NULL &&
	         json_at(op->def, "/lookup/match") == NULL &&
	         json_at(op->def, "/lookup/tag") == NULL)
		wrong(
		    c, place, "lookup: a list needs match or tag to tell entries apart");
	else if (json_at(list->def, "/paging") == NULL &&
	         json_at(op->def, "/lookup/started") == NULL)
		wrong(c, place, "lookup: what is no list needs the words in started");
}

/* Whether the answer must hold the member. */
static bool
must_hold(const struct operation *op, const char *member)
{
	struct json_object *required = json_at(op->def, "/answer/required");

	for (size_t i = 0; required != NULL && i < json_object_array_length(required);
	     i++)
		if (strcmp(json_object_get_string(json_object_array_get_idx(required, i)),
		        member) == 0)
			return true;
	return false;
}

static void
check_status(struct check *c, const struct operation *op)
{
	char *place = mem_printf("/operations/%s", op->name);

	if (!json_has(op->def, "/answer/take/status/value") && !must_hold(op, "status") &&
	    !(must_hold(op, "provider_status") && op->states != NULL))
		wrong(c, place,
		    "asks for a state, so its answer needs status, or provider_status with states, as required");
	free(place);
}

static void
check_operation(struct check *c, const struct operation *op)
{
	struct variables v = {.c = c, .op = op};
	const char *states = json_str(op->def, "/answer/states");
	const char *lookup = json_str(op->def, "/lookup/operation");
	struct json_object *required = json_at(op->def, "/answer/required");
	struct json_object *take = json_at(op->def, "/answer/take");
	char *place = mem_printf("/operations/%s", op->name);

	each_variable(op, &v);
	check_options(c, op);
	if (!op->repeatable && !has_ok(op))
		wrong(c, place,
		    "an operation that is not repeatable must say which status is ok");
	if (states != NULL && op->states == NULL)
		wrong(c, place, "no set of states is called '%s'", states);
	if (lookup != NULL)
		check_lookup(c, op, lookup, place);
	for (size_t i = 0; required != NULL && i < json_object_array_length(required);
	     i++) {
		const char *name =
		    json_object_get_string(json_object_array_get_idx(required, i));
		if (!json_object_object_get_ex(take, name, NULL))
			wrong(c, place, "answer: '%s' is required and not taken", name);
	}
	free(place);
}

static void
check_create(struct check *c)
{
	const struct operation *create = provider_operation(c->p, "create");
	const struct operation *status = provider_operation(c->p, "status");

	if (create->repeatable)
		wrong(c, "/operations/create",
		    "creating is not repeatable; say \"repeatable\": false");
	if (!must_hold(create, "id"))
		wrong(c, "/operations/create", "its answer must give an id, as required");
	if (status != NULL)
		check_status(c, status);
	if (status == NULL && json_at(create->def, "/answer/take/status") == NULL)
		wrong(c, "/operations",
		    "without a status operation create must give a status");
}

static void
check_kind(struct check *c, const struct kind *k)
{
	struct json_object *start = json_at(k->def, "/start"), *take;
	char *place = mem_printf("/kinds/%s", k->name);

	for (size_t i = 0; start != NULL && i < json_object_array_length(start); i++)
		if (i >= k->starts || k->start[i] == NULL)
			wrong(c, place, "start %zu leads to no operation", i + 1);
	if (json_has(k->def, "/status") && k->status == NULL)
		wrong(c, place, "its status operation does not exist");
	if (k->status != NULL)
		check_status(c, k->status);
	if (k->starts > 0 && k->start[0] != NULL && !must_hold(k->start[0], "id"))
		wrong(c, place,
		    "the answer of its first operation must give an id, as required");
	if (k->starts > 0 && k->status == NULL)
		wrong(c, place, "what is started needs a status operation");
	take = k->result != NULL ? json_at(k->result->def, "/answer/take") : NULL;
	if (k->result == NULL)
		wrong(c, place, "its result operation does not exist");
	else if (!json_object_object_get_ex(take, k->url, NULL))
		wrong(c, place, "the result's operation takes no '%s' from its answer",
		    k->url);
	free(place);
}

static void
limits_check_image(struct check *c)
{
	const char *url = json_str(c->p->def, "/image/url");
	regex_t regex;

	if (url == NULL)
		return;
	if (regcomp(&regex, url, REG_EXTENDED | REG_NOSUB) != 0)
		wrong(c, "/image/url", "is no regular expression");
	else
		regfree(&regex);
}

int
provider_check_semantics(const struct provider *p, const char *text, size_t len,
    const char *file, struct err *e)
{
	struct check c = {.p = p, .text = text, .file = file, .len = len, .e = e};
	struct json_object *defaults = json_at(p->def, "/default_kinds");

	for (size_t i = 0; i < p->n_operations; i++)
		check_operation(&c, &p->operations[i]);
	check_create(&c);
	for (size_t i = 0; i < p->n_kinds; i++)
		check_kind(&c, &p->kinds[i]);
	for (size_t i = 0; defaults != NULL && i < json_object_array_length(defaults);
	     i++) {
		const char *name =
		    json_object_get_string(json_object_array_get_idx(defaults, i));
		const struct kind *k = provider_kind(p, name);
		if (k == NULL)
			wrong(&c, "/default_kinds", "no kind is called '%s'", name);
		else if (k->starts > 0 || k->takes_value)
			wrong(&c, "/default_kinds",
			    "'%s' costs something or needs a value; only -r may ask for it",
			    name);
	}
	limits_check_image(&c);
	return c.found == 0 ? 0 : -1;
}
