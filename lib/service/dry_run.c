#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "service/dry_run.h"
#include "json/json.h"

/* The cost at one provider. With `per`, it depends on the size of the result. */
struct dry_run_cost {
	const struct provider *provider;
	char *per; /* "minute", or NULL */
	double credits;
	size_t n;
};

void
dry_run_release(struct dry_run *run)
{
	for (size_t i = 0; i < run->ncosts; i++)
		free(run->costs[i].per);
	free(run->costs);
	*run = (struct dry_run){0};
}

static struct dry_run_cost *
cost_of(struct dry_run *run, const struct provider *p, const char *per)
{
	struct dry_run_cost *c;

	for (size_t i = 0; i < run->ncosts; i++) {
		c = &run->costs[i];
		if (c->provider == p && (c->per == NULL) == (per == NULL) &&
		    (per == NULL || strcmp(c->per, per) == 0))
			return c;
	}
	run->costs = mem_resize(run->costs, (run->ncosts + 1) * sizeof *run->costs);
	c = &run->costs[run->ncosts++];
	*c = (struct dry_run_cost){.provider = p, .per = mem_str(per)};
	return c;
}

static void
add_cost(struct dry_run *run, const struct provider *p, struct json_object *cost)
{
	struct dry_run_cost *c = cost_of(run, p, json_str(cost, "/per"));
	double credits = json_num(cost, "/credits", 0);

	c->credits = c->per == NULL ? c->credits + credits : credits;
	c->n++;
}

struct json_object *
dry_run_add(struct dry_run *run, const struct provider *p, const struct operation *op,
    const struct ledger_answer *answer)
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
	if (verdict == LEDGER_YOURS)
		run->create++;
	else {
		run->unknown++;
		json_put_bool(entry, "unknown", true);
	}
	if (cost == NULL)
		return entry;
	json_put(entry, "cost", json_copy(cost));
	if (verdict == LEDGER_YOURS)
		add_cost(run, p, cost);
	return entry;
}

void
dry_run_report(const struct dry_run *run, size_t failed)
{
	struct buf costs = {0}, before = {0};

	for (size_t i = 0; i < run->ncosts; i++) {
		const struct dry_run_cost *c = &run->costs[i];

		buf_printf(&costs, "; %s: %.15g credits", c->provider->title, c->credits);
		if (c->per != NULL)
			buf_printf(&costs, " a %s for each of %zu", c->per, c->n);
	}
	if (failed > run->refused)
		buf_printf(&before, ", %zu failed before", failed - run->refused);
	warn("%zu to create, %zu already made, %zu unknown, %zu refused%s%s", run->create,
	    run->made, run->unknown, run->refused, before.data != NULL ? before.data : "",
	    costs.data != NULL ? costs.data : "");
	buf_release(&before);
	buf_release(&costs);
}
