/*
 * ask: a paid operation in the words of the ledger: its key, and what its entry
 * keeps.
 */
#ifndef AV_SERVICE_ASK_H
#define AV_SERVICE_ASK_H

#include "base/buf.h"
#include "service/lookup.h"

struct ask {
	struct account *account;
	const struct operation *op;
	struct json_object *vars;    /* that the request is filled with */
	struct json_object *options; /* for the key, by their names; or NULL */
	/* See ledger/ledger.h: parts of the key, ... */
	const char *subject, *name;
	/* ... and what is kept with it. */
	const char *sent_name, *file, *unit;
	double amount;
	struct json_object *match; /* as of match_of_request, or NULL */
	bool again;
};

/* The same for ledger_claim and its like. Borrows what the ask has. */
struct ask_words {
	struct ledger_ask ledger;
	struct ledger_option *options; /* its own */
	struct buf match;
};

void ask_init(struct ask_words *w, const struct ask *a);
void ask_release(struct ask_words *w);

/* The mark of the key, for a name (provider/request.h). */
void ask_mark(const struct ask *a, char mark[LEDGER_KEY_MARK]);

/* The data that an entry kept: an object, owned by the caller, or NULL. */
struct json_object *ask_kept(const struct ledger_answer *answer);

/* Makes a lookup one of what an earlier process or run sent, by what it kept
 * with the entry. Replaces sought->match, which the caller owns, if that was
 * kept. */
void ask_seek(struct lookup_spec *sought, const struct ledger_answer *answer);

#endif
