#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "service/dry_run.h"
#include "json/json.h"

/* The cost at one provider, in one unit. A unit such as "credits/minute" depends on the size
 * of the result: then it is the amount of each. */
struct dry_run_cost {
	const struct provider *provider;
	const char *unit;
	double amount;
	size_t n;
};

/* The unit that counts avatars where an account has a limit of them. */
#define AVATARS ""

/* Requests that share a pace of a provider. */
struct dry_run_load {
	const struct provider *provider;
	const struct provider_pace *pace;
	size_t n;
};

void
dry_run_release(struct dry_run *run)
{
	free(run->costs);
	free(run->loads);
	*run = (struct dry_run){0};
}

static void
add_cost(struct dry_run *run, const struct provider *p, const char *unit, double amount)
{
	bool each = strchr(unit, '/') != NULL;
	struct dry_run_cost *c;
	size_t i = 0;

	for (; i < run->ncosts; i++) {
		c = &run->costs[i];
		if (c->provider == p && strcmp(c->unit, unit) == 0 &&
		    (!each || !(c->amount < amount || c->amount > amount)))
			break;
	}
	if (i == run->ncosts) {
		run->costs = mem_resize(run->costs, ++run->ncosts * sizeof *run->costs);
		run->costs[i] = (struct dry_run_cost){.provider = p, .unit = unit};
	}
	c = &run->costs[i];
	c->amount = each ? amount : c->amount + amount;
	c->n++;
}

/* Adds the requests of one order, with its steps. */
static void
add_load(struct dry_run *run, const struct provider *p, const struct operation *op)
{
	const struct provider_pace *pace = &p->paces[op->pace];
	size_t i = 0, requests = 1 + json_len(json_at(op->def, "/before")) +
	                         json_len(json_at(op->def, "/after"));

	while (i < run->nloads && run->loads[i].pace != pace)
		i++;
	if (i == run->nloads) {
		run->loads = mem_resize(run->loads, ++run->nloads * sizeof *run->loads);
		run->loads[i] = (struct dry_run_load){.provider = p, .pace = pace};
	}
	run->loads[i].n += requests;
}

/* Tells what takes a minute or more, however fast the service and the line are. */
static void
tell_times(const struct dry_run *run)
{
	for (size_t i = 0; i < run->nloads; i++) {
		const struct dry_run_load *load = &run->loads[i];
		double rate = load->pace->rate, minutes;

		if (rate <= 0)
			continue;
		minutes = ((double)load->n - load->pace->burst) / rate / 60;
		if (minutes >= 1)
			warn(
			    "%s: %zu requests at its documented pace of %.3g a second take %.0f minutes at least; more processes do not help",
			    load->provider->title, load->n, rate, minutes);
	}
}

/* The price alone, without the description's notes. */
static struct json_object *
cost_of(struct json_object *cost, double amount)
{
	struct json_object *o = json_new_object();
	const char *unit = json_str(cost, "/unit");

	json_put_num(o, unit != NULL ? "amount" : "credits", amount);
	json_put_str(o, "unit", unit);
	json_put_str(o, "per", json_str(cost, "/per"));
	return o;
}

struct json_object *
dry_run_add(struct dry_run *run, const struct provider *p, const struct operation *op,
    double amount, const struct ledger_answer *answer)
{
	enum ledger_verdict verdict = answer != NULL ? answer->verdict : LEDGER_YOURS;
	struct json_object *entry = json_new_object(), *cost = json_at(op->def, "/cost");

	json_put_str(entry, "operation", op->name);
	json_put_bool(entry, "already_made", verdict == LEDGER_MADE);
	if (verdict == LEDGER_MADE) {
		run->made++;
		if (answer->id != NULL && *answer->id != '\0')
			json_put_str(entry, "id", answer->id);
		return entry;
	}
	if (verdict == LEDGER_YOURS) {
		run->create++;
		add_load(run, p, op);
		if (p->max_avatars > 0 && strcmp(op->name, "create") == 0)
			add_cost(run, p, AVATARS, 1);
	} else {
		run->unknown++;
		json_put_bool(entry, "unknown", true);
	}
	if (cost == NULL)
		return entry;
	json_put(entry, "cost", cost_of(cost, amount));
	if (verdict == LEDGER_YOURS)
		add_cost(run, p, op->unit, amount);
	return entry;
}

void
dry_run_report(const struct dry_run *run, size_t failed)
{
	struct buf text = {0};

	if (run->free > 0)
		buf_printf(&text, "%zu to send, free; ", run->free);
	buf_printf(&text, "%zu to create, %zu already made, %zu unknown, %zu refused",
	    run->create, run->made, run->unknown, run->refused);
	if (failed > run->refused)
		buf_printf(&text, ", %zu failed before", failed - run->refused);
	for (size_t i = 0; i < run->ncosts; i++) {
		const struct dry_run_cost *c = &run->costs[i];

		int unit = (int)strcspn(c->unit, "/");

		if (strcmp(c->unit, AVATARS) == 0)
			continue;
		buf_printf(&text, "; %s: %.12g %.*s", c->provider->title, c->amount, unit,
		    c->unit);
		if (c->unit[unit] != '\0')
			buf_printf(
			    &text, " a %s for each of %zu", c->unit + unit + 1, c->n);
	}
	warn("%s", text.data);
	buf_release(&text);
	tell_times(run);
	for (size_t i = 0; i < run->ncosts; i++) {
		const struct dry_run_cost *c = &run->costs[i];
		int64_t max = c->provider->max_avatars;

		if (strcmp(c->unit, AVATARS) == 0 && (int64_t)c->n > max)
			warn(
			    "%s: an account holds at most %jd avatars, and this would make %zu",
			    c->provider->title, (intmax_t)max, c->n);
	}
}
