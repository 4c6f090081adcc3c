/*
 * types: the key, verdicts and entries that all parts of the ledger share.
 *
 * Times are ms since 1970 by this machine's clock. Absent strings are NULL,
 * absent times 0.
 */
#ifndef AV_LEDGER_TYPES_H
#define AV_LEDGER_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* An option of a request. json is its value as JSON text. Spelling (spaces,
 * escapes, order of members, 1.0 for 1) makes no difference to the key. */
struct ledger_option {
	const char *name;
	const char *json;
};

/* What is asked for. All of it together is the key. */
struct ledger_key {
	const char *operation; /* as the provider's description calls it */
	const char *provider;
	/* Base URL. Capitals in its host, the scheme's default port and a slash
	 * at the end make no difference. */
	const char *base;
	const char *account; /* label, never a secret */
	const char *subject; /* photo's SHA-256 in hex, unsigned URL, or id */
	const char *name;    /* only if it was given explicitly; else NULL */
	const struct ledger_option *options; /* in any order */
	size_t noptions;
};

enum ledger_verdict {
	LEDGER_YOURS,
	LEDGER_MADE,
	LEDGER_UNKNOWN,
	LEDGER_BUSY,
	LEDGER_ERROR,
};

struct ledger_answer {
	enum ledger_verdict verdict;
	const struct err *err; /* ERROR */
	const char *id;        /* MADE; UNKNOWN if the service had told one */
	/* JSON. MADE: settled with the id; UNKNOWN: kept with the intent. */
	const char *data;
	/* YOURS, UNKNOWN: random text of this entry, [0-9a-f]{24}, for services
	 * that store a tag. */
	const char *tag;
	/* The key of the entry, in hex. It is not the key that was asked for if
	 * the entry sent the same name, but was given it, or was not. */
	const char *key;
	int64_t first_at; /* the first intent */
	int64_t at;       /* the last intent; sending began no earlier. MADE:
	                   * when sending began */
	int64_t settled_at;
	int64_t clock_offset;
};

/* Called exactly once, unless the claim is cancelled. */
typedef void ledger_fn(void *arg, const struct ledger_answer *answer);

/* How well the candidates that ledger_adopt is given fit the request. */
enum ledger_certainty {
	LEDGER_MATCH,  /* all that the list shows fits */
	LEDGER_TAGGED, /* the candidate has this entry's tag */
	LEDGER_MAYBE,  /* no contradiction, but a deciding field is missing */
};

struct ledger_entry {
	const char *key;   /* SHA-256 in hex */
	const char *state; /* intended, made, unknown, not_made, failed, gone */
	bool busy;         /* a living process owns it */
	const char *operation, *provider, *base, *account, *subject, *name;
	const char *options;   /* JSON */
	const char *id, *data; /* data: JSON */
	const char *sent_name; /* the name that was sent, given or not */
	const char *tag;
	const char *file; /* the photo's path, as the user gave it */
	const char *unit; /* of the cost; NULL: noted by an older version */
	double amount;    /* the cost, see provider.h, struct operation */
	int64_t first_at, at, settled_at, clock_offset;
};

/* NULL members let every entry pass. */
struct ledger_filter {
	const char *key; /* its first digits, in hex */
	const char *provider, *account, *id;
	const char *state;    /* as in ledger_entry; other names fit nothing */
	const char *about;    /* the file, the subject or the id */
	const char *sha256;   /* with about: or else the subject */
	int64_t since, until; /* of `at`: not before, and before; 0: any time */
};

#endif
