#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/mem.h"
#include "base/shell.h"
#include "base/similar.h"
#include "provider/answer.h"
#include "provider/request.h"
#include "provider/target.h"
#include "service/choices.h"
#include "service/listing.h"
#include "json/json.h"

/* A longer list is not kept. */
#define MAX_ENTRIES 100000

/* A value that has to be in a list. */
struct value {
	const struct operation *list;
	char *option;     /* with the members that lead to it, such as voice.id */
	const char *text; /* borrowed */
};

struct choice {
	struct choices *all;
	const struct call_spec *spec;
	choices_fn *fn;
	void *arg;
	struct value *values;
	size_t n, at;        /* values; the one that is being checked */
	struct known *known; /* the list that it waits for, or NULL */
	struct deferred deferred;
	TAILQ_ENTRY(choice) entry; /* of known->waiting */
};

/* A list of an account, perhaps of one avatar. */
struct known {
	struct choices *all;
	struct account *account;
	const struct operation *list;
	char *avatar;            /* NULL: it belongs to no avatar */
	struct listing *listing; /* NULL: it was read */
	struct json_object *ids; /* as member names; NULL: it could not be read */
	TAILQ_HEAD(, choice) waiting;
	TAILQ_ENTRY(known) entry;
};

struct choices {
	struct engine *engine;
	TAILQ_HEAD(, known) lists;
};

static void go_on(void *arg);

struct choices *
choices_new(struct engine *engine)
{
	struct choices *all = mem_new(1, sizeof *all);

	all->engine = engine;
	TAILQ_INIT(&all->lists);
	return all;
}

static void
known_free(struct known *k)
{
	json_object_put(k->ids);
	free(k->avatar);
	free(k);
}

void
choices_free(struct choices *all)
{
	struct known *k;

	while (all != NULL && (k = TAILQ_FIRST(&all->lists)) != NULL) {
		TAILQ_REMOVE(&all->lists, k, entry);
		known_free(k);
	}
	free(all);
}

static const char *
avatar_of(const struct choice *c)
{
	return json_str(c->spec->vars, "/avatar/id");
}

static enum listing_next
read_entry(void *arg, struct json_object *entry)
{
	struct known *k = arg;
	struct answer answer = {.body = entry};
	struct json_object *taken = answer_taken(&answer, k->list, NULL);
	const char *id = json_str(taken, "/id");

	if (id != NULL)
		json_put_bool(k->ids, id, true);
	json_object_put(taken);
	return json_object_object_length(k->ids) < MAX_ENTRIES ? LISTING_MORE
	                                                       : LISTING_ENOUGH;
}

static void
read_all(void *arg, const struct failure *failure)
{
	struct known *k = arg;
	TAILQ_HEAD(, choice) waiting = TAILQ_HEAD_INITIALIZER(waiting);
	struct choice *c;

	k->listing = NULL;
	if (failure != NULL || json_object_object_length(k->ids) == MAX_ENTRIES) {
		json_object_put(k->ids);
		k->ids = NULL;
		if (failure == NULL || failure->err.code != CODE_INTERRUPTED)
			warn("%s: values are not checked, since the list '%s' cannot be "
			     "read: %s",
			    k->account->provider->name, k->list->name,
			    failure != NULL ? failure->err.message : "it is too long");
	}
	TAILQ_CONCAT(&waiting, &k->waiting, entry);
	while ((c = TAILQ_FIRST(&waiting)) != NULL) {
		TAILQ_REMOVE(&waiting, c, entry);
		go_on(c);
	}
	if (k->avatar != NULL) { /* other avatars have other lists */
		TAILQ_REMOVE(&k->all->lists, k, entry);
		known_free(k);
	}
}

static bool
is_same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static struct known *
find_known(const struct choice *c, const struct operation *list, const char *avatar)
{
	struct known *k;

	TAILQ_FOREACH (k, &c->all->lists, entry)
		if (k->account == c->spec->account && k->list == list &&
		    is_same(k->avatar, avatar))
			break;
	return k;
}

static struct known *
read_list(struct choice *c, const struct operation *list, const char *avatar)
{
	struct known *k = mem_new(1, sizeof *k);
	struct call_spec page = {.account = c->spec->account,
	    .op = list,
	    .vars = request_vars(NULL, list, NULL),
	    .timeout_ms = c->spec->timeout_ms};

	*k = (struct known){.all = c->all,
	    .account = c->spec->account,
	    .list = list,
	    .avatar = mem_str(avatar),
	    .ids = json_new_object()};
	TAILQ_INIT(&k->waiting);
	TAILQ_INSERT_TAIL(&c->all->lists, k, entry);
	json_put(
	    page.vars, "avatar", json_object_get(json_member(c->spec->vars, "avatar")));
	k->listing = listing_start(c->all->engine, &page, read_entry, read_all, k);
	json_object_put(page.vars);
	return k;
}

static void
end(struct choice *c, const struct err *e)
{
	c->fn(c->arg, e);
	for (size_t i = 0; i < c->n; i++)
		free(c->values[i].option);
	free(c->values);
	free(c);
}

static void
refuse(struct choice *c, const struct value *v, const struct known *k)
{
	const char *provider = c->spec->account->provider->name;
	struct similar similar = {.word = v->text};
	struct buf words = {0};
	struct err e;

	json_object_object_foreach(k->ids, id, ignored)
	{
		(void)ignored;
		similar_try(&similar, id);
	}
	buf_printf(&words, "%s %s", provider, k->list->name);
	if (k->avatar != NULL) {
		buf_chr(&words, ' ');
		shell_word(&words, k->avatar);
	}
	err_set(&e, CODE_OPTION_INVALID,
	    "option '%s': '%s' is not in the list '%s'%s; see av-list -p %s", v->option,
	    v->text, k->list->name, similar.hint, words.data);
	buf_release(&words);
	end(c, &e);
}

/* Checks the values that are left, up to one whose list has to be read first. */
static void
go_on(void *arg)
{
	struct choice *c = arg;

	c->known = NULL;
	for (; c->at < c->n; c->at++) {
		const struct value *v = &c->values[c->at];
		const char *avatar = target_needed(v->list) != NULL ? avatar_of(c) : NULL;
		struct known *k = find_known(c, v->list, avatar);

		if (k == NULL)
			k = read_list(c, v->list, avatar);
		if (k->listing != NULL) {
			c->known = k;
			TAILQ_INSERT_TAIL(&k->waiting, c, entry);
			return;
		}
		if (k->ids != NULL && json_member(k->ids, v->text) == NULL) {
			refuse(c, v, k);
			return;
		}
	}
	end(c, NULL);
}

/* Notes the values of an option that have to be in a list, also within it. */
static void
collect(struct choice *c, const char *option, struct json_object *schema,
    struct json_object *value)
{
	const struct operation *list =
	    provider_operation(c->spec->account->provider, json_str(schema, "/list"));
	const char *text = json_str(value, "");

	if (list != NULL && text != NULL) {
		c->values = mem_resize(c->values, (c->n + 1) * sizeof *c->values);
		c->values[c->n++] = (struct value){list, mem_str(option), text};
	}
	for (size_t i = 0; i < json_len(value); i++)
		collect(c, option, json_member(schema, "items"), json_item(value, i));
	if (!json_object_is_type(value, json_type_object))
		return;
	json_object_object_foreach(value, name, member)
	{
		char *path =
		    *option == '\0' ? mem_str(name) : mem_printf("%s.%s", option, name);

		collect(c, path, json_member(json_member(schema, "properties"), name),
		    member);
		free(path);
	}
}

struct choice *
choices_check(
    struct choices *all, const struct call_spec *spec, choices_fn *fn, void *arg)
{
	struct choice *c = mem_new(1, sizeof *c);

	*c = (struct choice){.all = all, .spec = spec, .fn = fn, .arg = arg};
	collect(c, "", json_at(spec->op->def, "/options"),
	    json_member(spec->vars, "options"));
	loop_defer(all->engine->loop, &c->deferred, go_on, c);
	return c;
}

void
choices_stop(struct choice *c)
{
	if (c->known != NULL)
		listing_stop(c->known->listing);
}
