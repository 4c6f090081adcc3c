#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "provider/builtin.h"
#include "provider/check.h"
#include "provider/event.h"
#include "provider/file_name.h"
#include "provider/options.h"
#include "provider/target.h"
#include "provider/template.h"
#include "json/json.h"
#include "json/scan.h"
#include "json/schema.h"
#include "json/schema_format.h"

struct check {
	const struct provider *p;
	const char *text, *file;
	size_t len;
	char place[256]; /* JSON Pointer to what is being checked */
	struct err *e;   /* the last mistake */
	size_t found;
};

/* Reports a mistake at a place in the text, or at the nearest place around it. */
static void
report(void *cookie, const char *pointer, const char *message)
{
	struct check *c = cookie;
	char *place = mem_str(pointer), *slash;
	struct scan_member m;
	size_t line, column;

	while (!scan_find(c->text, c->len, place, &m) &&
	       (slash = strrchr(place, '/')) != NULL)
		*slash = '\0';
	free(place);
	scan_place(c->text,
	    (size_t)((m.key.at != NULL ? m.key.at - 1 : m.value.at) - c->text), &line,
	    &column);
	if (c->found++ > 0)
		warn("%s", c->e->message);
	err_set(c->e, CODE_BAD_PROVIDER, "%s:%zu:%zu: %s: %s", c->file, line, column,
	    *pointer != '\0' ? pointer : "/", message);
}

/* Reports a mistake at c->place unless the rule holds. */
static void PRINTF(3, 4) need(struct check *c, bool holds, const char *fmt, ...)
{
	char message[256];
	va_list ap;

	if (holds)
		return;
	va_start(ap, fmt);
	vsnprintf(message, sizeof message, fmt, ap);
	va_end(ap);
	report(c, c->place, message);
}

static void PRINTF(2, 3) set_place(struct check *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->place, sizeof c->place, fmt, ap);
	va_end(ap);
}

static bool
takes(const struct operation *op, const char *name)
{
	return json_member(json_at(op->def, "/answer/take"), name) != NULL;
}

/* True if an option of the operation is a list of objects with this member. */
static bool
is_of_each(const struct operation *op, const char *member)
{
	struct json_object *options = json_at(op->def, "/options/properties");
	bool found = false;

	if (options == NULL)
		return false;
	json_object_object_foreach(options, name, schema)
	{
		(void)name;
		found = found ||
		        json_member(json_at(schema, "/items/properties"), member) != NULL;
	}
	return found;
}

/* True if the operation is a step, before or after, of another one. */
static bool
is_step(const struct check *c, const struct operation *op)
{
	for (size_t i = 0; i < c->p->n_operations; i++) {
		struct json_object *def = c->p->operations[i].def;

		if (json_lists(json_at(def, "/before"), op->name) ||
		    json_lists(json_at(def, "/after"), op->name))
			return true;
	}
	return false;
}

/* Checks {steps.NAME.MEMBER}: that the step, or what it waits by, takes the member. */
static void
check_value(struct check *c, const char *variable)
{
	const char *member = strrchr(variable, '.') + 1;
	char *name = mem_strn(
	    variable + strlen("steps."), (size_t)(member - variable) - strlen("steps.."));
	const struct operation *step = provider_operation(c->p, name), *wait;

	wait =
	    step != NULL ? provider_operation(c->p, json_str(step->def, "/wait")) : NULL;
	need(c, step != NULL && is_step(c, step), "{%s}: no step is called '%s'",
	    variable, name);
	need(c,
	    step == NULL || takes(step, member) || (wait != NULL && takes(wait, member)),
	    "{%s}: the answer of '%s' does not take it", variable, name);
	free(name);
}

/* Checks {options.KEY}, or {options.KEY.MEMBER} of an option that takes a file. */
static void
check_option_variable(struct check *c, const struct operation *op, const char *name)
{
	static const char *const members[] = {"type", "ext", "base64", "data_uri"};
	size_t len = strcspn(name, ".");
	char *option = mem_strn(name, len);
	bool known = name[len] == '\0';

	for (size_t i = 0; i < sizeof members / sizeof *members; i++)
		known = known || strcmp(name + len + 1, members[i]) == 0;
	need(c, json_member(json_at(op->def, "/options/properties"), option) != NULL,
	    "{options.%s} is not an option of the operation", name);
	need(c, known && (name[len] == '\0' || options_file(op, option) != NULL),
	    "{options.%s}: only a file has type, ext, base64 and data_uri", name);
	free(option);
}

static void
check_variable(struct check *c, const struct operation *op, const char *name)
{
	static const char *const known[] = {"name", "url", "file", "file.data_uri",
	    "file.base64", "avatar.id", "rendering.id", "item.id", "page", "offset",
	    "page_size", "cursor", "image.type", "image.width", "image.height",
	    "image.sha256", "idempotency_key"};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (strcmp(known[i], name) == 0)
			return;
	if (strncmp(name, "each.", 5) == 0) {
		need(c, is_of_each(op, name + 5),
		    "{%s}: no option is a list of objects with this member", name);
	} else if (strncmp(name, "options.", 8) == 0) {
		check_option_variable(c, op, name + 8);
	} else if (strncmp(name, "steps.", 6) == 0 && strchr(name + 6, '.') != NULL) {
		check_value(c, name);
	} else if (strncmp(name, "kind.", 5) == 0) {
		need(c, provider_kind(c->p, name + 5) != NULL,
		    "{%s}: there is no such kind", name);
	} else {
		need(c, false, "{%s} is not a variable", name);
	}
}

/* Reports what is wrong with a schema in the description, which stands at c->place. */
static void
report_lint(void *cookie, const char *pointer, const char *message)
{
	struct check *c = cookie;
	char *place = mem_printf("%s%s", c->place, pointer);

	report(c, place, message);
	free(place);
}

/* Checks the lists that the values of an option are from, also those within it. */
static void
check_choices(struct check *c, const struct operation *op, struct json_object *schema)
{
	const char *name = json_str(schema, "/list");
	const struct operation *list = provider_operation(c->p, name);
	const char *needed = list != NULL ? target_needed(list) : NULL;
	struct json_object *members = json_member(schema, "properties");

	if (name != NULL) {
		need(c, list != NULL && target_is_list(list), "no list is called '%s'",
		    name);
		need(c, list == NULL || takes(list, "id"),
		    "the entries of the list '%s' have no id", name);
		need(c,
		    needed == NULL || (strcmp(needed, "avatar") == 0 &&
		                          strcmp(op->name, "create") != 0),
		    "the list '%s' needs an id that is not there yet", name);
	}
	if (json_member(schema, "items") != NULL)
		check_choices(c, op, json_member(schema, "items"));
	if (members == NULL)
		return;
	json_object_object_foreach(members, member, own)
	{
		(void)member;
		check_choices(c, op, own);
	}
}

/* Checks that the name of an option that may come from the account, NAME_OPTION in the
 * environment, means nothing else there. */
static void
check_constant(struct check *c, const char *option)
{
	static const char *const taken[] = {"api_key", "api_url", "account", "rate",
	    "exclusive", "client_id", "client_secret", "username", "password",
	    "access_token", "token_url", "scope", "webhook_secret"};

	for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
		need(c, strcasecmp(option, taken[i]) != 0,
		    "account: the environment has another meaning for this name");
}

/* Checks the schema of an option that takes a file. */
static void
check_file(struct check *c, struct json_object *schema)
{
	struct json_object *types = json_member(schema, "file");
	const char *type = json_str(schema, "/type");

	if (types == NULL)
		return;
	need(c, type != NULL && strcmp(type, "string") == 0,
	    "file: the option is a path, so its type is string");
	need(c, json_int(schema, "/maxBytes", 0) > 0, "file needs maxBytes");
	need(c,
	    json_object_is_type(types, json_type_object) &&
	        json_object_object_length(types) > 0,
	    "file: an object of media types, with the extension of each");
	if (!json_object_is_type(types, json_type_object))
		return;
	json_object_object_foreach(types, name, ext)
	{
		need(
		    c, strchr(name, '/') != NULL, "file: '%s' is not a media type", name);
		need(c, json_str(ext, "") != NULL && *json_str(ext, "") != '\0',
		    "file: '%s' has no extension", name);
	}
}

/* True if a template names the option, or a member of the file that it is. */
static bool
is_sent(struct json_object *variables, const char *option)
{
	size_t len = strlen(option);

	json_object_object_foreach(variables, name, ignored)
	{
		(void)ignored;
		if (strncmp(name, "options.", 8) == 0 &&
		    strncmp(name + 8, option, len) == 0 &&
		    (name[8 + len] == '\0' || name[8 + len] == '.'))
			return true;
	}
	return false;
}

/* Checks that what the options as a whole require is declared. */
static void
check_required(struct check *c, struct json_object *rules, struct json_object *declared)
{
	static const char *const choices[] = {"oneOf", "anyOf"};
	struct json_object *required = json_member(rules, "required");

	for (size_t i = 0; i < json_len(required); i++) {
		const char *name = json_item_str(required, i);

		need(c, json_member(declared, name) != NULL,
		    "required: the operation has no option '%s'", name);
	}
	for (size_t i = 0; i < sizeof choices / sizeof *choices; i++)
		for (size_t j = 0; j < json_len(json_member(rules, choices[i])); j++)
			check_required(
			    c, json_item(json_member(rules, choices[i]), j), declared);
}

static void
check_options(struct check *c, const struct operation *op, struct json_object *variables)
{
	struct json_object *declared = json_at(op->def, "/options/properties");

	if (declared == NULL)
		return;
	set_place(c, "/operations/%s/options", op->name);
	schema_lint(json_at(op->def, "/options"), report_lint, c);
	check_required(c, json_at(op->def, "/options"), declared);
	json_object_object_foreach(declared, name, schema)
	{
		set_place(c, "/operations/%s/options/properties/%s", op->name, name);
		need(c, is_sent(variables, name), "no template sends the option");
		need(c, json_str(schema, "/type") != NULL, "the option needs a type");
		check_choices(c, op, schema);
		if (json_flag(schema, "/account", false))
			check_constant(c, name);
		need(c, op->repeatable || !json_has(schema, "/default"),
		    "an option of a paid operation has no default: it would change what "
		    "the ledger knows");
		check_file(c, schema);
	}
}

/* Checks that what has an idempotency key sends it, and is paid. */
static void
check_idempotency(
    struct check *c, const struct operation *op, struct json_object *variables)
{
	bool has = json_has(op->def, "/idempotency"),
	     sends = json_member(variables, "idempotency_key") != NULL;

	need(c, !has || sends, "idempotency: no template sends {idempotency_key}");
	need(c, has || !sends,
	    "{idempotency_key} needs idempotency, which says how long it "
	    "lives");
	need(c, !has || !op->repeatable,
	    "idempotency is for an operation that is not repeatable");
}

/* Checks that a price has one unit, and that its option has the values that it names. */
static void
check_cost(struct check *c, const struct operation *op)
{
	struct json_object *cost = json_at(op->def, "/cost"),
	                   *amounts = json_member(cost, "amounts"),
	                   *options = json_at(op->def, "/options/properties"),
	                   *values =
	                       json_at(json_member(options, op->cost_option), "/enum");

	if (cost == NULL)
		return;
	set_place(c, "/operations/%s/cost", op->name);
	need(c, json_has(cost, "/credits") != json_has(cost, "/amount"),
	    "a cost has either credits, or an amount and its unit");
	need(c, json_has(cost, "/unit") == json_has(cost, "/amount"),
	    "unit is the currency of amount; both are needed");
	need(c, (op->cost_option != NULL) == (amounts != NULL),
	    "by and amounts belong together");
	need(c, op->cost_option == NULL || json_member(options, op->cost_option) != NULL,
	    "by: the operation has no option '%s'", op->cost_option);
	if (amounts == NULL || values == NULL)
		return;
	json_object_object_foreach(amounts, value, ignored)
	{
		(void)ignored;
		need(c, json_lists(values, value), "amounts: '%s' is no value of '%s'",
		    value, op->cost_option);
	}
}

static void
check_pace(struct check *c, const struct operation *op)
{
	const char *of = json_str(op->def, "/pace");

	set_place(c, "/operations/%s", op->name);
	need(c, of == NULL || op->pace > 0, "pace: no class is called '%s'", of);
}

/* Checks that templates send a file in a form that it can have there: whole, or within a
 * text. file: the photo's "file", or "options.KEY". */
static void
check_file_forms(struct check *c, struct json_object *templates, const char *file,
    bool whole, bool text)
{
	static const char *const forms[] = {"", ".data_uri", ".base64"};
	struct json_object *names = json_new_object();

	template_names(templates, names);
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		char *variable = mem_printf("%s%s", file, forms[i]);

		need(c, json_member(names, variable) == NULL || (i == 0 ? whole : text),
		    "{%s} does not fit here: {%s} is for multipart and raw, {%s.data_uri} "
		    "and {%s.base64} are for json",
		    variable, file, file, file);
		free(variable);
	}
	json_object_put(names);
}

/* The same in each template of the operation. */
static void
check_file_use(struct check *c, const struct operation *op, const char *file)
{
	static const char *const others[] = {
	    "/path", "/query", "/headers", "/answer/take"};
	struct json_object *bodies = json_at(op->def, "/bodies");

	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		check_file_forms(c, json_at(op->def, others[i]), file, false, false);
	for (size_t i = 0; i < json_len(bodies); i++) {
		struct json_object *body = json_item(bodies, i);

		check_file_forms(c, body, file,
		    json_has(body, "/multipart") || json_has(body, "/raw"),
		    json_has(body, "/json"));
	}
}

static void
check_files(struct check *c, const struct operation *op)
{
	struct json_object *declared = json_at(op->def, "/options/properties");

	check_file_use(c, op, "file");
	if (declared == NULL)
		return;
	json_object_object_foreach(declared, name, schema)
	{
		char *file = mem_printf("options.%s", name);

		if (json_has(schema, "/file"))
			check_file_use(c, op, file);
		free(file);
	}
}

static bool
has_ok(struct json_object *rules)
{
	for (size_t i = 0; i < json_len(rules); i++)
		if (strcmp(json_str(json_item(rules, i), "/is"), "ok") == 0)
			return true;
	return false;
}

static void
check_lookup(struct check *c, const struct operation *op)
{
	const char *name = json_str(op->def, "/lookup/operation");
	const char *picture = json_str(op->def, "/lookup/picture");
	const struct operation *list = provider_operation(c->p, name);

	if (name == NULL)
		return;
	need(c, list != NULL, "lookup: no operation is called '%s'", name);
	need(c, picture == NULL || list == NULL || takes(list, picture),
	    "lookup: the answer of '%s' takes no '%s'", name, picture);
	if (list != NULL && !list->pages)
		need(c, json_has(op->def, "/lookup/started"),
		    "lookup: '%s' is not a list, so started is needed", name);
	else if (list != NULL)
		need(c,
		    json_has(op->def, "/lookup/match") ||
		        json_has(op->def, "/lookup/tag") ||
		        (json_flag(op->def, "/lookup/exclusive", false) &&
		            (json_has(op->def, "/lookup/created_at") ||
		                json_has(op->def, "/lookup/updated_at"))),
		    "lookup: a list needs match or tag to tell candidates apart; or "
		    "exclusive, and a time");
}

static bool requires(const struct operation *op, const char *member)
{
	return json_lists(json_at(op->def, "/answer/required"), member);
}

/* Checks that a list sends what its style pages by, and says what ends it. */
static void
check_paging(struct check *c, const struct operation *op, struct json_object *variables)
{
	static const char *const ends[] = {
	    "last", "more", "next", "total", "end", "empty_status"};
	struct json_object *paging = json_at(op->def, "/paging");
	const char *style = json_str(paging, "/style");
	bool numbered, cursor, ended = false;

	if (paging == NULL)
		return;
	numbered = strcmp(style, "page") == 0 || strcmp(style, "offset") == 0;
	cursor = strcmp(style, "cursor") == 0;
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
		ended = ended || json_member(paging, ends[i]) != NULL;
	need(c, (!numbered && !cursor) || json_member(variables, style) != NULL,
	    "paging: nothing sends {%s}", style);
	need(c, !numbered || ended,
	    "paging: say what ends the list: last, more, next, total, end or "
	    "empty_status");
	need(c, !cursor || json_has(paging, "/next") || json_has(paging, "/item_cursor"),
	    "paging: a cursor needs next or item_cursor");
}

/* Checks that entries of a list can be told apart, and deleted as it says. */
static void
check_list(struct check *c, const struct operation *op)
{
	const char *name = json_str(op->def, "/delete");
	const struct operation *delete = provider_operation(c->p, name);

	if (name == NULL)
		return;
	need(c, delete != NULL, "no operation is called '%s'", name);
	need(c, target_is_list(op), "delete is for lists");
	need(c, delete == NULL || delete->repeatable, "delete: '%s' must be repeatable",
	    name);
	need(c, delete == NULL || target_needed(delete) == target_described(op),
	    "delete: '%s' does not take the id of an entry", name);
}

/* Adds the variables of steps: what declares an option may leave it to a step. */
static void
add_variables(struct check *c, struct json_object *steps, struct json_object *variables)
{
	for (size_t i = 0; i < json_len(steps); i++) {
		const struct operation *step =
		    provider_operation(c->p, json_item_str(steps, i));
		struct json_object *own = step != NULL ? target_variables(step) : NULL;

		if (own == NULL)
			continue;
		json_object_object_foreach(own, name, ignored)
		{
			(void)ignored;
			json_put_bool(variables, name, true);
		}
		json_object_put(own);
	}
}

/* Checks the steps of an operation. */
static void
check_steps(struct check *c, const struct operation *op, const char *when)
{
	struct json_object *steps = json_at(op->def, when);

	need(c, steps == NULL || !op->repeatable,
	    "%s is for an operation that is not repeatable", when + 1);
	for (size_t i = 0; i < json_len(steps); i++) {
		const char *name = json_item_str(steps, i);
		const struct operation *step = provider_operation(c->p, name);

		need(c, step != NULL, "%s: no operation is called '%s'", when + 1, name);
		need(c,
		    step == NULL || (!json_has(step->def, "/before") &&
		                        !json_has(step->def, "/after")),
		    "%s: '%s' has steps itself", when + 1, name);
		need(c, step == NULL || !target_is_list(step), "%s: '%s' is a list",
		    when + 1, name);
	}
}

/* Checks that the response of an operation tells a state. */
static void
check_state(struct check *c, const struct operation *op)
{
	if (op == NULL)
		return;
	set_place(c, "/operations/%s", op->name);
	need(c,
	    json_has(op->def, "/answer/take/status/value") || requires(op, "status") ||
	        (requires(op, "provider_status") && op->states != NULL),
	    "it asks for a state: its answer must require status, or "
	    "provider_status and name its states");
}

/* Checks the operation that a step waits by. */
static void
check_wait(struct check *c, const struct operation *op)
{
	const char *name = json_str(op->def, "/wait");
	const struct operation *wait = provider_operation(c->p, name);

	need(c, name == NULL || wait != NULL, "wait: no operation is called '%s'", name);
	need(
	    c, name == NULL || is_step(c, op), "wait is for a step of another operation");
	need(c, wait == NULL || wait->repeatable, "wait: '%s' must be repeatable", name);
	check_state(c, wait);
}

static void
check_operation(struct check *c, const struct operation *op)
{
	const char *answer = json_str(op->def, "/answer");
	const char *states = json_str(op->def, "/answer/states");
	struct json_object *required = json_at(op->def, "/answer/required");
	struct json_object *variables = target_variables(op), *all = target_variables(op);

	add_variables(c, json_at(op->def, "/before"), all);
	add_variables(c, json_at(op->def, "/after"), all);
	check_options(c, op, all);
	json_object_put(all);
	set_place(c, "/operations/%s", op->name);
	check_steps(c, op, "/before");
	check_steps(c, op, "/after");
	json_object_object_foreach(variables, variable, ignored)
	{
		(void)ignored;
		check_variable(c, op, variable);
	}
	check_idempotency(c, op, variables);
	check_paging(c, op, variables);
	json_object_put(variables);
	need(c,
	    op->repeatable || has_ok(json_at(op->def, "/outcomes")) ||
	        has_ok(json_at(c->p->def, "/outcomes")),
	    "an operation that is not repeatable needs a rule that says ok");
	need(c, answer == NULL, "no answer is called '%s'", answer);
	need(c, states == NULL || op->states != NULL, "no set of states is called '%s'",
	    states);
	check_cost(c, op);
	check_pace(c, op);
	need(c, !json_has(op->def, "/answer/findings") || op->repeatable,
	    "findings are for an operation that is repeatable");
	need(c,
	    json_has(op->def, "/answer/findings/list") ==
	        json_has(op->def, "/answer/findings/each"),
	    "findings: list and each belong together");
	check_files(c, op);
	need(c, takes(op, "final") == (op->finals != NULL),
	    "final and final_states, a set of states, belong together");
	need(c,
	    !json_has(op->def, "/answer/expires_s") || !op->repeatable ||
	        takes(op, "created_at"),
	    "expires_s counts from created_at, which the answer does not take");
	need(c, !json_has(op->def, "/duration") || !op->repeatable,
	    "duration is for an operation that makes something");
	check_lookup(c, op);
	check_list(c, op);
	need(c, !operation_is_elsewhere(op) || !json_has(op->def, "/query"),
	    "a whole URL has its own query");
	for (size_t i = 0; i < json_len(required); i++) {
		const char *name = json_item_str(required, i);
		need(c, takes(op, name), "answer: '%s' is required but not taken", name);
	}
	check_wait(c, op);
}

static void
check_create(struct check *c)
{
	const struct operation *create = provider_operation(c->p, "create");
	const struct operation *status = provider_operation(c->p, "status");

	set_place(c, "/operations/create");
	need(c, !create->repeatable,
	    "creating is not repeatable; say \"repeatable\": false");
	need(c, requires(create, "id"), "its answer must require id");
	need(c, status != NULL || json_has(create->def, "/answer/take/status"),
	    "without a status operation it must take a status");
	check_state(c, status);
}

/* Checks a kind that is another file of another kind's rendering. */
static void
check_of(struct check *c, const struct kind *k)
{
	const char *of = json_str(k->def, "/of");

	if (of == NULL)
		return;
	need(c, k->made_as != k, "of: no kind is called '%s'", of);
	need(c, !k->made_as->takes_value, "of: '%s' takes a value", of);
	need(c, !k->made_as->at_once, "of: the answer that orders '%s' has its only file",
	    of);
	need(c, !json_has(k->def, "/start") && !json_has(k->def, "/status"),
	    "a kind with of has the start and status of '%s'", of);
	need(c,
	    k->made_as == k ||
	        (k->made_as->starts > 0 && !json_has(k->made_as->def, "/of")),
	    "of: '%s' has no start of its own", of);
}

/* Checks where the file of a kind is. */
static void
check_result(struct check *c, const struct kind *k)
{
	need(c, k->result != NULL, "its result is not an operation");
	if (k->result == NULL)
		return;
	if (k->url != NULL)
		need(c, takes(k->result, k->url),
		    "the operation of its result does not take '%s'", k->url);
	if (k->at_once)
		need(c, k->url != NULL && requires(k->result, k->url),
		    "the answer of '%s' orders it and has its file, so it must require "
		    "the name that result takes",
		    k->result->name);
	else if (k->url == NULL)
		need(c, strcmp(k->result->method, "GET") == 0 && k->result->repeatable,
		    "its result takes nothing, so the response is the file: this needs a "
		    "GET that is repeatable");
}

static void
check_kind(struct check *c, const struct kind *k)
{
	struct json_object *start = json_at(k->def, "/start");

	check_state(c, k->status);
	set_place(c, "/kinds/%s", k->name);
	for (size_t i = 0; i < json_len(start); i++)
		need(c, i < k->starts && k->start[i] != NULL,
		    "start: number %zu is not an operation", i + 1);
	need(c, k->status != NULL || !json_has(k->def, "/status"),
	    "its status is not an operation");
	need(c,
	    k->starts == 0 || k->start[0] == NULL || requires(k->start[0], "id") ||
	        (k->at_once && k->starts == 1),
	    "the answer of its first operation must require id");
	need(c, k->starts == 0 || k->at_once == (k->status == NULL),
	    k->at_once
	        ? "its order has the file, so it has no status"
	        : "a kind with start needs a status, unless the answer of its last "
	          "operation is its result");
	check_of(c, k);
	check_result(c, k);
}

/* Checks the operation that tells whether the credentials are accepted. */
static void
check_auth(struct check *c)
{
	const char *name = json_str(c->p->def, "/auth/check");
	const struct operation *op = provider_operation(c->p, name);

	set_place(c, "/auth");
	need(c,
	    !json_has(c->p->def, "/auth/oauth") ||
	        (!json_has(c->p->def, "/auth/or") &&
	            !json_has(c->p->def, "/auth/credential")),
	    "oauth goes with neither credential nor or");
	set_place(c, "/auth/check");
	need(c, name == NULL || op != NULL, "no operation is called '%s'", name);
	need(c, op == NULL || provider_check_operation(c->p) != NULL,
	    "'%s' must be a free GET or HEAD, and need no avatar", name);
}

/* Checks that an operation registers a URL, and that another one ends that. */
static void
check_registration(struct check *c, struct json_object *events)
{
	const char *names[] = {
	    json_str(events, "/register"), json_str(events, "/unregister")};
	const char *options[] = {json_str(events, "/url"), json_str(events, "/names")};
	const struct operation *first = provider_operation(c->p, names[0]),
	                       *last = provider_operation(c->p, names[1]), *list;

	need(c,
	    (names[0] == NULL) == (names[1] == NULL) &&
	        (names[0] == NULL) == (options[0] == NULL),
	    "register, url and unregister belong together");
	for (int i = 0; i < 2; i++)
		need(c, names[i] == NULL || provider_operation(c->p, names[i]) != NULL,
		    "no operation is called '%s'", names[i]);
	for (int i = 0; i < 2 && first != NULL; i++)
		need(c,
		    options[i] == NULL ||
		        json_member(json_at(first->def, "/options/properties"),
		            options[i]) != NULL,
		    "'%s' has no option '%s'", first->name, options[i]);
	if (first == NULL || last == NULL)
		return;
	list = target_list_of(c->p, last);
	need(c, requires(first, "id"), "the answer of '%s' must require id", first->name);
	need(c, target_needed(last) == target_described(first),
	    "'%s' does not take the id of what '%s' makes", last->name, first->name);
	need(c, list != NULL && takes(list, "id") && takes(list, "url"),
	    "no list that takes id and url is deleted from by '%s'", last->name);
}

/* Checks what is signed, and where the secret comes from. */
static void
check_signature(struct check *c, struct json_object *events)
{
	const struct operation *first =
	    provider_operation(c->p, json_str(events, "/register"));
	struct err e = {0};

	need(c, !event_is_signed(c->p) || event_check_signed(c->p, &e) == 0,
	    "signature: %s", e.message);
	if (event_secret_place(c->p) == NULL)
		return;
	need(c, event_is_signed(c->p) && first != NULL,
	    "a secret belongs to a signature and to an operation that registers");
}

static void
check_events(struct check *c)
{
	struct json_object *events = json_member(c->p->def, "events"),
	                   *kinds = json_member(events, "kinds");

	if (events == NULL)
		return;
	set_place(c, "/events");
	check_registration(c, events);
	check_signature(c, events);
	json_object_object_foreach(kinds, name, about)
	{
		bool rendering = strcmp(json_str(about, "/of"), "rendering") == 0;
		const char *kind = json_str(about, "/kind");

		set_place(c, "/events/kinds/%s", name);
		need(c, rendering == (kind != NULL),
		    "a rendering has a kind, and only a rendering");
		need(c, kind == NULL || provider_kind(c->p, kind) != NULL,
		    "no kind is called '%s'", kind);
	}
}

static void
check_pattern(struct check *c, const char *place)
{
	const char *pattern = json_str(c->p->def, place);

	set_place(c, "%s", place);
	if (pattern == NULL)
		return;
	need(c, format_match(pattern, "") >= 0, "it is not a regular expression");
	need(c, !format_has_class(pattern),
	    "it is a POSIX extended regular expression, without \\d and \\w: write [0-9], "
	    "[A-Za-z0-9_]");
}

int
provider_check(const struct provider *p, const char *text, size_t len, const char *file,
    struct err *e)
{
	struct check c = {.p = p, .text = text, .file = file, .len = len, .e = e};
	const struct builtin_file *f = builtin_find("schema", "provider");
	struct json_object *schema = json_parse(f->data, f->len, e);
	struct json_object *as_written = json_parse(text, len, e);
	struct json_object *defaults = json_at(p->def, "/default_kinds");

	schema_check(schema, as_written, report, &c);
	json_object_put(schema);
	json_object_put(as_written);
	if (c.found > 0)
		return -1;
	for (size_t i = 0; i < p->n_operations; i++)
		check_operation(&c, &p->operations[i]);
	check_auth(&c);
	check_create(&c);
	for (size_t i = 0; i < p->n_kinds; i++)
		check_kind(&c, &p->kinds[i]);
	check_events(&c);
	set_place(&c, "/default_kinds");
	for (size_t i = 0; i < json_len(defaults); i++) {
		const char *name = json_item_str(defaults, i);
		const struct kind *k = provider_kind(p, name);
		need(&c, k != NULL, "no kind is called '%s'", name);
		need(&c, k == NULL || (k->starts == 0 && !k->takes_value),
		    "'%s' costs something or needs a value: only -r may order it", name);
	}
	check_pattern(&c, "/image/url");
	set_place(&c, "/image/file_name/characters");
	need(&c, file_name_is_possible(p), "photo.jpg must be possible");
	check_pattern(&c, "/id_pattern");
	return c.found == 0 ? 0 : -1;
}
