#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/clock.h"
#include "base/mem.h"
#include "provider/answer.h"
#include "service/listing.h"
#include "service/lookup.h"
#include "service/match.h"
#include "service/pictures.h"
#include "json/json.h"

#define LIST_TIMEOUT_MS 600000
/* Complete listings without a candidate that prove that nothing was made. */
#define PASSES 2
/* Times in a row to wait for another request whose outcome is unknown too, or to read a list
 * that became shorter. */
#define PATIENCE 3
/* Candidates whose pictures are compared with the photo. */
#define PICTURES_MAX 8

struct lookup {
	struct lookup_batch *batch;
	TAILQ_ENTRY(lookup) entry;
	struct lookup_spec spec;
	lookup_fn *fn;
	void *arg;
	int64_t due;         /* loop time of its next listing */
	int64_t looked_at;   /* when the last one began */
	int64_t counts_from; /* before this time a list without it proves nothing */
	unsigned passes;     /* complete listings without a candidate */
	bool listed;         /* takes part in the listing under way */
	bool settling;       /* the ledger is at work on the claim */
	bool late;           /* the deadline has come */
	struct timer timer;  /* for the deadline */
	enum match trying;   /* how well the candidates match that are being adopted */
	unsigned busy;       /* times in a row that another request was in the way */
	unsigned changed;    /* listings in a row that became shorter meanwhile */
	struct candidates candidates;
	struct pictures *pictures; /* compares those of the candidates */
	bool compared;             /* that is done for the last listing */
	struct call *call; /* asks for the state of one object instead of a list */
	struct json_object *taken; /* the outcome that was found */
};

/* The lookups that share a list. */
struct lookup_batch {
	struct lookups *all;
	SLIST_ENTRY(lookup_batch) entry;
	struct account *account;
	const struct operation *list;
	int64_t settle_ms, effect_ms;
	TAILQ_HEAD(, lookup) lookups;
	struct timer timer;
	struct listing *listing; /* under way, or NULL */
	int64_t not_before; /* keeps listings apart, so that more lookups share one */
};

struct lookups {
	struct engine *engine;
	const struct pictures_calls *calls; /* NULL: pictures are not compared */
	struct workers *workers;            /* for pictures; NULL: none yet */
	SLIST_HEAD(, lookup_batch) batches;
};

static void schedule(struct lookup_batch *batch);

struct lookups *
lookups_new(struct engine *engine, const struct pictures_calls *calls)
{
	struct lookups *all = mem_new(1, sizeof *all);

	all->engine = engine;
	all->calls = calls;
	return all;
}

void
lookups_free(struct lookups *all)
{
	struct lookup_batch *batch;

	while (all != NULL && (batch = SLIST_FIRST(&all->batches)) != NULL) {
		SLIST_REMOVE_HEAD(&all->batches, entry);
		loop_cancel(all->engine->loop, &batch->timer);
		free(batch);
	}
	if (all != NULL && all->workers != NULL)
		all->calls->workers_free(all->workers);
	free(all);
}

static const struct operation *
list_of(const struct account *a, const struct operation *op)
{
	return provider_operation(a->provider, json_str(op->def, "/lookup/operation"));
}

/* True for a list operation, false for one that returns a single object. */
static bool
is_list(const struct operation *op)
{
	return op->pages;
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
leave(struct lookup *l)
{
	loop_cancel(l->batch->all->engine->loop, &l->timer);
	TAILQ_REMOVE(&l->batch->lookups, l, entry);
	candidates_clear(&l->candidates);
	json_object_put(l->taken);
	json_object_put(l->spec.vars);
	json_object_put(l->spec.match);
	free((void *)(uintptr_t)l->spec.tag);
	free((void *)(uintptr_t)l->spec.mark);
	free((void *)(uintptr_t)l->spec.photo);
	free((void *)(uintptr_t)l->spec.sha256);
	free(l);
}

static void
tell(struct lookup *l, enum lookup_verdict verdict, const char *why, bool retryable)
{
	struct lookup_result result = {
	    .verdict = verdict, .taken = l->taken, .why = why, .retryable = retryable};

	l->fn(l->arg, &result);
	leave(l);
}

static void
tell_late(struct lookup *l)
{
	tell(l, LOOKUP_UNKNOWN, "--timeout ended before its list could tell", true);
}

/* Ends the listing if no lookup takes part in it any more. */
static void
need_listing(struct lookup_batch *batch)
{
	struct lookup *l;

	TAILQ_FOREACH (l, &batch->lookups, entry)
		if (l->listed)
			return;
	if (batch->listing != NULL)
		listing_stop(batch->listing);
}

/* The deadline has come. What the ledger is at work on ends first. */
static void
expired(void *arg)
{
	struct lookup *l = arg;
	struct lookup_batch *batch = l->batch;

	l->late = true;
	if (l->call != NULL) {
		call_stop(l->call, true);
	} else if (l->pictures != NULL) {
		l->batch->all->calls->stop(l->pictures);
	} else if (!l->settling) {
		tell_late(l);
		need_listing(batch);
	}
}

/* Asks the service again in a while, not before a time. */
static void
look_again(struct lookup *l, int64_t not_before)
{
	if (l->late) {
		tell_late(l);
		return;
	}
	l->due = loop_now(l->batch->all->engine->loop) + l->batch->settle_ms;
	if (l->due < not_before)
		l->due = not_before;
	schedule(l->batch);
}

/* The list has no candidate, except those of other requests. */
static void
missed(struct lookup *l)
{
	candidates_clear(&l->candidates);
	if (l->looked_at >= l->counts_from && ++l->passes == PASSES)
		tell(l, LOOKUP_ABSENT, NULL, false);
	else
		look_again(l, l->passes == 0 ? l->counts_from : 0);
}

/* A request at work looks the same in the list; its outcome may decide. Two that wait for
 * each other would wait for ever, in this run and the next. */
static void
wait_for_twin(struct lookup *l)
{
	candidates_clear(&l->candidates);
	if (++l->busy == PATIENCE)
		tell(l, LOOKUP_UNKNOWN,
		    "the outcome of another request, which looks the same in the service's list, is unknown too",
		    false);
	else
		look_again(l, 0);
}

static void adopt(struct lookup *l, enum match match);

static void
not_sure(struct lookup *l)
{
	const struct engine *engine = l->batch->all->engine;

	tell(l, LOOKUP_UNKNOWN,
	    l->trying == MATCH_MAYBE
	        ? "the service's list has an entry that may be its result, or another's of the same name (see EVIDENCE in av-upload(1))"
	        : "the service's list has entries that may be its result, and more than one request may have made them",
	    engine->stopping(engine->arg));
}

/* Those that show the photo become matches; the ledger takes one, if it is the only one. */
static void
compared(void *arg, struct json_object *same)
{
	struct lookup *l = arg;

	l->pictures = NULL;
	if (same == NULL && l->late) {
		tell_late(l);
		return;
	}
	if (same == NULL) {
		not_sure(l);
		return;
	}
	json_object_put(l->candidates.of[MATCH]);
	l->candidates.of[MATCH] = json_object_get(same);
	adopt(l, MATCH);
}

/* Compares the candidates' pictures with the photo. False: there is nothing to compare,
 * or that is done. */
static bool
compare(struct lookup *l)
{
	struct json_object *candidates = l->candidates.of[MATCH_MAYBE];
	const char *member = json_str(l->spec.op->def, "/lookup/picture");
	struct lookups *all = l->batch->all;

	if (all->calls == NULL || l->compared || l->trying != MATCH_MAYBE ||
	    member == NULL || l->spec.photo == NULL ||
	    json_object_object_length(candidates) > PICTURES_MAX)
		return false;
	if (all->workers == NULL)
		all->workers = all->calls->workers_new(all->engine->loop);
	l->compared = true;
	l->pictures = all->calls->start(all->engine,
	    &(struct pictures_spec){.account = l->spec.account,
	        .workers = all->workers,
	        .photo = l->spec.photo,
	        .sha256 = l->spec.sha256,
	        .candidates = candidates,
	        .member = member},
	    compared, l);
	return true;
}

static void
adopted(void *arg, const struct ledger_answer *answer)
{
	struct lookup *l = arg;

	l->settling = false;
	switch (answer->verdict) {
	case LEDGER_MADE:
		if (l->taken == NULL)
			l->taken =
			    json_object_get(candidates_taken(&l->candidates, answer->id));
		tell(l, LOOKUP_FOUND, NULL, false);
		break;
	case LEDGER_YOURS:
		/* No candidate of this certainty is left: try the less certain ones. */
		if (l->trying == MATCH)
			adopt(l, MATCH_MAYBE);
		else
			missed(l);
		break;
	case LEDGER_UNKNOWN:
		if (!compare(l))
			not_sure(l);
		break;
	case LEDGER_BUSY:
		wait_for_twin(l);
		break;
	case LEDGER_ERROR:
		tell(l, LOOKUP_BROKEN, answer->err->message, true);
		break;
	}
}

/* Asks the ledger to give us one candidate of this certainty that no other entry owns. */
static void
adopt(struct lookup *l, enum match match)
{
	struct json_object *list = l->candidates.of[match];
	bool own = !l->compared &&
	           (l->spec.tag != NULL || match_is_marked(l->spec.match, l->spec.mark));
	enum ledger_certainty certainty = match == MATCH_MAYBE ? LEDGER_MAYBE
	                                  : own                ? LEDGER_TAGGED
	                                                       : LEDGER_MATCH;
	const char **ids, **data;
	size_t n = 0;

	l->trying = match;
	if (list == NULL) {
		adopted(l, &(struct ledger_answer){.verdict = LEDGER_YOURS});
		return;
	}
	if (l->candidates.many[match]) {
		adopted(l, &(struct ledger_answer){.verdict = LEDGER_UNKNOWN});
		return;
	}
	ids = mem_new((size_t)json_object_object_length(list), sizeof *ids);
	data = mem_new((size_t)json_object_object_length(list), sizeof *data);
	json_object_object_foreach(list, id, taken)
	{
		ids[n] = id;
		data[n++] = json_object_to_json_string_ext(taken, JSON_C_TO_STRING_PLAIN);
	}
	l->settling = true;
	ledger_adopt(l->spec.claim, ids, n, data, certainty, adopted, l);
	free(ids);
	free(data);
}

/* Compares an entry of the list with the request. Times are compared by the server's
 * clock: the offset noted when we sent, or the current one. */
static enum match
match_of(const struct lookup *l, struct json_object *entry)
{
	const struct lookup_spec *spec = &l->spec;
	const struct account *a = spec->account;
	bool then = spec->clock_offset != 0;
	int64_t offset = then ? spec->clock_offset : a->clock_offset;

	return match_entry(
	    &(struct match_spec){.match = spec->match,
	        .tag = spec->tag,
	        .tag_at = json_str(spec->op->def, "/lookup/tag/at"),
	        .mark = spec->mark,
	        .created_at = json_str(spec->op->def, "/lookup/created_at"),
	        .updated_at = json_str(spec->op->def, "/lookup/updated_at"),
	        .sent_at = spec->sent_at + offset,
	        .over_at = spec->lost_at + l->batch->effect_ms + offset,
	        .clock_sure = then || (a->clock_known && !spec->earlier),
	        .exclusive = a->exclusive},
	    entry);
}

static enum listing_next
add_candidate(void *arg, struct json_object *entry)
{
	struct lookup_batch *batch = arg;
	struct lookup *l;

	TAILQ_FOREACH (l, &batch->lookups, entry) {
		enum match match = l->listed ? match_of(l, entry) : MATCH_NOT;

		if (match != MATCH_NOT)
			candidates_add(&l->candidates, batch->account->provider,
			    answer_taken(
			        &(struct answer){.body = entry}, batch->list, NULL),
			    match);
	}
	return LISTING_MORE;
}

static void
listing_over(void *arg, const struct failure *failure)
{
	struct lookup_batch *batch = arg;
	struct lookup *l, *next;

	batch->listing = NULL;
	for (l = TAILQ_FIRST(&batch->lookups); l != NULL; l = next) {
		next = TAILQ_NEXT(l, entry);
		if (!l->listed)
			continue;
		l->listed = false;
		if (failure == NULL)
			l->changed = 0;
		if (failure != NULL && failure->err.code == CODE_LIST_CHANGED &&
		    ++l->changed < PATIENCE) {
			candidates_clear(&l->candidates);
			look_again(l, 0);
		} else if (failure != NULL) {
			tell(l, LOOKUP_UNKNOWN, failure->err.message, true);
		} else if (l->candidates.nameless) {
			tell(l, LOOKUP_UNKNOWN,
			    "the service's list has an entry without an id that may be its result",
			    true);
		} else {
			adopt(l, MATCH);
		}
	}
	schedule(batch);
}

/* The state of one object says if the request took effect. */
static void
asked(void *arg, const struct call_result *result)
{
	struct lookup *l = arg;
	const char *word = json_str(result->taken, "/provider_status");

	l->call = NULL;
	if (result->failure != NULL && l->late) {
		tell_late(l);
	} else if (result->failure != NULL) {
		tell(l, LOOKUP_UNKNOWN, result->failure->err.message, true);
	} else if (word != NULL &&
	           json_lists(json_at(l->spec.op->def, "/lookup/started"), word)) {
		l->taken = json_object_get(result->taken);
		l->settling = true;
		ledger_settle(l->spec.claim, LEDGER_IS_MADE, "", NULL, adopted, l);
	} else if (provider_state(l->batch->list->states, word) != NULL) {
		missed(l);
	} else {
		tell(l, LOOKUP_UNKNOWN,
		    "the service answered with a state that its description does not list",
		    true);
	}
}

/* True while it waits for something else than its next listing. */
static bool
is_busy(const struct lookup *l)
{
	return l->settling || l->call != NULL || l->pictures != NULL;
}

static void
time_is_up(void *arg)
{
	struct lookup_batch *batch = arg;
	struct engine *engine = batch->all->engine;
	int64_t now = loop_now(engine->loop);
	struct call_spec spec = {
	    .account = batch->account, .op = batch->list, .timeout_ms = LIST_TIMEOUT_MS};
	struct lookup *l;
	bool listed = false;

	TAILQ_FOREACH (l, &batch->lookups, entry) {
		if (l->due > now || is_busy(l))
			continue;
		l->looked_at = now;
		l->compared = false;
		if (is_list(batch->list)) {
			l->listed = listed = true;
		} else {
			spec.vars = l->spec.vars;
			spec.deadline = &l->spec.deadline;
			l->call = call_start(engine, &spec, asked, l);
		}
	}
	batch->not_before = now + batch->settle_ms / 4;
	if (listed)
		batch->listing =
		    listing_start(engine, &spec, add_candidate, listing_over, batch);
	else
		schedule(batch);
}

/* Sets the timer for the next listing, unless one is under way. */
static void
schedule(struct lookup_batch *batch)
{
	struct loop *loop = batch->all->engine->loop;
	int64_t at = INT64_MAX;
	struct lookup *l;

	if (batch->listing != NULL)
		return;
	TAILQ_FOREACH (l, &batch->lookups, entry)
		if (!is_busy(l) && l->due < at)
			at = l->due;
	if (at == INT64_MAX)
		loop_cancel(loop, &batch->timer);
	else
		loop_at(loop, &batch->timer,
		    at > batch->not_before ? at : batch->not_before, time_is_up, batch);
}

static struct lookup_batch *
batch_for(struct lookups *all, struct account *a, const struct operation *op)
{
	const struct operation *list = list_of(a, op);
	struct lookup_batch *batch;

	SLIST_FOREACH (batch, &all->batches, entry) {
		if (batch->account == a && batch->list == list)
			return batch;
	}
	batch = mem_new(1, sizeof *batch);
	batch->all = all;
	batch->account = a;
	batch->list = list;
	batch->settle_ms = (int64_t)(json_num(op->def, "/lookup/settle_s", 10) * 1000);
	batch->effect_ms = (int64_t)(json_num(op->def, "/lookup/effect_s", 60) * 1000);
	TAILQ_INIT(&batch->lookups);
	SLIST_INSERT_HEAD(&all->batches, batch, entry);
	return batch;
}

/* How much of a wait that began then, by our clock, is left; 0: it begins now. */
static int64_t
left_of(int64_t wait, int64_t then)
{
	int64_t gone = then != 0 ? clock_unix_ms() - then : 0;

	return gone < 0 ? wait : gone > wait ? 0 : wait - gone;
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
	l->spec.mark = mem_str(spec->mark);
	l->spec.photo = mem_str(spec->photo);
	l->spec.sha256 = mem_str(spec->sha256);
	if (spec->lost_at == 0)
		l->spec.lost_at = clock_unix_ms();
	l->fn = fn;
	l->arg = arg;
	l->batch = batch_for(all, spec->account, spec->op);
	l->due = now + left_of(l->batch->settle_ms, spec->lost_at);
	l->counts_from = now + left_of(l->batch->effect_ms, spec->lost_at);
	loop_at(all->engine->loop, &l->timer, spec->deadline, expired, l);
	TAILQ_INSERT_HEAD(&l->batch->lookups, l, entry);
	schedule(l->batch);
	return l;
}

bool
lookup_cancel(struct lookup *l)
{
	struct lookup_batch *batch;

	if (l->settling)
		return false;
	if (l->pictures != NULL) {
		l->batch->all->calls->stop(l->pictures);
		return false;
	}
	if (l->call != NULL) {
		call_stop(l->call, true);
		return false;
	}
	batch = l->batch;
	leave(l);
	need_listing(batch);
	return true;
}
