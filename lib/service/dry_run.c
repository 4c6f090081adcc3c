#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/units.h"
#include "ledger/entries.h"
#include "service/dry_run.h"
#include "json/json.h"

/* An answer that takes so long is the example where the ledger has none. */
#define EXAMPLE_S 2.0

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

/* The requests of one operation. */
struct dry_run_count {
	const struct account *account;
	const struct operation *op;
	struct account_pace pace;
	size_t n;
};

enum bottleneck { NOT_KNOWN, PACE, ANSWER, MACHINE };

/* Requests that share a pace of an account. */
struct load {
	const struct account *account;
	struct account_pace pace;
	size_t requests;
	bool takes_turns;
	size_t answers; /* that the ledger has */
	/* Requests of the operations that it has answers of, and their sum. */
	size_t timed;
	double timed_seconds;
	double answer; /* seconds; 0: not known */
	size_t in_flight;
	/* Seconds that one worker takes, if only the pace, the answers or the machine
	 * bounds it. */
	double by_pace, by_answer, by_machine;
	double seconds; /* with the workers that are of use; 0: not known */
	size_t workers; /* 0: no limit is known */
	enum bottleneck bottleneck;
};

void
dry_run_release(struct dry_run *run)
{
	free(run->costs);
	free(run->counts);
	*run = (struct dry_run){0};
}

void
dry_run_check_begins(struct dry_run *run)
{
	if (run->checking++ == 0)
		run->checking_since = clock_monotonic_ms();
}

void
dry_run_check_ends(struct dry_run *run)
{
	run->checked++;
	if (--run->checking == 0)
		run->checking_ms += clock_monotonic_ms() - run->checking_since;
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

/* Counts a request. Borrowed until the next one. */
static const struct dry_run_count *
count(struct dry_run *run, const struct account *a, const struct operation *op)
{
	struct dry_run_count *c;
	size_t i = 0;

	while (
	    i < run->ncounts && (run->counts[i].account != a || run->counts[i].op != op))
		i++;
	if (i == run->ncounts) {
		run->counts =
		    mem_resize(run->counts, ++run->ncounts * sizeof *run->counts);
		run->counts[i] = (struct dry_run_count){
		    .account = a, .op = op, .pace = account_pace(a, op->pace)};
	}
	c = &run->counts[i];
	c->n++;
	return c;
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

static struct json_object *
pace_of(const struct account_pace *pace)
{
	struct json_object *o = json_new_object();

	json_put_str(o, "class", pace->pace->of);
	json_put_num(o, "rate", pace->rate);
	if (pace->pace->burst > 1)
		json_put_num(o, "burst", pace->pace->burst);
	return o;
}

struct json_object *
dry_run_add(struct dry_run *run, const struct account *a, const struct operation *op,
    double amount, const struct ledger_answer *answer, bool step)
{
	enum ledger_verdict verdict = answer != NULL ? answer->verdict : LEDGER_YOURS;
	struct json_object *entry = json_new_object(), *cost = json_at(op->def, "/cost");
	const struct provider *p = a->provider;
	const struct dry_run_count *c;

	json_put_str(entry, "operation", op->name);
	json_put_bool(entry, "already_made", verdict == LEDGER_MADE);
	if (verdict == LEDGER_MADE) {
		run->made += !step;
		if (answer->id != NULL && *answer->id != '\0')
			json_put_str(entry, "id", answer->id);
		return entry;
	}
	if (verdict == LEDGER_YOURS) {
		run->create += !step;
		c = count(run, a, op);
		if (c->pace.rate > 0)
			json_put(entry, "pace", pace_of(&c->pace));
		if (p->max_avatars > 0 && strcmp(op->name, "create") == 0)
			add_cost(run, p, AVATARS, 1);
	} else {
		run->unknown += !step;
		json_put_bool(entry, "unknown", true);
	}
	if (cost == NULL)
		return entry;
	json_put(entry, "cost", cost_of(cost, amount));
	if (verdict == LEDGER_YOURS)
		add_cost(run, p, op->unit, amount);
	return entry;
}

/* How long an answer to these requests takes, in seconds. Returns how many the ledger knows. */
static size_t
answer_time(struct ledger *ledger, const struct dry_run_count *count, double *seconds)
{
	const struct account *a = count->account;
	const struct ledger_key where = {.operation = count->op->name,
	    .provider = a->provider->name,
	    .base = a->base_url,
	    .account = a->label};
	int64_t ms = 0;
	struct err e;
	int n = ledger != NULL ? ledger_answer_time(ledger, &where, &ms, &e) : 0;

	if (n < 0)
		warn("how fast the service answers is not known: %s", e.message);
	*seconds = (double)ms / 1000;
	return n > 0 ? (size_t)n : 0;
}

static void
add_requests(struct load *l, const struct dry_run_count *count, struct ledger *ledger)
{
	double seconds;
	size_t answers = answer_time(ledger, count, &seconds);

	l->requests += count->n;
	l->takes_turns = l->takes_turns || account_takes_turns(l->account, count->op);
	if (answers == 0)
		return;
	l->answers += answers;
	l->timed += count->n;
	l->timed_seconds += seconds * (double)count->n;
}

/* Sets how long it takes, by what, and how many workers are of use. */
static void
measure(const struct dry_run *run, struct load *l)
{
	double n = (double)l->requests, rate = l->pace.rate, slots, alone, useful;
	double over = n - l->pace.pace->burst;

	/* Operations that the ledger does not have are taken to be as fast. */
	l->answer = l->timed > 0 ? l->timed_seconds / (double)l->timed : 0;
	l->in_flight = l->takes_turns ? 1 : run->in_flight;
	slots = (double)l->in_flight;
	l->by_pace = rate > 0 && over > 0 ? over / rate : 0;
	l->by_answer = n * l->answer / slots;
	l->by_machine = (double)run->checking_ms / 1000;
	alone = fmax(l->by_answer, l->by_machine); /* what more workers would share */
	if (alone > l->by_pace)
		l->bottleneck = l->by_machine > l->by_answer ? MACHINE : ANSWER;
	else
		l->bottleneck = rate > 0 ? PACE : NOT_KNOWN;
	if (rate <= 0 && l->answer <= 0)
		l->bottleneck = NOT_KNOWN;
	if (l->takes_turns || n <= slots)
		l->workers = 1;
	else if (rate > 0 && l->answer > 0) {
		useful = fmin(ceil(rate * alone / n), ceil(n / slots));
		l->workers = useful > 1 ? (size_t)useful : 1;
	}
	l->seconds = fmax(l->by_pace, alone / (l->workers > 1 ? (double)l->workers : 1));
}

/* The loads of a plan, which the caller frees. */
static struct load *
loads_new(const struct dry_run *run, struct ledger *ledger, size_t *n)
{
	struct load *loads = mem_new(run->ncounts + 1, sizeof *loads);

	*n = 0;
	for (size_t i = 0; i < run->ncounts; i++) {
		const struct dry_run_count *c = &run->counts[i];
		struct load *l = loads;

		while (l < loads + *n &&
		       (l->account != c->account || l->pace.pace != c->pace.pace))
			l++;
		if (l == loads + *n) {
			*l = (struct load){.account = c->account, .pace = c->pace};
			++*n;
		}
		add_requests(l, c, ledger);
	}
	for (size_t i = 0; i < *n; i++)
		measure(run, &loads[i]);
	return loads;
}

static void
write_number(struct buf *text, double n)
{
	buf_printf(text, n < 100 ? "%.3g" : "%.0f", n);
}

static void
write_seconds(struct buf *text, double seconds)
{
	units_write_ms(text, (int64_t)(seconds * 1000 + 0.5));
}

static void
tell_requests(const struct load *l)
{
	const char *whose = l->pace.given ? "the given" : "its documented";
	struct buf text = {0};

	buf_printf(&text, "%s: %zu request%s", l->account->provider->title, l->requests,
	    l->requests == 1 ? "" : "s");
	if (l->pace.rate <= 0)
		buf_str(&text, "; no pace is documented");
	else if (l->by_pace < 1)
		buf_printf(&text, "; %s pace is ", whose);
	else
		buf_printf(&text, " at %s pace of ", whose);
	if (l->pace.rate > 0) {
		write_number(&text, l->pace.rate);
		buf_str(&text, " a second");
	}
	if (l->by_pace >= 1) {
		buf_str(&text, " take ");
		write_seconds(&text, l->by_pace);
		buf_str(&text, " at least");
	}
	warn("%s", text.data);
	buf_release(&text);
}

/* How many a worker sends, at the answer time of the ledger or, if it has none, at examples. */
static void
write_answer(struct buf *text, const struct load *l)
{
	double slots = (double)l->in_flight, rate = l->pace.rate;

	if (l->answer > 0) {
		buf_str(text, "an answer takes ");
		write_seconds(text, l->answer);
		buf_printf(text,
		    " (the median of %zu in the ledger), so a worker with %zu in flight sends ",
		    l->answers, l->in_flight);
		write_number(text, slots / l->answer);
		buf_str(text, " a second");
		return;
	}
	buf_str(text, "the ledger does not tell yet how long an answer takes: ");
	if (rate > 0 && !l->takes_turns) {
		buf_str(text, "up to ");
		write_seconds(text, slots / rate);
		buf_printf(text, ", 1 worker with %zu in flight reaches the pace; at ",
		    l->in_flight);
		write_seconds(text, 5 * slots / rate);
		buf_str(text, ", 5 are of use");
		return;
	}
	buf_str(text, "at ");
	write_seconds(text, EXAMPLE_S);
	buf_printf(text, ", a worker with %zu in flight sends ", l->in_flight);
	write_number(text, slots / EXAMPLE_S);
	buf_str(text, " a second, and takes ");
	write_seconds(text, (double)l->requests * EXAMPLE_S / slots);
}

static void
tell_bottleneck(const struct dry_run *run, const struct load *l)
{
	static const char *const names[] = {[PACE] = "the pace",
	    [ANSWER] = "that answer time",
	    [MACHINE] = "this machine"};
	struct buf text = {0};

	write_answer(&text, l);
	if (l->bottleneck == MACHINE || (l->bottleneck != NOT_KNOWN && l->answer > 0)) {
		buf_printf(&text, "; the bottleneck is %s", names[l->bottleneck]);
		if (l->bottleneck == MACHINE) {
			buf_str(&text, ", which checks ");
			write_number(&text, (double)run->checked / l->by_machine);
			buf_str(&text, " photos a second");
		}
	}
	if (l->workers > 0)
		buf_printf(&text, "; %zu %s of use, more do not help", l->workers,
		    l->workers == 1 ? "worker is" : "workers are");
	else if (l->pace.rate <= 0)
		buf_str(&text, "; more workers help until the service asks to wait");
	warn("%s: %s", l->account->provider->title, text.data);
	buf_release(&text);
}

static void
tell_sums(const struct dry_run *run, size_t failed)
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
}

static void
tell_limits(const struct dry_run *run)
{
	for (size_t i = 0; i < run->ncosts; i++) {
		const struct dry_run_cost *c = &run->costs[i];
		int64_t max = c->provider->max_avatars;

		if (strcmp(c->unit, AVATARS) == 0 && (int64_t)c->n > max)
			warn(
			    "%s: an account holds at most %jd avatars, and this would make %zu",
			    c->provider->title, (intmax_t)max, c->n);
	}
}

void
dry_run_report(const struct dry_run *run, struct ledger *ledger, size_t failed)
{
	size_t n;
	struct load *loads = loads_new(run, ledger, &n);

	tell_sums(run, failed);
	for (size_t i = 0; i < n; i++) {
		tell_requests(&loads[i]);
		if (loads[i].requests > loads[i].in_flight)
			tell_bottleneck(run, &loads[i]);
	}
	free(loads);
	tell_limits(run);
}

static struct json_object *
costs_json(const struct dry_run *run)
{
	struct json_object *all = json_new_array();

	for (size_t i = 0; i < run->ncosts; i++) {
		const struct dry_run_cost *c = &run->costs[i];
		struct json_object *o;

		if (strcmp(c->unit, AVATARS) == 0)
			continue;
		o = json_new_object();
		json_put_str(o, "provider", c->provider->name);
		json_put_num(o, "amount", c->amount);
		json_put_str(o, "unit", c->unit);
		json_put_int(o, "requests", (int64_t)c->n);
		json_append(all, o);
	}
	return all;
}

static struct json_object *
load_json(const struct load *l)
{
	static const char *const names[] = {
	    [PACE] = "pace", [ANSWER] = "answer", [MACHINE] = "machine"};
	struct json_object *o = json_new_object();

	json_put_str(o, "provider", l->account->provider->name);
	json_put_str(o, "account", l->account->label);
	json_put_str(o, "class", l->pace.pace->of);
	json_put_int(o, "requests", (int64_t)l->requests);
	if (l->pace.rate > 0) {
		json_put_num(o, "pace", l->pace.rate);
		json_put_bool(o, "documented", !l->pace.given);
	}
	if (l->answer > 0) {
		json_put_num(o, "answer_seconds", l->answer);
		json_put_int(o, "answers", (int64_t)l->answers);
	}
	json_put_int(o, "in_flight", (int64_t)l->in_flight);
	if (l->account->provider->max_avatars > 0)
		json_put_int(o, "max_avatars", l->account->provider->max_avatars);
	json_put_num(o, "seconds", l->seconds);
	json_put_str(o, "bottleneck", names[l->bottleneck]);
	if (l->workers > 0)
		json_put_int(o, "workers", (int64_t)l->workers);
	return o;
}

struct json_object *
dry_run_json(const struct dry_run *run, struct ledger *ledger, size_t failed)
{
	struct json_object *o = json_new_object(), *list = json_new_array();
	size_t n;
	struct load *loads = loads_new(run, ledger, &n);

	json_put_int(o, "create", (int64_t)run->create);
	json_put_int(o, "already_made", (int64_t)run->made);
	json_put_int(o, "unknown", (int64_t)run->unknown);
	json_put_int(o, "free", (int64_t)run->free);
	json_put_int(o, "refused", (int64_t)run->refused);
	json_put_int(o, "failed", (int64_t)failed);
	json_put(o, "costs", costs_json(run));
	json_put_int(o, "photos_checked", (int64_t)run->checked);
	json_put_num(o, "checking_seconds", (double)run->checking_ms / 1000);
	for (size_t i = 0; i < n; i++)
		json_append(list, load_json(&loads[i]));
	free(loads);
	json_put(o, "loads", list);
	return o;
}
