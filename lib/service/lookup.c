#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "provider/answer.h"
#include "provider/template.h"
#include "service/listing.h"
#include "service/lookup.h"
#include "service/match.h"
#include "json/json.h"

#define LIST_TIMEOUT_MS 600000
#define PASSES          2
#define PATIENCE        3

/* An entry of the list that may be what was made. */
struct candidate {
	char *id;
	struct json_object *taken;
	enum match match;
};

struct lookup {
	struct lookup_batch *batch;
	struct lookup *next;
	struct lookup_spec spec;
	lookup_fn *fn;
	void *arg;
	int64_t due;         /* loop time of its next listing */
	int64_t looked_at;   /* when the last one began */
	int64_t counts_from; /* not to have it tells nothing before */
	unsigned passes;     /* complete listings that did not have it */
	bool listed;         /* takes part in the listing under way */
	bool adopting;
	enum match how; /* of the candidates that are being adopted */
	bool nameless;  /* an entry that it may be has no id */
	unsigned busy;  /* times in a row that another one was in the way */
	struct candidate *candidates;
	size_t n;
	struct call *call; /* where one thing is asked about instead of a list */
	struct json_object
	    *begun; /* what that told, where it shows the request's effect */
	int64_t deadline;
};

/* Those in doubt about the same list. */
struct lookup_batch {
	struct lookups *all;
	struct lookup_batch *next;
	struct account *account;
	const struct operation *list;
	int64_t settle_ms, effect_ms;
	struct lookup *first;
	struct timer timer;
	struct listing *listing;
	int64_t not_before; /* listings keep a distance, so that more share one */
};

struct lookups {
	struct engine *engine;
	struct lookup_batch *batches;
};

static void schedule(struct lookup_batch *batch);

struct lookups *
lookups_new(struct engine *engine)
{
	struct lookups *all = mem_new(1, sizeof *all);

	all->engine = engine;
	return all;
}

void
lookups_free(struct lookups *all)
{
	if (all == NULL)
		return;
	while (all->batches != NULL) {
		struct lookup_batch *batch = all->batches;
		all->batches = batch->next;
		loop_cancel(all->engine->loop, &batch->timer);
		free(batch);
	}
	free(all);
}

static const struct operation *
list_of(const struct account *a, const struct operation *op)
{
	const char *name = json_str(op->def, "/lookup/operation");

	return name != NULL ? provider_operation(a->provider, name) : NULL;
}

/* Whether it is a list; else it is one thing's state. */
static bool
is_list(const struct operation *op)
{
	return json_at(op->def, "/paging") != NULL;
}

bool
lookup_possible(const struct lookup_spec *spec)
{
	const struct operation *list = list_of(spec->account, spec->op);
	bool tagged = spec->tag != NULL && json_has(spec->op->def, "/lookup/tag/at");

	return list != NULL &&
	       (!json_flag(spec->op->def, "/lookup/exclusive", false) ||
	           spec->account->exclusive) &&
	       (!is_list(list) || tagged || spec->match != NULL);
}

static void
drop_candidates(struct lookup *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->candidates[i].id);
		json_object_put(l->candidates[i].taken);
	}
	free(l->candidates);
	l->candidates = NULL;
	l->n = 0;
	l->nameless = false;
}

static void
leave(struct lookup *l)
{
	struct lookup **p = &l->batch->first;

	while (*p != l)
		p = &(*p)->next;
	*p = l->next;
	drop_candidates(l);
	json_object_put(l->begun);
	json_object_put(l->spec.vars);
	json_object_put(l->spec.match);
	free((void *)(uintptr_t)l->spec.tag);
	free(l);
}

static void
tell(struct lookup *l, const struct lookup_result *result)
{
	l->fn(l->arg, result);
	leave(l);
}

static void
untold(struct lookup *l, const char *why, bool retryable)
{
	tell(l, &(struct lookup_result){
	            .verdict = LOOKUP_UNTOLD, .why = why, .retryable = retryable});
}

static void
broken(struct lookup *l, const char *why)
{
	tell(l, &(struct lookup_result){.verdict = LOOKUP_BROKEN, .why = why});
}

static void
found(struct lookup *l, struct json_object *taken)
{
	tell(l, &(struct lookup_result){.verdict = LOOKUP_FOUND, .taken = taken});
}

/* It was not there this time. */
static void
missed(struct lookup *l)
{
	int64_t now = loop_now(l->batch->all->engine->loop);

	drop_candidates(l);
	if (l->looked_at >= l->counts_from && ++l->passes == PASSES) {
		tell(l, &(struct lookup_result){.verdict = LOOKUP_ABSENT});
		return;
	}
	l->due = now + l->batch->settle_ms;
	if (l->passes == 0 && l->due < l->counts_from)
		l->due = l->counts_from;
	schedule(l->batch);
}

/* Another request that looks the same in the list is at work: its outcome may tell. Two that
 * wait for each other would do so for ever, in this run and the next. */
static void
wait_for_twin(struct lookup *l)
{
	struct loop *loop = l->batch->all->engine->loop;

	drop_candidates(l);
	if (++l->busy == PATIENCE) {
		untold(l,
		    "another request, which looks the same in the service's list, is in doubt too",
		    false);
		return;
	}
	l->due = loop_now(loop) + l->batch->settle_ms;
	schedule(l->batch);
}

static void adopt(struct lookup *l, enum match how);

/* Those that are as sure as they were looked for are others'. */
static void
none_left(struct lookup *l)
{
	if (l->how == MATCH)
		adopt(l, MATCH_MAYBE);
	else
		missed(l);
}

static void
adopted(void *arg, const struct ledger_answer *answer)
{
	struct lookup *l = arg;
	struct json_object *taken = NULL;

	l->adopting = false;
	switch (answer->verdict) {
	case LEDGER_MADE:
		for (size_t i = 0; i < l->n; i++)
			if (strcmp(l->candidates[i].id, answer->id) == 0)
				taken = l->candidates[i].taken;
		found(l, taken);
		break;
	case LEDGER_YOURS:
		none_left(l);
		break;
	case LEDGER_UNKNOWN:
		untold(l,
		    l->how == MATCH_MAYBE
		        ? "the service's list has something that it may be, and does not tell for sure"
		        : "the service's list has something that it may be, and more than one of that kind is in doubt",
		    false);
		break;
	case LEDGER_BUSY:
		wait_for_twin(l);
		break;
	case LEDGER_ERROR:
		broken(l, answer->err->message);
		break;
	}
}

/* Lets the ledger choose among the candidates that are so sure, and where it finds none of those
 * left, tell whether one is of the others. */
static void
adopt(struct lookup *l, enum match how)
{
	const char **ids = mem_new(l->n, sizeof *ids),
	           **data = mem_new(l->n, sizeof *data);
	enum ledger_bond bond = how == MATCH_MAYBE    ? LEDGER_DOUBTFUL
	                        : l->spec.tag != NULL ? LEDGER_SURE
	                                              : LEDGER_LIKELY;
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++) {
		if (l->candidates[i].match != how)
			continue;
		ids[n] = l->candidates[i].id;
		data[n++] = json_object_to_json_string_ext(
		    l->candidates[i].taken, JSON_C_TO_STRING_PLAIN);
	}
	l->adopting = n > 0;
	l->how = how;
	if (n > 0)
		ledger_adopt(l->spec.claim, ids, n, data, bond, adopted, l);
	free(ids);
	free(data);
	if (n == 0)
		none_left(l);
}

/* How surely an entry is what the request made, by the server's clock: of when it was sent, else
 * as the list's own answer told it just now. */
static enum match
match_of(const struct lookup *l, struct json_object *entry)
{
	const struct lookup_spec *spec = &l->spec;
	const struct account *a = spec->account;
	bool then = spec->clock_offset != 0;

	return match_entry(
	    &(struct match_spec){.match = spec->match,
	        .tag = spec->tag,
	        .tag_at = json_str(spec->op->def, "/lookup/tag/at"),
	        .created_at = json_str(spec->op->def, "/lookup/created_at"),
	        .sent_at = spec->sent_at + (then ? spec->clock_offset : a->clock_offset),
	        .clock_sure = then || (a->clock_known && !spec->earlier)},
	    entry);
}

static void
add_candidate(struct lookup *l, struct json_object *entry, enum match match)
{
	struct json_object *taken = answer_taken_of(entry, l->batch->list);
	char *id = json_text(taken, "/id");

	l->nameless = l->nameless || id == NULL;
	for (size_t i = 0; id != NULL && i < l->n; i++)
		if (strcmp(l->candidates[i].id, id) == 0) {
			free(id);
			id = NULL;
		}
	if (id == NULL) {
		json_object_put(taken);
		return;
	}
	l->candidates = mem_resize(l->candidates, (l->n + 1) * sizeof *l->candidates);
	l->candidates[l->n++] = (struct candidate){id, taken, match};
}

static void
judge_entry(void *arg, struct json_object *entry)
{
	struct lookup_batch *batch = arg;

	for (struct lookup *l = batch->first; l != NULL; l = l->next) {
		enum match how = l->listed ? match_of(l, entry) : MATCH_NOT;

		if (how != MATCH_NOT)
			add_candidate(l, entry, how);
	}
}

static void
listing_over(void *arg, const struct failure *failure)
{
	struct lookup_batch *batch = arg;
	struct lookup *l, *next;

	batch->listing = NULL;
	for (l = batch->first; l != NULL; l = next) {
		next = l->next;
		if (!l->listed)
			continue;
		l->listed = false;
		if (failure != NULL)
			untold(l, failure->err.message, true);
		else if (l->nameless)
			untold(l,
			    "the service's list has something that it may be, without an id",
			    true);
		else
			adopt(l, MATCH);
	}
	schedule(batch);
}

/* That it took effect is on disk. */
static void
begun_settled(void *arg, const struct ledger_answer *answer)
{
	struct lookup *l = arg;

	l->adopting = false;
	if (answer->verdict == LEDGER_ERROR)
		broken(l, answer->err->message);
	else
		found(l, l->begun);
}

/* One thing that is asked about tells by its state whether the request took effect. */
static void
asked(void *arg, const struct call_result *result)
{
	struct lookup *l = arg;
	struct json_object *words = json_at(l->spec.op->def, "/lookup/started");
	const char *word = json_str(result->taken, "/provider_status");

	l->call = NULL;
	if (result->failure != NULL) {
		untold(l, result->failure->err.message, true);
		return;
	}
	for (size_t i = 0; word != NULL && i < json_object_array_length(words); i++) {
		const char *w =
		    json_object_get_string(json_object_array_get_idx(words, i));
		if (strcmp(w, word) != 0)
			continue;
		l->begun = json_object_get(result->taken);
		l->adopting = true;
		ledger_settle(l->spec.claim, LEDGER_IS_MADE, "", NULL, begun_settled, l);
		return;
	}
	if (word != NULL && l->batch->list->states != NULL &&
	    json_object_object_get_ex(l->batch->list->states, word, NULL))
		missed(l);
	else
		untold(l, "the service tells a state that is not known here", true);
}

static void
ask(struct lookup *l)
{
	struct call_spec spec = {.account = l->spec.account,
	    .op = l->batch->list,
	    .vars = l->spec.vars,
	    .deadline = &l->deadline,
	    .timeout_ms = LIST_TIMEOUT_MS};

	l->call = call_start(l->batch->all->engine, &spec, asked, l);
}

static void
time_is_up(void *arg)
{
	struct lookup_batch *batch = arg;
	struct engine *engine = batch->all->engine;
	struct listing_spec spec = {
	    .account = batch->account, .op = batch->list, .timeout_ms = LIST_TIMEOUT_MS};
	bool list = is_list(batch->list), any = false;

	for (struct lookup *l = batch->first; l != NULL; l = l->next) {
		if (l->due > loop_now(engine->loop) || l->adopting || l->call != NULL)
			continue;
		l->looked_at = loop_now(engine->loop);
		l->listed = list;
		any = any || list;
		if (!list)
			ask(l);
	}
	batch->not_before = loop_now(engine->loop) + batch->settle_ms / 4;
	if (any)
		batch->listing =
		    listing_start(engine, &spec, judge_entry, listing_over, batch);
	else
		schedule(batch);
}

/* Sets the time of the next listing, unless one is under way. */
static void
schedule(struct lookup_batch *batch)
{
	int64_t at = INT64_MAX;

	if (batch->listing != NULL)
		return;
	for (struct lookup *l = batch->first; l != NULL; l = l->next)
		if (!l->adopting && l->call == NULL && l->due < at)
			at = l->due;
	if (at == INT64_MAX)
		loop_cancel(batch->all->engine->loop, &batch->timer);
	else
		loop_at(batch->all->engine->loop, &batch->timer,
		    at > batch->not_before ? at : batch->not_before, time_is_up, batch);
}

static struct lookup_batch *
batch_for(struct lookups *all, struct account *a, const struct operation *op)
{
	const struct operation *list = list_of(a, op);
	struct lookup_batch *batch;

	for (batch = all->batches; batch != NULL; batch = batch->next)
		if (batch->account == a && batch->list == list)
			return batch;
	batch = mem_new(1, sizeof *batch);
	batch->all = all;
	batch->account = a;
	batch->list = list;
	batch->settle_ms = (int64_t)(json_num(op->def, "/lookup/settle_s", 10) * 1000);
	batch->effect_ms = (int64_t)(json_num(op->def, "/lookup/effect_s", 60) * 1000);
	batch->next = all->batches;
	all->batches = batch;
	return batch;
}

struct json_object *
lookup_match(const struct operation *op, struct json_object *vars)
{
	struct json_object *match = json_at(op->def, "/lookup/match"), *filled;

	if (match == NULL)
		return NULL;
	filled = template_fill(match, vars);
	if (filled == NULL ||
	    json_object_object_length(filled) == json_object_object_length(match))
		return filled;
	json_object_put(filled);
	return NULL;
}

/* How long ago something was, by our clock; at most max. */
static int64_t
since(int64_t then, int64_t max)
{
	int64_t ms = then != 0 ? clock_unix_ms() - then : 0;

	return ms < 0 ? 0 : ms > max ? max : ms;
}

struct lookup *
lookup_start(
    struct lookups *all, const struct lookup_spec *spec, lookup_fn *fn, void *arg)
{
	struct lookup *l = mem_new(1, sizeof *l);
	int64_t now = loop_now(all->engine->loop);

	l->spec = *spec;
	l->spec.vars = json_object_get(spec->vars);
	l->spec.match = json_object_get(spec->match);
	l->spec.tag = mem_str(spec->tag);
	l->fn = fn;
	l->arg = arg;
	l->batch = batch_for(all, spec->account, spec->op);
	l->due = now + l->batch->settle_ms - since(spec->lost_at, l->batch->settle_ms);
	l->counts_from =
	    now + l->batch->effect_ms - since(spec->lost_at, l->batch->effect_ms);
	l->next = l->batch->first;
	l->batch->first = l;
	schedule(l->batch);
	return l;
}

bool
lookup_cancel(struct lookup *l)
{
	if (l->adopting)
		return false;
	if (l->call != NULL) {
		call_stop(l->call, true);
		return false;
	}
	leave(l);
	return true;
}
