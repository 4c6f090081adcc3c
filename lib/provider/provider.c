#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "base/mem.h"
#include "provider/provider.h"
#include "provider/read_files.h"
#include "json/json.h"
#include "json/scan.h"

/* Replaces the name of an answer by the answer, and adds `required`. A name without an
 * answer stays, for check.c. */
static void
expand_answer(struct json_object *def, struct json_object *op)
{
	static const char *const ids[] = {"id", "provider_status"};
	bool repeatable = json_flag(op, "/repeatable", true);
	const char *id = ids[repeatable];
	struct json_object *answer = json_member(op, "answer"), *take, *required;

	if (json_object_is_type(answer, json_type_string)) {
		answer = json_copy(
		    json_member(json_at(def, "/answers"), json_str(answer, "")));
		if (json_has(op, "/paging")) /* it is of an entry, not of the response */
			json_object_object_del(answer, "required");
		json_put(op, "answer", answer);
	}
	take = json_member(answer, "take");
	if (json_has(answer, "/required") || json_has(op, "/paging"))
		return;
	if (json_member(take, id) == NULL)
		id = ids[!repeatable];
	if (json_member(take, id) == NULL)
		return;
	required = json_new_array();
	json_append(required, json_new_string(id));
	json_put(answer, "required", required);
}

/* Writes out what a description may leave out, so that other modules need not know the
 * short forms. */
static void
expand_operation(struct json_object *def, struct json_object *op)
{
	struct json_object *bodies = json_member(op, "bodies");
	struct json_object *lookup = json_member(op, "lookup"), *list;

	expand_answer(def, op);
	if (json_object_is_type(bodies, json_type_object)) {
		list = json_new_array();
		json_append(list, json_object_get(bodies));
		json_put(op, "bodies", list);
	}
	if (json_object_is_type(lookup, json_type_object) &&
	    !json_has(lookup, "/operation"))
		json_put_str(lookup, "operation", "avatars");
}

static void
read_operations(struct provider *p)
{
	struct json_object *all = json_member(p->def, "operations");
	struct json_object *states = json_member(p->def, "states");

	if (!json_object_is_type(all, json_type_object))
		return;
	p->operations =
	    mem_new((size_t)json_object_object_length(all), sizeof *p->operations);
	json_object_object_foreach(all, name, def)
	{
		const char *set, *final;

		expand_operation(p->def, def);
		set = json_str(def, "/answer/states");
		final = json_str(def, "/answer/final_states");
		p->operations[p->n_operations++] = (struct operation){.name = name,
		    .method = json_str(def, "/method"),
		    .path = json_str(def, "/path"),
		    .repeatable = json_flag(def, "/repeatable", true),
		    .def = def,
		    .files = p->files,
		    .states = set != NULL ? json_member(states, set) : NULL,
		    .finals = final != NULL ? json_member(states, final) : NULL};
	}
}

static struct provider_pace
pace_of(const char *of, struct json_object *def)
{
	return (struct provider_pace){
	    of, json_num(def, "/rate", 0), json_num(def, "/burst", 1)};
}

/* Reads the pace of the account, and of each class of operations. */
static void
read_paces(struct provider *p)
{
	struct json_object *pace = json_at(p->def, "/pace"),
	                   *classes = json_member(pace, "classes");
	size_t n = 1;

	if (json_object_is_type(classes, json_type_object))
		n += (size_t)json_object_object_length(classes);
	p->paces = mem_new(n, sizeof *p->paces);
	p->paces[p->n_paces++] = pace_of(NULL, pace);
	if (n == 1)
		return;
	json_object_object_foreach(classes, name, def)
	{
		for (size_t i = 0; i < p->n_operations; i++) {
			const char *of = json_str(p->operations[i].def, "/pace");

			if (of != NULL && strcmp(of, name) == 0)
				p->operations[i].pace = p->n_paces;
		}
		p->paces[p->n_paces++] = pace_of(name, def);
	}
}

/* The member, which is made if it is absent; NULL if it is no object. */
static struct json_object *
object_within(struct json_object *o, const char *name)
{
	if (!json_object_is_type(o, json_type_object))
		return NULL;
	if (!json_object_object_get_ex(o, name, NULL))
		json_put(o, name, json_new_object());
	o = json_member(o, name);
	return json_object_is_type(o, json_type_object) ? o : NULL;
}

/* Declares the options of a step with the operation that it is a step of. */
static void
add_options(struct provider *p, const struct operation *op, struct json_object *steps)
{
	struct json_object *options, *declared;

	for (size_t i = 0; i < json_len(steps); i++) {
		const struct operation *step =
		    provider_operation(p, json_item_str(steps, i));
		struct json_object *own =
		    step != NULL ? json_at(step->def, "/options/properties") : NULL;

		options = own != NULL ? object_within(op->def, "options") : NULL;
		declared = object_within(options, "properties");
		if (declared == NULL || own == declared)
			continue;
		json_object_object_foreach(own, name, schema)
		{
			if (json_member(declared, name) == NULL)
				json_put(declared, name, json_copy(schema));
		}
	}
}

static void
read_steps(struct provider *p)
{
	for (size_t i = 0; i < p->n_operations; i++) {
		const struct operation *op = &p->operations[i];

		add_options(p, op, json_at(op->def, "/before"));
		add_options(p, op, json_at(op->def, "/after"));
	}
}

/* A kind may name the place of its URL itself. Then its operation takes the URL from there,
 * by a name of its own. */
static void
expand_result(struct provider *p, const char *kind, struct json_object *def)
{
	struct json_object *result = json_member(def, "result"),
	                   *place = json_member(result, "take"), *answer, *take;
	const struct operation *op =
	    provider_operation(p, json_str(result, "/operation"));
	char *name;

	if (!json_object_is_type(place, json_type_object) || op == NULL)
		return;
	answer = object_within(op->def, "answer");
	take = object_within(answer, "take");
	if (take == NULL)
		return; /* check.c says why */
	name = mem_printf("%s.url", kind);
	json_put(take, name, json_object_get(place));
	json_put_str(result, "take", name);
	free(name);
}

/* Sets what a kind has in common with the kind that it is another file of. */
static void
read_made_as(struct provider *p, struct kind *k)
{
	const struct kind *of = provider_kind(p, json_str(k->def, "/of"));

	k->made_as = of != NULL ? of : k;
	if (of == NULL || of == k)
		return;
	memcpy(k->start, of->start, sizeof k->start);
	k->starts = of->starts;
	k->status = of->status;
}

static void
read_kinds(struct provider *p)
{
	struct json_object *all = json_member(p->def, "kinds");

	if (!json_object_is_type(all, json_type_object))
		return;
	p->kinds = mem_new((size_t)json_object_object_length(all), sizeof *p->kinds);
	json_object_object_foreach(all, name, def)
	{
		struct kind *k = &p->kinds[p->n_kinds++];
		struct json_object *start = json_at(def, "/start");
		const char *absent = json_str(def, "/result/absent");
		size_t max = sizeof k->start / sizeof *k->start;

		expand_result(p, name, def);
		*k = (struct kind){.name = name,
		    .takes_value = json_has(def, "/value"),
		    .status = provider_operation(p, json_str(def, "/status")),
		    .result = provider_operation(p, json_str(def, "/result/operation")),
		    .url = json_str(def, "/result/take"),
		    .absent_is_none = absent != NULL && strcmp(absent, "none") == 0,
		    .wait_ms = (int64_t)(json_num(def, "/result/wait_s", 0) * 1000),
		    .types = json_at(def, "/types"),
		    .def = def};
		for (; k->starts < json_len(start) && k->starts < max; k->starts++)
			k->start[k->starts] =
			    provider_operation(p, json_item_str(start, k->starts));
		k->at_once = k->starts > 0 && k->result != NULL &&
		             k->start[k->starts - 1] == k->result;
	}
	for (size_t i = 0; i < p->n_kinds; i++)
		read_made_as(p, &p->kinds[i]);
}

/* Looks up what each response is read by, after read_kinds has expanded it. */
static void
read_answers(struct provider *p)
{
	for (size_t i = 0; i < p->n_operations; i++) {
		struct operation *op = &p->operations[i];

		op->outcomes = json_at(op->def, "/outcomes");
		op->required = json_at(op->def, "/answer/required");
		op->take = json_at(op->def, "/answer/take");
		op->in_flight = json_at(op->def, "/idempotency/in_flight");
		op->expires_s = json_num(op->def, "/answer/expires_s", 0);
		op->progress_max = json_num(op->def, "/answer/progress_max", 100);
		op->pages = json_has(op->def, "/paging");
	}
}

static struct id_form *
new_id_form(const char *pattern)
{
	struct id_form *form = pattern != NULL ? mem_new(1, sizeof *form) : NULL;

	if (form != NULL)
		form->pattern = pattern;
	return form;
}

/* The regular expression, or NULL: any word. A pattern that is none is found by
 * provider_check(). */
static const regex_t *
id_regex(struct id_form *form)
{
	if (form == NULL)
		return NULL;
	if (form->pattern != NULL && !form->compiled &&
	    regcomp(&form->regex, form->pattern, REG_EXTENDED | REG_NOSUB) != 0)
		form->pattern = NULL;
	form->compiled = form->pattern != NULL;
	return form->compiled ? &form->regex : NULL;
}

/* The cost of a paid operation that has no price: one of what it makes. */
static void
count_instead(const struct provider *p, struct operation *op)
{
	op->unit = mem_str(strcmp(op->name, "create") == 0 ? "avatar" : "rendering");
	op->cost = 1;
	for (size_t i = 0; i < p->n_kinds; i++) {
		const struct kind *k = &p->kinds[i];

		for (size_t n = 0; n < k->starts; n++)
			if (k->start[n] == op)
				for (size_t m = 0; m < k->starts; m++)
					if (m > n || json_has(k->start[m]->def, "/cost"))
						op->cost = 0;
	}
}

static void
read_costs(struct provider *p)
{
	for (size_t i = 0; i < p->n_operations; i++) {
		struct operation *op = &p->operations[i];
		struct json_object *cost = json_member(op->def, "cost");
		const char *unit = json_str(cost, "/unit"), *per = json_str(cost, "/per");

		op->cost = json_num(cost, "/credits", json_num(cost, "/amount", 0));
		op->cost_option = json_str(cost, "/by");
		if (unit == NULL)
			unit = "credits";
		if (per != NULL)
			op->unit = mem_printf("%s/%s", unit, per);
		else if (cost != NULL)
			op->unit = mem_str(unit);
		else if (!op->repeatable)
			count_instead(p, op);
	}
}

double
operation_cost(const struct operation *op, struct json_object *options)
{
	struct json_object *value = json_member(options, op->cost_option),
	                   *amounts = json_at(op->def, "/cost/amounts"), *amount;

	if (value == NULL)
		return op->cost;
	amount = json_member(amounts, json_object_get_string(value));
	return amount != NULL ? json_object_get_double(amount) : op->cost;
}

/* Notes with the operation that asks for a state how long that usually takes. */
static void
add_duration(
    struct provider *p, const struct operation *asks, struct json_object *duration)
{
	struct operation *op = asks != NULL ? &p->operations[asks - p->operations] : NULL;
	int64_t usual = (int64_t)(json_num(duration, "/usual_s", 0) * 1000),
	        max = (int64_t)(json_num(duration, "/max_s", 0) * 1000);

	if (op == NULL || usual == 0)
		return;
	if (usual > op->usual_ms)
		op->usual_ms = usual;
	if (max == 0)
		max = 3 * usual;
	if (max > op->patience_ms)
		op->patience_ms = max;
}

static int64_t
within(int64_t ms, int64_t min, int64_t max)
{
	return ms < min ? min : ms > max ? max : ms;
}

/* Sets the intervals between requests for a state: as the description says, else by what
 * is usual, else 2 s and 30 s. */
static void
read_durations(struct provider *p)
{
	add_duration(p, provider_operation(p, "status"),
	    json_at(p->def, "/operations/create/duration"));
	for (size_t i = 0; i < p->n_operations; i++)
		add_duration(p,
		    provider_operation(p, json_str(p->operations[i].def, "/wait")),
		    json_at(p->operations[i].def, "/duration"));
	for (size_t i = 0; i < p->n_kinds; i++)
		for (size_t n = 0; n < p->kinds[i].starts; n++)
			if (p->kinds[i].start[n] != NULL)
				add_duration(p, p->kinds[i].status,
				    json_at(p->kinds[i].start[n]->def, "/duration"));
	for (size_t i = 0; i < p->n_operations; i++) {
		struct operation *op = &p->operations[i];
		bool known = op->usual_ms > 0;
		int64_t first = known ? within(op->usual_ms / 30, 2000, 60000) : 2000,
		        max = known ? within(op->usual_ms / 10, 10000, 600000) : 30000;

		op->poll_first_ms =
		    (int64_t)(json_num(p->def, "/poll/first_s", (double)first / 1000) *
		              1000);
		op->poll_max_ms =
		    (int64_t)(json_num(p->def, "/poll/max_s", (double)max / 1000) * 1000);
	}
}

struct provider *
provider_parse(const char *text, size_t len, const char *file, struct err *e)
{
	struct json_object *def = json_parse(text, len, e);
	struct provider *p;
	struct scan s;
	size_t line, column;

	if (def == NULL) {
		if (!scan_text(text, len, &s, NULL, NULL))
			err_set(e, CODE_BAD_PROVIDER, "not JSON: %s", s.what);
		e->code = CODE_BAD_PROVIDER;
		scan_place(text, s.at, &line, &column);
		err_prefix(e, "%s:%zu:%zu: ", file, line, column);
		return NULL;
	}
	p = mem_new(1, sizeof *p);
	*p = (struct provider){.def = def,
	    .name = json_str(def, "/name"),
	    .title = json_str(def, "/title"),
	    .base_url = json_str(def, "/base_url"),
	    .poll_gone_ms = (int64_t)(json_num(def, "/poll/gone_s", 60) * 1000),
	    .id_form = new_id_form(json_str(def, "/id_pattern")),
	    .has_names = json_at(def, "/name_length") != NULL,
	    .name_optional = json_flag(def, "/name_length/optional", false),
	    .name_min = json_int(def, "/name_length/min", 0),
	    .name_max = json_int(def, "/name_length/max", 0),
	    .max_avatars = json_int(def, "/max_avatars", 0)};
	provider_limits_init(&p->image, p->title, json_at(def, "/image"));
	provider_limits_init(&p->advice, p->title, json_at(def, "/image/advice"));
	p->advice.advice = true;
	p->files = read_files_new();
	read_operations(p);
	read_steps(p);
	read_paces(p);
	read_kinds(p);
	read_answers(p);
	read_costs(p);
	read_durations(p);
	return p;
}

void
provider_free(struct provider *p)
{
	if (p == NULL)
		return;
	if (p->id_form != NULL && p->id_form->compiled)
		regfree(&p->id_form->regex);
	free(p->id_form);
	read_files_free(p->files);
	provider_limits_release(&p->image);
	provider_limits_release(&p->advice);
	json_object_put(p->def);
	for (size_t i = 0; i < p->n_operations; i++)
		free(p->operations[i].unit);
	free(p->operations);
	free(p->kinds);
	free(p->paces);
	free(p->file);
	free(p);
}

bool
provider_is(const struct provider *p, const char *name)
{
	return strcmp(p->name, name) == 0 ||
	       json_lists(json_at(p->def, "/aliases"), name);
}

const struct operation *
provider_operation(const struct provider *p, const char *name)
{
	for (size_t i = 0; name != NULL && i < p->n_operations; i++)
		if (strcmp(p->operations[i].name, name) == 0)
			return &p->operations[i];
	return NULL;
}

bool
operation_is_elsewhere(const struct operation *op)
{
	return op->path[0] == '{';
}

const struct operation *
provider_check_operation(const struct provider *p)
{
	const char *name = json_str(p->def, "/auth/check");
	const struct operation *op =
	    provider_operation(p, name != NULL ? name : "avatars");

	return op != NULL && op->repeatable && !json_has(op->def, "/cost") &&
	               strchr(op->path, '{') == NULL &&
	               (strcmp(op->method, "GET") == 0 || strcmp(op->method, "HEAD") == 0)
	           ? op
	           : NULL;
}

const char *
provider_state(struct json_object *states, const char *word)
{
	struct json_object *state = json_member(states, word);
	const char *is = json_str(state, "/is");

	return is != NULL ? is : json_str(state, "");
}

const char *
provider_todo(struct json_object *states, const char *word)
{
	return json_str(json_member(states, word), "/do");
}

const struct kind *
provider_kind(const struct provider *p, const char *name)
{
	for (size_t i = 0; name != NULL && i < p->n_kinds; i++)
		if (strcmp(p->kinds[i].name, name) == 0)
			return &p->kinds[i];
	return NULL;
}

/* The value of NAME_suffix in the environment, or of NAME.suffix in the configuration.
 * *key: that name of it, for the caller to free. */
static const char *
look_up(const struct provider *p, const char *suffix, bool environment, char **key)
{
	struct json_object *aliases = json_at(p->def, "/aliases");
	const char *value = NULL;

	*key = NULL;
	for (size_t i = 0; value == NULL && i <= json_len(aliases); i++) {
		const char *name = i == 0 ? p->name : json_item_str(aliases, i - 1);

		free(*key);
		*key = mem_printf("%s%c%s", name, environment ? '_' : '.', suffix);
		for (char *c = *key; environment && *c != '\0'; c++)
			*c = isalnum((unsigned char)*c) ? (char)toupper((unsigned char)*c)
			                                : '_';
		value = environment ? getenv(*key) : config_get(*key);
		if (value != NULL && *value == '\0')
			value = NULL;
	}
	return value;
}

const char *
provider_env(const struct provider *p, const char *suffix)
{
	char *key;
	const char *value = look_up(p, suffix, true, &key);

	free(key);
	return value;
}

char *
provider_env_name(const struct provider *p, const char *suffix)
{
	char *key;

	if (look_up(p, suffix, true, &key) != NULL)
		return key;
	free(key);
	return NULL;
}

const char *
provider_config(const struct provider *p, const char *suffix)
{
	char *key;
	const char *value = look_up(p, suffix, false, &key);

	free(key);
	return value;
}

bool
provider_is_id(const struct provider *p, const char *text)
{
	const regex_t *regex = id_regex(p->id_form);
	size_t len = strlen(text);

	if (strcmp(text, ".") == 0 || strcmp(text, "..") == 0)
		return false;
	if (regex != NULL)
		return regexec(regex, text, 0, NULL, 0) == 0;
	return len > 0 && len <= 256 &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                    "0123456789._:@~+=-") == len;
}
