/*
 * av-provider: lists, shows, compares and checks the descriptions of services.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "av-provider/tool.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/similar.h"
#include "program/reach.h"
#include "provider/builtin.h"
#include "provider/load.h"
#include "provider/target.h"

#define AT(member) offsetof(struct options, member)

static const struct opt table[] = {
    {'w', "words", NULL, "list, kinds, options, operations: print words", OPT_FLAG,
        AT(words)},
    {0, "step", "STEP", "only those of upload, list or another step", OPT_STR, AT(step)},
    {0, "json", NULL, "compare, stale, check --against: print JSON", OPT_FLAG | OPT_RARE,
        AT(json)},
    {0, "photo", "FILE", "compare: what each service would say to it", OPT_STR | OPT_RARE,
        AT(photo)},
    {0, "days", "N", "stale: name facts older than this (90)", OPT_INT | OPT_RARE,
        AT(days)},
    {0, "against", "URL", "check: ask the service there, and compare", OPT_STR | OPT_RARE,
        AT(against)},
    {0, "create", "PHOTO", "check --against: make an avatar too; may cost",
        OPT_STR | OPT_RARE, AT(create)},
    {0},
};

const struct opt_usage usage = {
    .synopsis = "av-provider list | show NAME | kinds NAME | options NAME |\n"
                "       operations NAME | compare [NAME...] | check FILE... |\n"
                "       check --against URL NAME | stale [NAME...] |\n"
                "       schema [provider|record|report]",
    .about =
        "Shows, compares and checks the descriptions of avatar services:\n"
        "  list, show  the providers; a description as it was written\n"
        "  kinds, options, operations  what a service offers, for -r, -O and av-call\n"
        "  compare     tables of what services take, cost and return\n"
        "  check       mistakes in descriptions; how a service differs from one\n"
        "  stale       facts that were checked too long ago\n"
        "  schema      the JSON Schema of descriptions, records or reports",
    .examples =
        "  av-provider compare --photo ann.jpg\n"
        "  av-provider check ~/.config/avtools/providers/*.json\n"
        "  av-provider options argil | jq -r '[.operation,.name,.description]|@tsv'\n",
};

void
put_line(struct print *p, struct json_object *o)
{
	json_write(&p->out, o);
	buf_chr(&p->out, '\n');
	json_object_put(o);
}

/* Prints a word and its meaning, for the completion of shells. */
static void
put_word(struct print *p, const char *word, const char *meaning)
{
	buf_printf(&p->out, "%s\t", word);
	for (const char *c = meaning != NULL ? meaning : ""; *c != '\0'; c++)
		buf_chr(&p->out, *c == '\t' || *c == '\n' ? ' ' : *c);
	buf_chr(&p->out, '\n');
}

static struct json_object *
share(struct json_object *o)
{
	return json_object_get(o);
}

static struct provider *
load(char **operands)
{
	struct provider *p;
	struct err e;

	if (operands[0] == NULL || operands[1] != NULL)
		opt_misuse(&usage,
		    "%s takes the name of one provider; av-provider list shows them",
		    operands[-1]);
	p = provider_load(operands[0], &e);
	if (p == NULL)
		die(EX_CONFIG, "%s", e.message);
	return p;
}

static void
put_provider(struct print *print, const struct provider *p)
{
	struct json_object *o = json_new_object(), *kinds = json_new_array();
	struct json_object *defaults = json_at(p->def, "/default_kinds");

	json_put_str(o, "name", p->name);
	json_put_str(o, "title", p->title);
	json_put(o, "aliases", share(json_at(p->def, "/aliases")));
	json_put_str(o, "base_url", p->base_url);
	json_put(o, "checked", share(json_at(p->def, "/checked")));
	json_put(o, "experimental", share(json_at(p->def, "/experimental")));
	for (size_t i = 0; i < p->n_kinds; i++)
		json_append(kinds, json_new_string(p->kinds[i].name));
	json_put(o, "kinds", kinds);
	json_put(
	    o, "default_kinds", defaults != NULL ? share(defaults) : json_new_array());
	json_put_bool(o, "builtin", p->file == NULL);
	json_put_str(o, "file", p->file);
	put_line(print, o);
}

static void
put_names(struct print *print, const struct provider *p)
{
	struct json_object *aliases = json_at(p->def, "/aliases");

	put_word(print, p->name, p->title);
	for (size_t i = 0; i < json_len(aliases); i++)
		put_word(print, json_item_str(aliases, i), p->title);
}

/* What is done with each provider. */
struct each {
	struct print *print;
	void (*fn)(struct print *p, const struct provider *provider, void *arg);
	void *arg;
};

static void
do_one(void *arg, const char *name)
{
	struct each *each = arg;
	struct provider *p;
	struct err e;

	p = provider_load(name, &e);
	if (p == NULL) {
		warn("%s", e.message);
		each->print->status = EX_CONFIG;
		return;
	}
	each->fn(each->print, p, each->arg);
	provider_free(p);
}

void
each_provider(struct print *p, char **names,
    void (*fn)(struct print *p, const struct provider *provider, void *arg), void *arg)
{
	struct each each = {p, fn, arg};

	if (*names == NULL)
		provider_each(do_one, &each);
	for (; *names != NULL; names++)
		do_one(&each, *names);
}

static void
list_one(struct print *print, const struct provider *p, void *arg)
{
	(void)arg;
	if (print->o->words)
		put_names(print, p);
	else
		put_provider(print, p);
}

static void
list(struct print *print, char **operands)
{
	if (operands[0] != NULL)
		opt_misuse(&usage,
		    "list takes no name; for one provider: av-provider show NAME");
	each_provider(print, operands, list_one, NULL);
}

/* Prints the description as it was written, for people to read and copy. */
static void
show(struct print *print, char **operands)
{
	struct provider *p = load(operands);
	struct err e;

	if (p->file != NULL) {
		if (file_read(p->file, &print->out, &e) < 0)
			die(EX_NOINPUT, "%s", e.message);
	} else {
		const struct builtin_file *f = builtin_find("providers", p->name);
		buf_add(&print->out, f->data, f->len);
	}
	provider_free(p);
}

/* Prints a key and each value that its schema knows: "pose=", "pose=hi". */
static void
put_values(
    struct print *print, const char *key, struct json_object *schema, const char *meaning)
{
	static const char *const lists[] = {"/enum", "/examples"};
	const char *type = json_str(schema, "/type");
	char *word = mem_printf("%s=", key);

	put_word(print, word, meaning);
	free(word);
	for (size_t l = 0; l < sizeof lists / sizeof *lists; l++) {
		struct json_object *values = json_at(schema, lists[l]);
		for (size_t i = 0; i < json_len(values); i++) {
			word = mem_printf(
			    "%s=%s", key, json_object_get_string(json_item(values, i)));
			put_word(print, word, meaning);
			free(word);
		}
	}
	for (int i = 0; type != NULL && strcmp(type, "boolean") == 0 && i < 2; i++) {
		word = mem_printf("%s=%s", key, i == 0 ? "true" : "false");
		put_word(print, word, meaning);
		free(word);
	}
}

/* Adds the names of the operations that start a kind, of their options, and their costs. */
static void
put_starts(struct json_object *o, const struct kind *k)
{
	struct json_object *operations = json_new_array(), *options = json_new_array();
	struct json_object *costs = json_new_array();

	for (size_t i = 0; i < k->starts; i++) {
		struct json_object *all =
		    json_at(k->start[i]->def, "/options/properties");
		struct json_object *cost = json_at(k->start[i]->def, "/cost");

		json_append(operations, json_new_string(k->start[i]->name));
		if (cost != NULL)
			json_append(costs, share(cost));
		if (all == NULL)
			continue;
		json_object_object_foreach(all, name, schema)
		{
			(void)schema;
			json_append(options, json_new_string(name));
		}
	}
	json_put(o, "operations", operations);
	json_put(o, "options", options);
	json_put(o, "costs", costs);
}

static void
put_kind(struct print *print, const struct provider *p, const struct kind *k)
{
	struct json_object *o = json_new_object();

	json_put_str(o, "kind", k->name);
	json_put(o, "description", share(json_at(k->def, "/description")));
	json_put_bool(
	    o, "default", json_lists(json_at(p->def, "/default_kinds"), k->name));
	json_put_bool(o, "takes_value", k->takes_value);
	json_put(o, "value", share(json_at(k->def, "/value")));
	json_put(o, "types", share(k->types));
	put_starts(o, k);
	put_line(print, o);
}

static void
kinds(struct print *print, char **operands)
{
	struct provider *p = load(operands);

	for (size_t i = 0; i < p->n_kinds; i++) {
		const struct kind *k = &p->kinds[i];
		const char *meaning = json_str(k->def, "/description");

		if (!print->o->words)
			put_kind(print, p, k);
		else if (k->takes_value)
			put_values(print, k->name, json_at(k->def, "/value"), meaning);
		else
			put_word(print, k->name, meaning);
	}
	provider_free(p);
}

static void
put_option(struct print *print, const struct operation *op, const char *name,
    struct json_object *schema)
{
	const char *meaning = json_str(schema, "/description");
	struct json_object *o;

	if (print->o->words) {
		put_values(print, name, schema, meaning);
		return;
	}
	o = json_new_object();
	json_put_str(o, "operation", op->name);
	json_put_str(o, "name", name);
	json_put(o, "type", share(json_at(schema, "/type")));
	json_put_bool(
	    o, "required", json_lists(json_at(op->def, "/options/required"), name));
	json_put_str(o, "description", meaning);
	json_put(o, "list", share(json_member(schema, "list")));
	json_put(o, "schema", share(schema));
	put_line(print, o);
}

/* True if the step is the program that has the operation, without av-, or its name. */
static bool
of_step(const struct provider *p, const struct operation *op, const char *step)
{
	if (step == NULL)
		return true;
	return strcmp(reach_program(p, op) + strlen("av-"), step) == 0 ||
	       strcmp(op->name, step) == 0;
}

static void
check_step(const struct provider *p, const char *step)
{
	static const char *const steps[] = {"upload", "render", "list", "delete", "call"};

	for (size_t i = 0; step != NULL && i < sizeof steps / sizeof *steps; i++)
		if (strcmp(step, steps[i]) == 0)
			return;
	if (step != NULL && provider_operation(p, step) == NULL)
		opt_misuse(&usage,
		    "--step takes upload, render, list, delete, call or the name of an "
		    "operation, not '%s'; try --step upload",
		    step);
}

static void
options(struct print *print, char **operands)
{
	const char *step = print->o->step;
	struct provider *p = load(operands);

	check_step(p, step);
	for (size_t i = 0; i < p->n_operations; i++) {
		const struct operation *op = &p->operations[i];
		struct json_object *all = json_at(op->def, "/options/properties");

		if (all == NULL || !of_step(p, op, step))
			continue;
		json_object_object_foreach(all, name, schema)
		    put_option(print, op, name, schema);
	}
	provider_free(p);
}

static void
put_operation(struct print *print, const struct provider *p, const struct operation *op)
{
	struct json_object *o, *cost = json_at(op->def, "/cost");
	const char *meaning = json_str(op->def, "/description");

	if (print->o->words) {
		put_word(print, op->name, meaning != NULL ? meaning : op->path);
		return;
	}
	o = json_new_object();
	json_put_str(o, "operation", op->name);
	json_put_str(o, "description", meaning);
	json_put_str(o, "program", reach_program(p, op));
	json_put_str(o, "method", op->method);
	json_put_str(o, "path", op->path);
	json_put_str(o, "needs", target_needed(op));
	json_put_str(o, "describes", target_described(op));
	json_put_bool(o, "repeatable", op->repeatable);
	if (cost != NULL)
		json_put(o, "cost", share(cost));
	put_line(print, o);
}

static void
operations(struct print *print, char **operands)
{
	struct provider *p = load(operands);

	check_step(p, print->o->step);
	for (size_t i = 0; i < p->n_operations; i++)
		if (of_step(p, &p->operations[i], print->o->step))
			put_operation(print, p, &p->operations[i]);
	provider_free(p);
}

/* Reads all files before it checks the first. */
static void
check(struct print *print, char **operands)
{
	size_t n = 0;
	struct buf *texts;
	struct err e;

	if (print->o->against != NULL || print->o->create != NULL) {
		check_against(print, operands);
		return;
	}
	while (operands[n] != NULL)
		n++;
	if (n == 0)
		opt_misuse(&usage,
		    "check takes the files of descriptions; try av-provider check NAME.json");
	texts = mem_new(n, sizeof *texts);
	for (size_t i = 0; i < n; i++) {
		buf_init(&texts[i], PROVIDER_FILE_MAX);
		if (file_read(operands[i], &texts[i], &e) < 0)
			die(EX_NOINPUT, "%s", e.message);
	}
	for (size_t i = 0; i < n; i++) {
		struct provider *p =
		    provider_load_text(texts[i].data, texts[i].len, operands[i], &e);
		if (p != NULL)
			p->file = mem_str(operands[i]);
		if (p == NULL || provider_guard_names(p, &e) < 0) {
			warn("%s", e.message);
			print->status = EX_DATAERR;
		}
		provider_free(p);
		buf_release(&texts[i]);
	}
	free(texts);
}

static void
schema(struct print *print, char **operands)
{
	const char *name = operands[0] != NULL ? operands[0] : "provider";
	const struct builtin_file *f = builtin_find("schema", name);

	if (f == NULL || (operands[0] != NULL && operands[1] != NULL))
		opt_misuse(&usage,
		    "the schemas are provider, record and report; try av-provider schema "
		    "record");
	buf_add(&print->out, f->data, f->len);
}

static const struct {
	const char *name;
	void (*run)(struct print *print, char **operands);
} commands[] = {
    {"list", list},
    {"show", show},
    {"kinds", kinds},
    {"options", options},
    {"operations", operations},
    {"compare", compare},
    {"check", check},
    {"stale", stale},
    {"schema", schema},
};

int
main(int argc, char *argv[])
{
	struct options o = {0};
	char **operands = argv + opt_parse(argc, argv, &usage, table, &o);
	struct print print = {.o = &o};
	size_t i = 0, n = sizeof commands / sizeof *commands;
	struct similar similar = {0};

	if (*operands == NULL)
		opt_misuse(&usage, "no command is given; try av-provider list");
	similar.word = *operands;
	for (; i < n && strcmp(commands[i].name, *operands) != 0; i++)
		similar_try(&similar, commands[i].name);
	if (i == n)
		opt_misuse(&usage, "no such command: %s%s", *operands,
		    similar.hint[0] != '\0' ? similar.hint : "; try av-provider list");
	buf_add(&print.out, "", 0);
	commands[i].run(&print, operands + 1);
	if (fwrite(print.out.data, 1, print.out.len, stdout) != print.out.len ||
	    fflush(stdout) != 0 || fclose(stdout) != 0)
		die(EX_IOERR, "cannot write the output: %s; %s", strerror(errno),
		    err_after_write(errno));
	buf_release(&print.out);
	return print.status;
}
