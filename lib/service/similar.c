#include <stdlib.h>

#include "base/mem.h"
#include "service/similar.h"
#include "json/json.h"

struct similar {
	struct similar_spec spec;
	similar_fn *fn;
	void *arg;
	struct lookup_spec sought; /* we own match */
	char mark[LEDGER_KEY_MARK];
	struct ledger_claim *claim;
	struct lookup *lookup; /* NULL: the ledger is being asked */
};

static void
release(struct similar *s)
{
	json_object_put(s->sought.match);
	free(s);
}

static void
end(struct similar *s, enum similar_verdict verdict, const struct err *e)
{
	similar_fn *fn = s->fn;
	void *arg = s->arg;

	release(s);
	fn(arg, verdict, e);
}

static void
give_back(struct similar *s, enum ledger_outcome outcome)
{
	ledger_settle(s->claim, outcome, NULL, NULL, NULL, NULL);
}

static void
looked_up(void *arg, const struct lookup_result *result)
{
	struct similar *s = arg;
	struct err e;

	switch (result->verdict) {
	case LOOKUP_FOUND:
		end(s, SIMILAR_SETTLED, NULL);
		break;
	case LOOKUP_ABSENT:
		give_back(s, LEDGER_IS_NOT_MADE);
		end(s, SIMILAR_SETTLED, NULL);
		break;
	case LOOKUP_UNKNOWN:
		give_back(s, LEDGER_IS_UNKNOWN);
		err_set(&e, CODE_NETWORK,
		    "the outcome of an earlier request has to be looked up first, and the service's list cannot be read; run it again");
		end(s, result->retryable ? SIMILAR_FAILED : SIMILAR_UNKNOWN, &e);
		break;
	case LOOKUP_BROKEN:
		err_set(&e, CODE_STATE_UNUSABLE, "%s", result->why);
		end(s, SIMILAR_FAILED, &e);
		break;
	}
}

static void
claimed(void *arg, const struct ledger_answer *answer)
{
	struct similar *s = arg;

	if (answer->verdict == LEDGER_ERROR) {
		end(s, SIMILAR_FAILED, answer->err);
		return;
	}
	if (answer->verdict != LEDGER_UNKNOWN) {
		end(s, SIMILAR_NONE, NULL);
		return;
	}
	note(
	    "looking up an earlier request first, which looks the same in the service's list");
	ask_seek(&s->sought, answer);
	s->sought.claim = s->claim;
	s->sought.deadline =
	    loop_deadline(s->spec.loop, s->spec.deadline, s->spec.timeout_ms);
	ledger_claim_mark(s->claim, s->mark);
	s->lookup = lookup_start(s->spec.lookups, &s->sought, looked_up, s);
}

struct similar *
similar_start(const struct similar_spec *spec, similar_fn *fn, void *arg)
{
	struct similar *s = mem_new(1, sizeof *s);
	struct ask_words words;

	*s = (struct similar){.spec = *spec,
	    .fn = fn,
	    .arg = arg,
	    .sought = {.account = spec->ask.account,
	        .op = spec->ask.op,
	        .vars = spec->ask.vars,
	        .match = json_object_get(spec->ask.match),
	        .mark = s->mark}};
	ask_init(&words, &spec->ask);
	s->claim = ledger_claim_similar(spec->ledger, &words.ledger, claimed, s);
	ask_release(&words);
	return s;
}

bool
similar_cancel(struct similar *s)
{
	if (s->lookup == NULL)
		ledger_cancel(s->claim);
	else if (lookup_cancel(s->lookup))
		give_back(s, LEDGER_IS_UNKNOWN);
	else
		return false;
	release(s);
	return true;
}
