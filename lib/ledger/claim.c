#include <stdlib.h>

#include "base/mem.h"
#include "ledger/claim.h"

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
	char *strings[] = {c->operation, c->provider, c->base, c->account, c->subject,
	    c->name, c->options, c->sent_name, c->file, c->unit, c->intent, c->id,
	    c->data};

	for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++)
		free(strings[i]);
	claim_free_candidates(c);
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
claim_set(char **string, const char *text)
{
	char *copy = mem_str(text);

	free(*string);
	*string = copy;
}
