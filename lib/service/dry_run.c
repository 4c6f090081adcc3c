#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "service/dry_run.h"
#include "json/json.h"

/* The cost at one provider. With `per`, it depends on the size of the result. */
struct dry_run_cost {
	const struct provider *provider;
	const char *per; /* "minute", or "" */
	double credits;
	size_t n;
};

void
dry_run_release(struct dry_run *run)
{
	free(run->costs);
	*run = (struct dry_run){0};
}

static void
add_cost(struct dry_run *run, const struct provider *p, struct json_object *cost)
{
	const char *per = json_str(cost, "/per");
	double credits = json_num(cost, "/credits", 0);
	struct dry_run_cost *c;
	size_t i = 0;

	if (per == NULL)
		per = "";
	while (i < run->ncosts &&
	       (run->costs[i].provider != p || strcmp(run->costs[i].per, per) != 0))
		i++;
	if (i == run->ncosts) {
		run->costs = mem_resize(run->costs, ++run->ncosts * sizeof *run->costs);
		run->costs[i] = (struct dry_run_cost){.provider = p, .per = per};
	}
	c = &run->costs[i];
	c->credits = *per == '\0' ? c->credits + credits : credits;
	c->n++;
}

/* The price alone, without the description's notes. */
static struct json_object *
cost_of(struct json_object *cost)
{
	struct json_object *o = json_new_object();

	json_put(o, "credits", json_copy(json_member(cost, "credits")));
	json_put_str(o, "per", json_str(cost, "/per"));
	return o;
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
	if (verdict == LEDGER_YOURS) {
		run->create++;
	} else {
		run->unknown++;
		json_put_bool(entry, "unknown", true);
	}
	if (cost == NULL)
		return entry;
	json_put(entry, "cost", cost_of(cost));
	if (verdict == LEDGER_YOURS)
		add_cost(run, p, cost);
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

		buf_printf(&text, "; %s: %.15g credits", c->provider->title, c->credits);
		if (*c->per != '\0')
			buf_printf(&text, " a %s for each of %zu", c->per, c->n);
	}
	warn("%s", text.data);
	buf_release(&text);
}
