/* compare: what services take, cost and return, side by side. */
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/err.h"
#include "base/mem.h"
#include "grid.h"
#include "provider/target.h"
#include "provider/template.h"
#include "tool.h"

/* Which findings a photo would have, from av-validate: provider -> record. */
static struct json_object *
validate(const char *photo, const char *names)
{
	char *file = *photo == '{' ? mem_printf("./%s", photo) : mem_str(photo);
	char *list = mem_str(names);
	char *const argv[] = {"av-validate", "-k", "-q", "-p", list, "--", file, NULL};
	struct json_object *records = json_new_object(), *record;
	struct buf out = {0};
	int status = run_beside(argv, &out);
	char *rest = out.data, *line;
	struct err e;

	if (status != 0 && status != EX_DATAERR && status != EX_TEMPFAIL)
		die(status, "av-validate cannot check '%s'", photo);
	while ((line = strsep(&rest, "\n")) != NULL && *line != '\0') {
		record = json_parse(line, strlen(line), &e);
		if (record == NULL)
			die(EX_SOFTWARE, "av-validate printed no record: %s", e.message);
		if (json_str(record, "/provider") == NULL) /* the name is not UTF-8 */
			die(EX_DATAERR, "av-validate cannot check '%s': %s", photo,
			    json_str(record, "/error/message"));
		json_put(records, json_str(record, "/provider"), record);
	}
	buf_release(&out);
	free(file);
	free(list);
	return records;
}

/* The record's findings as `photo`; NULL without a record. */
static struct json_object *
photo_of(struct json_object *record)
{
	struct json_object *o, *error = json_member(record, "error");
	struct json_object *list = json_has(error, "/problems")
	                               ? json_at(error, "/problems")
	                               : json_at(record, "/image/warnings");

	if (record == NULL)
		return NULL;
	o = json_new_object();
	json_put(o, "file", json_object_get(json_member(record, "file")));
	json_put_bool(o, "refused", error != NULL);
	if (list == NULL && error != NULL)
		json_put(o, "error", json_object_get(error)); /* not even read */
	json_put(o, "findings", list != NULL ? json_object_get(list) : json_new_array());
	return o;
}

/* What a lost response to the operation is told by: the words of its lookup. */
static struct json_object *
evidence_of(const struct operation *op)
{
	struct json_object *lookup = json_at(op->def, "/lookup"),
	                   *list = json_new_array();
	struct json_object *names = json_new_object();
	bool size = false;

	if (json_has(lookup, "/tag"))
		json_append(list, json_new_string("tag"));
	template_names(json_member(lookup, "match"), names);
	json_object_object_foreach(names, name, ignored)
	{
		(void)ignored;
		if (strncmp(name, "image.", 6) != 0)
			json_append(list, json_new_string(name));
		else if (!size)
			json_append(list, json_new_string("size"));
		size = size || strncmp(name, "image.", 6) == 0;
	}
	json_object_put(names);
	if (json_has(lookup, "/created_at") || json_has(lookup, "/updated_at"))
		json_append(list, json_new_string("time"));
	if (json_has(lookup, "/picture"))
		json_append(list, json_new_string("picture"));
	if (json_has(lookup, "/started"))
		json_append(list, json_new_string("state"));
	return list;
}

/* How an unknown outcome of create is settled. */
static struct json_object *
unknown_of(const struct operation *create)
{
	struct json_object *o = json_new_object();
	const char *in = json_str(create->def, "/lookup/operation");
	int64_t life = json_int(create->def, "/idempotency/life_s", 0);

	json_put_str(o, "by", life > 0 ? "key" : in != NULL ? "lookup" : "you");
	if (life > 0)
		json_put_int(o, "key_life_s", life);
	json_put_str(o, "operation", in);
	if (in != NULL)
		json_put(o, "evidence", evidence_of(create));
	json_put_bool(o, "exclusive", json_flag(create->def, "/lookup/exclusive", false));
	return o;
}

static struct json_object *
cost_of(const struct operation *op)
{
	struct json_object *o = json_new_object();

	json_put_str(o, "operation", op->name);
	json_put_bool(o, "priced", json_has(op->def, "/cost"));
	json_put_num(o, "amount", op->cost);
	json_put_str(o, "unit", op->unit);
	json_put_str(o, "by", op->cost_option);
	json_put(o, "amounts", json_object_get(json_at(op->def, "/cost/amounts")));
	return o;
}

static struct json_object *
kind_of(const struct provider *p, const struct kind *k)
{
	struct json_object *o = json_new_object(), *costs = json_new_array();

	json_put_str(o, "kind", k->name);
	json_put_bool(
	    o, "default", json_lists(json_at(p->def, "/default_kinds"), k->name));
	json_put(o, "types", json_object_get(k->types));
	json_put_str(o, "of", json_str(k->def, "/of"));
	for (size_t i = 0; i < k->starts; i++)
		if (k->start[i] != NULL && !k->start[i]->repeatable)
			json_append(costs, cost_of(k->start[i]));
	json_put(o, "costs", costs);
	return o;
}

static struct json_object *
facts_of(const struct provider *p, struct json_object *records)
{
	const struct operation *create = provider_operation(p, "create");
	struct json_object *o = json_new_object(), *kinds = json_new_array();

	json_put_str(o, "name", p->name);
	json_put_str(o, "title", p->title);
	json_put(o, "experimental", json_object_get(json_at(p->def, "/experimental")));
	json_put(o, "image", json_object_get(json_at(p->def, "/image")));
	json_put(o, "name_length", json_object_get(json_at(p->def, "/name_length")));
	json_put(o, "create", cost_of(create));
	for (size_t i = 0; i < p->n_kinds; i++)
		json_append(kinds, kind_of(p, &p->kinds[i]));
	json_put(o, "kinds", kinds);
	json_put(o, "unknown", unknown_of(create));
	json_put_bool(o, "deletes", target_delete(p, NULL) != NULL);
	json_put_bool(o, "events", json_has(p->def, "/events"));
	json_put(o, "photo", photo_of(json_member(records, p->name)));
	return o;
}

/* Text of the tables, from the facts. Each is for the grid to free. */

/* The elements of a list, with a gap between; `any` if there is none. */
static char *
words(struct json_object *list, const char *prefix, const char *gap, const char *any)
{
	struct buf b = {0};

	for (size_t i = 0; i < json_len(list); i++) {
		const char *word = json_item_str(list, i);

		if (word != NULL && strncmp(word, prefix, strlen(prefix)) == 0)
			word += strlen(prefix);
		buf_printf(&b, "%s%s", i > 0 ? gap : "", word != NULL ? word : "?");
	}
	return b.len > 0 ? buf_take(&b) : mem_str(any);
}

/* A limit is rounded down. */
static char *
bytes_text(struct json_object *image)
{
	int64_t max = json_int(image, "/max_bytes", 0);

	if (max >= 1000000)
		max -= max % 100000;
	return max == 0 ? mem_str("any") : mem_printf("%.4g MB", (double)max / 1e6);
}

static char *
pixels_text(struct json_object *image)
{
	int64_t min = json_int(image, "/min/0", 0), max = json_int(image, "/max/0", 0),
	        pixels = json_int(image, "/max_pixels", 0);
	struct buf b = {0};

	if (min > 0)
		buf_printf(&b, "%s%dx%d", max > 0 ? "" : "from ", (int)min,
		    (int)json_int(image, "/min/1", 0));
	if (max > 0)
		buf_printf(&b, "%s%dx%d", min > 0 ? "-" : "to ", (int)max,
		    (int)json_int(image, "/max/1", 0));
	if (pixels > 0 && max == 0)
		buf_printf(
		    &b, "%sto %.3g MP", b.len > 0 ? " " : "", (double)pixels / 1e6);
	return b.len > 0 ? buf_take(&b) : mem_str("any");
}

/* Widens a range by the amounts for the values of an option. */
static void
range_of(struct json_object *amounts, double *min, double *max)
{
	if (amounts == NULL)
		return;
	json_object_object_foreach(amounts, value, amount)
	{
		double n = json_object_get_double(amount);

		(void)value;
		*min = n < *min ? n : *min;
		*max = n > *max ? n : *max;
	}
}

static void
add_cost(struct buf *b, struct json_object *cost)
{
	double amount = json_num(cost, "/amount", 0), min = amount, max = amount;
	const char *by = json_str(cost, "/by");

	range_of(json_member(cost, "amounts"), &min, &max);
	if (max <= 0 && !json_flag(cost, "/priced", false))
		return;
	buf_printf(b, "%s%g", b->len > 0 ? " + " : "", min);
	if (max > min)
		buf_printf(b, "-%g", max);
	buf_printf(b, " %s", json_str(cost, "/unit"));
	if (max > min)
		buf_printf(b, " by %s", by);
}

static char *
create_text(struct json_object *facts)
{
	struct json_object *cost = json_member(facts, "create");
	struct buf b = {0};

	if (!json_flag(cost, "/priced", false))
		return mem_str("no price known");
	add_cost(&b, cost);
	return buf_take(&b);
}

static char *
unknown_text(struct json_object *facts)
{
	struct json_object *unknown = json_member(facts, "unknown");
	int64_t life = json_int(unknown, "/key_life_s", 0);
	char *evidence, *text;

	if (life > 0)
		return mem_printf("its key, for %g h", (double)life / 3600);
	if (json_str(unknown, "/operation") == NULL)
		return mem_str("you, with av-ledger settle");
	evidence = words(json_member(unknown, "evidence"), "", ", ", "?");
	text = mem_printf("list: %s%s", evidence,
	    json_flag(unknown, "/exclusive", false) ? "; exclusive account" : "");
	free(evidence);
	return text;
}

static char *
kinds_text(struct json_object *facts)
{
	struct json_object *kinds = json_member(facts, "kinds");
	struct buf all = {0};

	for (size_t i = 0; i < json_len(kinds); i++) {
		struct json_object *kind = json_item(kinds, i),
		                   *costs = json_member(kind, "costs");
		struct buf cost = {0};

		const char *of = json_str(kind, "/of");

		for (size_t n = 0; of == NULL && n < json_len(costs); n++)
			add_cost(&cost, json_item(costs, n));
		if (of != NULL)
			buf_printf(&cost, "with %s", of);
		buf_printf(&all, "%s%s%s", i > 0 ? ", " : "", json_str(kind, "/kind"),
		    json_flag(kind, "/default", false) ? "*" : "");
		if (cost.len > 0)
			buf_printf(&all, " (%s)", cost.data);
		buf_release(&cost);
	}
	return all.len > 0 ? buf_take(&all) : mem_str("none");
}

static char *
photo_text(struct json_object *facts)
{
	struct json_object *photo = json_member(facts, "photo"),
	                   *list = json_member(photo, "findings");
	struct buf b = {0};

	if (!json_flag(photo, "/refused", false))
		buf_str(&b, "accepted");
	else if (json_str(photo, "/error/message") != NULL)
		buf_str(&b, json_str(photo, "/error/message"));
	for (size_t i = 0; i < json_len(list); i++)
		buf_printf(&b, "%s%s: %s", b.len > 0 ? "; " : "",
		    json_str(json_item(list, i), "/severity"),
		    json_str(json_item(list, i), "/message"));
	return buf_take(&b);
}

/* The shapes that are taken, or else the best ones. */
static char *
shapes_text(struct json_object *image)
{
	struct json_object *best = json_at(image, "/advice/aspects");
	char *list, *text;

	if (json_has(image, "/aspects") || best == NULL)
		return words(json_member(image, "aspects"), "", " ", "any");
	list = words(best, "", " ", "any");
	text = mem_printf("best %s", list);
	free(list);
	return text;
}

static void
add_head(struct grid *g, const char *const *heads)
{
	for (g->columns = 0; heads[g->columns] != NULL; g->columns++)
		grid_add(g, mem_str(heads[g->columns]));
}

static void
add_photo(struct grid *g, struct json_object *facts)
{
	struct json_object *image = json_member(facts, "image");

	grid_add(g, words(json_member(image, "types"), "image/", " ", "any"));
	grid_add(g, bytes_text(image));
	grid_add(g, pixels_text(image));
	grid_add(g, shapes_text(image));
	grid_add(g, mem_str(json_has(image, "/url") ? "yes" : "no"));
}

static void
add_paying(struct grid *g, struct json_object *facts)
{
	grid_add(g, create_text(facts));
	grid_add(g, mem_str(json_flag(facts, "/deletes", false) ? "yes" : "no"));
	grid_add(g, mem_str(json_flag(facts, "/events", false) ? "yes" : "no"));
	grid_add(g, unknown_text(facts));
}

static void
add_kinds(struct grid *g, struct json_object *facts)
{
	grid_add(g, kinds_text(facts));
}

static void
add_findings(struct grid *g, struct json_object *facts)
{
	grid_add(g, photo_text(facts));
}

/* The tables, one below the other: each fits a terminal. */
static const struct {
	const char *heads[GRID_COLUMNS + 1];
	void (*add)(struct grid *g, struct json_object *facts);
} tables[] = {
    {{"SERVICE", "TYPES", "BYTES", "PIXELS", "SHAPES", "URL"}, add_photo},
    {{"SERVICE", "AN AVATAR COSTS", "DELETES", "EVENTS", "A LOST RESPONSE IS SETTLED BY"},
        add_paying},
    {{"SERVICE", "RENDERINGS (* BY DEFAULT)"}, add_kinds},
    {{"SERVICE", "THIS PHOTO"}, add_findings},
};

static void
put_tables(struct buf *out, struct json_object *all, bool photo)
{
	size_t n = sizeof tables / sizeof *tables - (photo ? 0 : 1);

	for (size_t t = 0; t < n; t++) {
		struct grid g = {0};

		if (t > 0)
			buf_chr(out, '\n');
		add_head(&g, tables[t].heads);
		for (size_t i = 0; i < json_len(all); i++) {
			struct json_object *facts = json_item(all, i);

			grid_add(&g, mem_printf("%s%s", json_str(facts, "/name"),
			                 json_has(facts, "/experimental") ? "?" : ""));
			tables[t].add(&g, facts);
		}
		grid_put(&g, out);
	}
}

static void
add_name(struct print *p, const struct provider *provider, void *arg)
{
	struct buf *names = arg;

	(void)p;
	buf_printf(names, "%s%s", names->len > 0 ? "," : "", provider->name);
}

struct comparing {
	struct json_object *all, *records;
};

static void
add_facts(struct print *p, const struct provider *provider, void *arg)
{
	struct comparing *c = arg;

	(void)p;
	json_append(c->all, facts_of(provider, c->records));
}

void
compare(struct print *p, char **operands)
{
	struct comparing c = {.all = json_new_array()};
	struct buf names = {0};
	bool experimental = false;

	if (p->o->photo != NULL) {
		each_provider(p, operands, add_name, &names);
		if (names.len > 0)
			c.records = validate(p->o->photo, names.data);
		p->status = 0; /* what cannot be used is reported again */
	}
	buf_release(&names);
	each_provider(p, operands, add_facts, &c);
	for (size_t i = 0; i < json_len(c.all); i++) {
		experimental =
		    experimental || json_has(json_item(c.all, i), "/experimental");
		if (p->o->json)
			put_line(p, json_object_get(json_item(c.all, i)));
	}
	if (!p->o->json && json_len(c.all) > 0) {
		put_tables(&p->out, c.all, p->o->photo != NULL);
		if (experimental)
			buf_str(
			    &p->out, "\n? experimental: the sources leave parts open\n");
	}
	json_object_put(c.all);
	json_object_put(c.records);
}
