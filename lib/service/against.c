#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/hashset.h"
#include "base/mem.h"
#include "base/version.h"
#include "provider/options.h"
#include "provider/target.h"
#include "service/against.h"
#include "service/call.h"
#include "service/differences.h"
#include "service/listing.h"
#include "json/json.h"

/* How many things of a list are asked for singly. */
#define IDS_MAX 3

/* A longer list is not read to its end. */
#define ENTRIES_MAX 2000

struct service {
	struct engine engine;
	struct account *account;
	const struct provider *provider;
	struct against *all; /* one for each operation, in their order */
	bool *begun;         /* the same */
	/* By the name of a list: the variables that name each of its first entries. */
	struct json_object *ids;
	/* The operation under way. */
	const struct operation *op;
	struct differences differences;
	struct failure failure;
	struct json_object *vars;
	/* The list under way. */
	struct hashset seen;   /* ids */
	size_t entries, total; /* of this reading, and of all but second readings */
	bool cut;              /* it is not read to its end */
};

static void try(struct service *s, const struct operation *op);

static struct against *
result_of(const struct service *s, const struct operation *op)
{
	return &s->all[op - s->provider->operations];
}

/* An answer that differs is not asked for again. */
static bool
is_stopping(void *arg)
{
	const struct service *s = arg;

	return s->op != NULL && json_len(s->differences.found) > 0;
}

static void
look(void *arg, const struct operation *op, const struct answer *answer)
{
	struct service *s = arg;

	if (op == s->op)
		differences_answer(&s->differences, answer);
}

/* The list that has ids of what the operation needs; NULL: there is none. */
static const struct operation *
source_of(const struct provider *p, const struct operation *op)
{
	const char *needed = target_needed(op);
	char *id = mem_printf("/{%s.id}", needed);
	const char *at = strstr(op->path, id);
	const struct operation *found = NULL;

	for (size_t i = 0; i < p->n_operations; i++) {
		const struct operation *list = &p->operations[i];
		bool beside =
		    at != NULL &&
		    strncmp(list->path, op->path, (size_t)(at - op->path)) == 0 &&
		    list->path[at - op->path] == '\0';

		if (list == op || !target_is_list(list) ||
		    !json_has(list->def, "/answer/take/id") ||
		    strcmp(target_described(list), needed) != 0)
			continue;
		if (beside || found == NULL)
			found = list;
		if (beside)
			break;
	}
	free(id);
	return found;
}

/* Adds a value for each kind that the operation's templates name. False: one has none that
 * is known to work. */
static bool
add_kinds(const struct provider *p, const struct operation *op, struct json_object *vars)
{
	struct json_object *names = target_variables(op), *kinds = json_new_object();
	bool all = true;

	json_object_object_foreach(names, name, ignored)
	{
		const struct kind *kind =
		    strncmp(name, "kind.", 5) == 0 ? provider_kind(p, name + 5) : NULL;
		struct json_object *value = NULL;

		(void)ignored;
		if (kind == NULL)
			continue;
		value = json_at(kind->def, "/value/enum/0");
		if (value == NULL)
			value = json_at(kind->def, "/value/examples/0");
		all = all && value != NULL;
		json_put(kinds, kind->name, json_object_get(value));
	}
	json_object_put(names);
	json_put(vars, "kind", kinds);
	return all;
}

/* Why the operation is not tried, beside its ids; NULL: it is. The caller frees it. */
static char *
why_not(const struct service *s, const struct operation *op)
{
	const char *option = json_str(op->def, "/options/required/0");
	struct json_object *vars = json_new_object();
	bool kinds = add_kinds(s->provider, op, vars);

	json_object_put(vars);
	if (!op->repeatable)
		return mem_str("it makes something, or costs money");
	if (strcmp(op->method, "GET") != 0 && strcmp(op->method, "HEAD") != 0)
		return mem_printf("%s may change something", op->method);
	if (op->cost > 0)
		return mem_str("it costs money");
	if (option != NULL)
		return mem_printf("it needs the option %s", option);
	return kinds ? NULL : mem_str("no value of its kind is known to work");
}

static void
called(void *arg, const struct call_result *result)
{
	struct service *s = arg;

	failure_release(&s->failure);
	if (result->failure != NULL)
		failure_copy(&s->failure, result->failure);
	loop_stop(s->engine.loop);
}

static enum listing_next
entered(void *arg, struct json_object *entry)
{
	struct service *s = arg;
	const struct answer answer = {.body = entry};
	struct json_object *taken = answer_taken(&answer, s->op, NULL), *ids, *vars;
	const char *id = json_str(taken, "/id"), *sort = target_described(s->op);

	differences_entry(&s->differences, entry);
	s->entries++;
	ids = json_member(s->ids, s->op->name);
	if (id != NULL && hashset_add_str(&s->seen, id) && json_len(ids) < IDS_MAX) {
		vars = json_copy(s->vars);
		json_object_object_del(vars, "options");
		json_object_object_del(vars, "page_size");
		json_put(vars, sort, json_object_get(taken));
		json_append(ids, vars);
	}
	json_object_put(taken);
	s->cut = s->entries >= ENTRIES_MAX;
	return s->cut ? LISTING_ENOUGH : LISTING_MORE;
}

static void
listed(void *arg, const struct failure *failure)
{
	called(arg, &(struct call_result){.failure = failure});
}

/* Sends the operation under way, with these variables. */
static void
send(struct service *s, struct json_object *vars)
{
	int64_t deadline = 0;
	struct call_spec spec = {
	    .account = s->account, .op = s->op, .vars = vars, .timeout_ms = AGAINST_MS};

	s->vars = vars;
	if (target_is_list(s->op)) {
		hashset_release(&s->seen);
		s->seen = (struct hashset){0};
		s->entries = 0;
		listing_start(&s->engine, &spec, entered, listed, s);
	} else {
		spec.deadline = &deadline;
		call_start(&s->engine, &spec, called, s);
	}
	loop_run(s->engine.loop);
	s->vars = NULL;
}

/* A list that was read to its end has as many entries as it says. */
static void
compare_total(struct service *s)
{
	int64_t total = s->differences.total;

	if (s->failure.err.code == CODE_NONE && !s->cut && total >= 0 &&
	    total != (int64_t)s->entries)
		differences_add(&s->differences,
		    "the list says %" PRId64 " entries (paging.total), and has %zu",
		    total, s->entries);
}

/* Reads a list again, which had all of its entries in one page, in two or three. */
static void
read_again(struct service *s, struct json_object *vars)
{
	size_t n = s->entries, ids = s->seen.count, half = (n + 1) / 2;
	struct json_object *names = target_variables(s->op);
	bool sized = json_has(names, "/page_size");

	json_object_put(names);
	if (s->failure.err.code != CODE_NONE || s->cut || !sized || n < 2 ||
	    (int64_t)n > json_int(s->op->def, "/paging/size", 100))
		return;
	json_put_int(vars, "page_size", (int64_t)half);
	send(s, vars);
	if (s->failure.err.code == CODE_BAD_ANSWER ||
	    s->failure.err.code == CODE_LIST_CHANGED)
		differences_add(&s->differences, "paging, with pages of %zu: %s", half,
		    s->failure.err.message);
	else if (s->failure.err.code == CODE_NONE &&
	         (s->entries != n || s->seen.count != ids))
		differences_add(&s->differences,
		    "paging: %zu entries in one page, %zu in pages of %zu (%zu and %zu "
		    "different ids)",
		    n, s->entries, half, ids, s->seen.count);
	failure_release(&s->failure); /* small pages may be refused */
}

/* True for a failure that says nothing about the description. */
static bool
is_trouble(enum code code)
{
	return code != CODE_NONE && code != CODE_REFUSED && code != CODE_BAD_ANSWER &&
	       code != CODE_REDIRECTED;
}

/* Sets the result of the operation under way. */
static void
conclude(struct service *s, size_t requests)
{
	struct against *one = result_of(s, s->op);
	const struct failure *f = &s->failure;
	size_t n;
	bool list = target_is_list(s->op);

	if (f->err.code == CODE_REFUSED ||
	    (f->err.code == CODE_BAD_ANSWER && json_len(s->differences.found) == 0))
		differences_add(&s->differences, "%s", f->err.message);
	one->differences = differences_end(&s->differences);
	n = json_len(one->differences);
	one->result = n > 0                     ? AGAINST_DIFFERS
	              : is_trouble(f->err.code) ? AGAINST_NOT_TRIED
	                                        : AGAINST_OK;
	if (one->result == AGAINST_NOT_TRIED) {
		one->code = f->err.code;
		one->seen = mem_str(f->err.message);
	} else if (list) {
		one->seen = mem_printf("%zu %s%s", s->total,
		    s->total == 1 ? "entry" : "entries", s->cut ? ", and more" : "");
	} else {
		one->seen = mem_printf(
		    "%zu %s", requests, requests == 1 ? "response" : "responses");
	}
}

/* Tries an operation with each of the given variables. */
static void
carry_out(struct service *s, const struct operation *op, struct json_object *each)
{
	size_t requests = 0;

	s->op = op;
	s->cut = false;
	s->entries = s->total = 0;
	failure_release(&s->failure);
	differences_init(&s->differences, s->provider, op);
	if (target_is_list(op))
		json_put(s->ids, op->name, json_new_array());
	for (size_t i = 0;
	     i < json_len(each) && s->failure.err.code == CODE_NONE && !is_stopping(s);
	     i++) {
		struct json_object *vars = json_copy(json_item(each, i));

		json_put(vars, "options", options_for(op, NULL));
		add_kinds(s->provider, op, vars);
		send(s, vars);
		requests++;
		s->total += s->entries;
		if (target_is_list(op))
			compare_total(s);
		if (target_is_list(op) && !is_stopping(s))
			read_again(s, vars);
		json_object_put(vars);
	}
	conclude(s, requests);
	s->op = NULL;
}

/* Tries an operation once, and before it the list that its ids are from. */
static void
try(struct service *s, const struct operation *op)
{
	struct against *one = result_of(s, op);
	bool *begun = &s->begun[op - s->provider->operations];
	const struct operation *source;
	struct json_object *each, *none;

	if (*begun)
		return;
	*begun = true;
	one->op = op;
	one->request = mem_printf("%s %s%s", op->method, s->account->base_url, op->path);
	one->result = AGAINST_NOT_TRIED;
	one->seen = why_not(s, op);
	if (one->seen != NULL)
		return;
	if (target_needed(op) == NULL) {
		none = json_new_array();
		json_append(none, json_new_object());
		carry_out(s, op, none);
		json_object_put(none);
		return;
	}
	source = source_of(s->provider, op);
	if (source == NULL) {
		one->seen = mem_printf("no list has the id of its %s", target_needed(op));
		return;
	}
	try(s, source);
	each = json_member(s->ids, source->name);
	if (json_len(each) > 0)
		carry_out(s, op, each);
	else
		one->seen = mem_printf("'%s', which has its ids, %s", source->name,
		    result_of(s, source)->result == AGAINST_NOT_TRIED ? "was not tried"
		                                                      : "lists none");
}

static void
release(struct service *s)
{
	for (size_t i = 0; i < s->provider->n_operations; i++) {
		free(s->all[i].request);
		free(s->all[i].seen);
		json_object_put(s->all[i].differences);
	}
	free(s->all);
	free(s->begun);
	hashset_release(&s->seen);
	failure_release(&s->failure);
}

int
against_service(const char *provider, const struct account_options *options,
    void (*fn)(void *arg, const struct against *one), void *arg, struct err *e)
{
	struct service s = {.ids = json_new_object()};
	struct engine *engine = &s.engine;
	size_t n;

	engine->loop = loop_new();
	slots_init(&engine->slots, 1, 1);
	engine->accounts = accounts_new(engine->loop, options);
	engine->http = http_new(engine->loop,
	    &(struct http_options){.user_agent = av_user_agent, .max_in_flight = 1});
	engine->stopping = is_stopping;
	engine->look = look;
	engine->arg = &s;
	TAILQ_INIT(&engine->waiting);
	s.account = accounts_get(engine->accounts, provider, e);
	if (s.account != NULL) {
		s.provider = s.account->provider;
		n = s.provider->n_operations;
		s.all = mem_new(n, sizeof *s.all);
		s.begun = mem_new(n, sizeof *s.begun);
		for (size_t i = 0; i < n; i++)
			try(&s, &s.provider->operations[i]);
		for (size_t i = 0; i < n; i++)
			fn(arg, &s.all[i]);
		release(&s);
	}
	json_object_put(s.ids);
	http_free(engine->http);
	accounts_free(engine->accounts);
	loop_free(engine->loop);
	return s.account != NULL ? 0 : -1;
}
