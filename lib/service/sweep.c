#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "provider/answer.h"
#include "provider/target.h"
#include "service/sweep.h"
#include "json/json.h"

/* How much longer than a reading of the list one waits for it. */
#define SLACK_MS 1000

/* A list whose pages have more bytes than this for each that waits is not read: the
 * account holds too much else. */
#define BYTES_EACH 16384

/* Fewer ask singly: a list may lag, and it shows what else the account holds. */
#define WAITING_MIN 20

struct sweep {
	struct sweeps *all;
	SLIST_ENTRY(sweep) entry;
	struct account *account;
	const struct operation *op, *list;
	size_t waiting;
	size_t unseen;             /* of them, in this reading; or more */
	int64_t pages;             /* of the last reading; 0: there was none */
	int64_t requests, answers; /* of all readings */
	int64_t next_at;
	unsigned serial;
	bool off; /* it takes too many requests, or it failed */
	struct listing *listing;
};

static bool
has_states_of(const struct operation *list, const struct operation *op)
{
	return list->states != NULL && list->states == op->states &&
	       json_has(list->def, "/answer/take/id") &&
	       json_has(list->def, "/answer/take/provider_status");
}

/* The list whose entries are what op asks about, with their states; or NULL. */
static const struct operation *
find_list(const struct provider *p, const struct operation *op)
{
	const char *needed = target_needed(op);

	for (size_t i = 0; needed != NULL && i < p->n_operations; i++) {
		const struct operation *list = &p->operations[i];
		if (target_is_list(list) && target_needed(list) == NULL &&
		    strcmp(target_described(list), needed) == 0 &&
		    has_states_of(list, op))
			return list;
	}
	return NULL;
}

struct sweep *
sweeps_of(struct sweeps *all, struct account *a, const struct operation *op)
{
	struct sweep *s;

	SLIST_FOREACH (s, &all->all, entry)
		if (s->account == a && s->op == op)
			return s->list != NULL ? s : NULL;
	s = mem_new(1, sizeof *s);
	*s = (struct sweep){
	    .all = all, .account = a, .op = op, .list = find_list(a->provider, op)};
	SLIST_INSERT_HEAD(&all->all, s, entry);
	return s->list != NULL ? s : NULL;
}

void
sweeps_release(struct sweeps *all)
{
	struct sweep *s;

	all->ends = true;
	while ((s = SLIST_FIRST(&all->all)) != NULL) {
		SLIST_REMOVE_HEAD(&all->all, entry);
		if (s->listing != NULL)
			listing_stop(s->listing);
		if (s->listing != NULL)
			loop_run(all->engine->loop);
		if (s->requests > 0 && err_level() >= 1)
			note("%s: %" PRId64 " requests for the list '%s' gave %" PRId64
			     " states",
			    s->account->provider->name, s->requests, s->list->name,
			    s->answers);
		free(s);
	}
}

void
sweep_wait(struct sweep *s, int n)
{
	s->waiting = (size_t)((int64_t)s->waiting + n);
	if (n > 0)
		s->unseen += (size_t)n;
}

const char *
sweep_provider(const struct sweep *s)
{
	return s->account->provider->name;
}

bool
sweep_reads(const struct sweep *s)
{
	return s->listing != NULL;
}

unsigned
sweep_serial(const struct sweep *s)
{
	return s->serial;
}

static int64_t
page_size(const struct sweep *s)
{
	return json_int(s->list->def, "/paging/size", INT64_MAX / 2);
}

/* How many requests a reading takes, as far as is known. */
static int64_t
pages(const struct sweep *s)
{
	return s->pages > 0 ? s->pages : 1 + (int64_t)s->waiting / page_size(s);
}

/* The time between two readings: so long that they take half of the requests that single
 * ones would take, of which each takes the operation's longest interval. */
static int64_t
interval(const struct sweep *s)
{
	int64_t ms = 2 * pages(s) * s->op->poll_max_ms / (int64_t)(s->waiting + 1);

	if (ms < s->op->poll_first_ms)
		ms = s->op->poll_first_ms;
	return ms < s->op->poll_max_ms ? ms : s->op->poll_max_ms;
}

static enum listing_next
show(void *arg, struct json_object *entry)
{
	struct sweep *s = arg;
	struct answer answer = {.body = entry};
	struct json_object *taken = answer_taken(&answer, s->list, NULL);
	const char *id = json_str(taken, "/id");
	size_t seen = id != NULL ? s->all->fn(s->all->arg, s, id, taken) : 0;

	json_object_put(taken);
	s->unseen -= seen < s->unseen ? seen : s->unseen;
	s->answers += (int64_t)seen;
	if (s->unseen == 0)
		return LISTING_ENOUGH;
	s->off = 2 * listing_requests(s->listing) > (int64_t)s->waiting + 2;
	return s->off ? LISTING_ENOUGH : LISTING_MORE;
}

static void
over(void *arg, const struct failure *failure)
{
	struct sweep *s = arg;
	struct loop *loop = s->all->engine->loop;

	s->pages = listing_requests(s->listing);
	s->requests += s->pages;
	if (listing_bytes(s->listing) > BYTES_EACH * ((int64_t)s->waiting + 1) ||
	    (failure != NULL && failure->err.code != CODE_LIST_CHANGED))
		s->off = true;
	s->listing = NULL;
	s->next_at = loop_now(loop) + interval(s);
	if (s->all->ends)
		loop_stop(loop);
}

static void
read_list(struct sweep *s)
{
	struct call_spec page = {
	    .account = s->account, .op = s->list, .timeout_ms = s->all->timeout_ms};

	s->serial++;
	s->unseen = s->waiting;
	s->listing = listing_start(s->all->engine, &page, show, over, s);
}

bool
sweep_serves(struct sweep *s, int64_t *at)
{
	int64_t now = loop_now(s->all->engine->loop);

	if (s->listing == NULL &&
	    (s->off || s->waiting < WAITING_MIN || 2 * pages(s) > (int64_t)s->waiting))
		return false;
	if (s->listing == NULL && now >= s->next_at)
		read_list(s);
	*at = s->listing != NULL ? now + interval(s) + SLACK_MS : s->next_at;
	return true;
}
