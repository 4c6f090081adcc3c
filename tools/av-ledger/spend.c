#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/units.h"
#include "base/utf8.h"
#include "commands.h"
#include "json/json.h"

/* What was spent at one provider in one unit. */
struct sum {
	char *provider, *unit; /* unit NULL: not noted */
	struct {
		long requests;
		double amount;
	} made, unknown;
};

struct sums {
	struct sum *list;
	size_t n;
};

static bool
is_same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static struct sum *
sum_of(struct sums *s, const struct ledger_entry *entry)
{
	for (size_t i = 0; i < s->n; i++)
		if (is_same(s->list[i].provider, entry->provider) &&
		    is_same(s->list[i].unit, entry->unit))
			return &s->list[i];
	s->list = mem_resize(s->list, (s->n + 1) * sizeof *s->list);
	s->list[s->n] = (struct sum){
	    .provider = mem_str(entry->provider), .unit = mem_str(entry->unit)};
	return &s->list[s->n++];
}

/* An avatar that failed later was paid for. A request under way may be. */
static bool
add(void *arg, const struct ledger_entry *entry)
{
	bool open =
	    strcmp(entry->state, "unknown") == 0 || strcmp(entry->state, "intended") == 0;
	struct sum *sum;

	/* The cost of the latter is that of another request. */
	if (strcmp(entry->state, "not_made") == 0 ||
	    (entry->unit != NULL && entry->amount == 0))
		return true;
	sum = sum_of(arg, entry);
	if (open) {
		sum->unknown.requests++;
		sum->unknown.amount += entry->amount;
	} else {
		sum->made.requests++;
		sum->made.amount += entry->amount;
	}
	return true;
}

static int
by_provider(const void *a, const void *b)
{
	const struct sum *one = a, *two = b;
	int order = strcmp(one->provider, two->provider);

	if (order != 0 || one->unit == NULL || two->unit == NULL)
		return order != 0 ? order : (one->unit == NULL) - (two->unit == NULL);
	return strcmp(one->unit, two->unit);
}

static void
put_part(struct json_object *o, const char *name, long requests, const double *amount)
{
	struct json_object *part = json_new_object();

	json_put_int(part, "requests", requests);
	if (amount != NULL)
		json_put_num(part, "amount", *amount);
	json_put(o, name, part);
}

static void
print_json(const struct sum *s, struct buf *b)
{
	struct json_object *o = json_new_object();
	bool known = s->unit != NULL;

	json_put_str(o, "provider", s->provider);
	json_put_str(o, "unit", s->unit);
	put_part(o, "made", s->made.requests, known ? &s->made.amount : NULL);
	put_part(o, "unknown", s->unknown.requests, known ? &s->unknown.amount : NULL);
	buf_clear(b);
	json_write(b, o);
	puts(b->data);
	json_object_put(o);
}

static void
print_row(const struct sum *s)
{
	char provider[64], unit[64];

	utf8_show(provider, sizeof provider, s->provider);
	utf8_show(unit, sizeof unit, s->unit != NULL ? s->unit : "?");
	if (s->unit != NULL)
		printf("%-10s %-15s %8ld %10.15g %8ld %10.15g\n", provider, unit,
		    s->made.requests, s->made.amount, s->unknown.requests,
		    s->unknown.amount);
	else
		printf("%-10s %-15s %8ld %10s %8ld %10s\n", provider, unit,
		    s->made.requests, "?", s->unknown.requests, "?");
}

static void
print(const struct sums *s, bool json)
{
	struct buf b = {0};

	if (!json && s->n == 0)
		puts("nothing was paid for");
	else if (!json)
		printf("%-10s %-15s %8s %10s %8s %10s\n", "provider", "unit", "made",
		    "amount", "unknown", "amount");
	for (size_t i = 0; i < s->n; i++)
		if (json)
			print_json(&s->list[i], &b);
		else
			print_row(&s->list[i]);
	buf_release(&b);
}

static int64_t
when(const char *option, const char *text, bool end)
{
	int64_t at = 0;

	if (text != NULL && !units_when(text, end, clock_unix_ms(), &at))
		opt_misuse(&ledger_usage,
		    "--%s takes a date (2026-11-21), a time (2026-11-21T08:00:00Z), a day "
		    "(monday, today) or an age (7d), not '%s'; try --%s monday",
		    option, text, option);
	return at;
}

int
spend(struct ledger *l, const struct options *o, char **operands)
{
	struct ledger_filter filter = {.provider = o->provider,
	    .since = when("since", o->since, false),
	    .until = when("until", o->until, true)};
	struct sums s = {0};
	struct err e;

	if (*operands != NULL)
		opt_misuse(&ledger_usage,
		    "spend takes no operands; for a period: av-ledger spend --since monday");
	if (ledger_each(l, &filter, add, &s, &e) < 0)
		err_die(&e);
	if (s.n > 0)
		qsort(s.list, s.n, sizeof *s.list, by_provider);
	print(&s, o->json);
	for (size_t i = 0; i < s.n; i++) {
		free(s.list[i].provider);
		free(s.list[i].unit);
	}
	free(s.list);
	return 0;
}
