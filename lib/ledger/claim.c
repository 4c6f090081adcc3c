#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/hex.h"
#include "base/mem.h"
#include "ledger/claim.h"

struct ledger_claim *
claim_new(struct ledger *l, enum ledger_want want, ledger_fn *fn, void *arg)
{
	struct ledger_claim *c = mem_new(1, sizeof *c);
	unsigned char tag[LEDGER_TAG / 2];

	if (getrandom(tag, sizeof tag, 0) != (ssize_t)sizeof tag)
		abort(); /* a machine without randomness has no TLS either */
	hex_of(c->new_tag, tag, sizeof tag);
	c->ledger = l;
	c->want = want;
	c->mark = -1;
	c->fn = fn;
	c->arg = arg;
	STAILQ_INIT(&c->waiters);
	return c;
}

void
claim_free_parts(struct ledger_claim *c)
{
	char **parts[] = {&c->operation, &c->provider, &c->base, &c->account, &c->subject,
	    &c->name, &c->options};

	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		free(*parts[i]);
		*parts[i] = NULL;
	}
}

void
claim_free_candidates(struct ledger_claim *c)
{
	for (size_t i = 0; i < c->ncandidates; i++) {
		free(c->candidates[i].id);
		free(c->candidates[i].data);
	}
	free(c->candidates);
	c->candidates = NULL;
	c->ncandidates = 0;
}

void
claim_free(struct ledger_claim *c)
{
	claim_free_parts(c);
	claim_free_candidates(c);
	free(c->id);
	free(c->data);
	free(c->intent);
	claim_free_all(&c->waiters);
	free(c);
}

void
claim_free_all(struct ledger_claims *list)
{
	struct ledger_claim *c;

	while ((c = STAILQ_FIRST(list)) != NULL) {
		STAILQ_REMOVE_HEAD(list, link);
		claim_free(c);
	}
}

void
claim_set_id(struct ledger_claim *c, const char *id)
{
	char *copy = mem_str(id);

	free(c->id);
	c->id = copy;
}

void
claim_set_data(struct ledger_claim *c, const char *data)
{
	char *copy = mem_str(data);

	free(c->data);
	c->data = copy;
}

const struct ledger_candidate *
claim_choose(struct ledger_claim *c)
{
	const struct ledger_candidate *left = NULL;

	c->verdict = LEDGER_YOURS;
	for (size_t i = 0; i < c->ncandidates; i++) {
		const struct ledger_candidate *one = &c->candidates[i];

		if (one->owned || (left != NULL && strcmp(left->id, one->id) == 0))
			continue;
		if (left != NULL || c->certainty == LEDGER_MAYBE) {
			c->verdict = LEDGER_UNKNOWN;
			return NULL;
		}
		c->verdict = LEDGER_MADE;
		left = one;
	}
	return left;
}
