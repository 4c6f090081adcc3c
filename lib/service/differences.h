/*
 * differences: what the responses to one operation have that its description
 * does not say, and what they lack.
 *
 *	differences_init -> differences_answer, differences_entry ...
 *	-> differences_end
 *
 * Looked at are: the status, the media type, the places of what is taken, of
 * the paging, of what a lookup compares and of an error's message, and the
 * words of states. A place counts as there if one response has it, also as
 * null.
 */
#ifndef AV_SERVICE_DIFFERENCES_H
#define AV_SERVICE_DIFFERENCES_H

#include "provider/answer.h"

struct differences {
	const struct provider *provider;
	const struct operation *op;
	struct json_object *found;  /* texts */
	struct json_object *places; /* name -> whether a response has it */
	size_t answers, entries;    /* that were looked at */
	int64_t total; /* entries, as the last page says; -1: it does not */
	size_t ids, odd_ids; /* of entries; those that id_pattern refuses */
};

void differences_init(struct differences *d, const struct provider *p,
    const struct operation *op);

/* Looks at a response to the operation. */
void differences_answer(struct differences *d, const struct answer *a);

/* Looks at an entry of a list. */
void differences_entry(struct differences *d, struct json_object *entry);

/* Adds a difference that the caller found. */
void differences_add(struct differences *d, const char *fmt, ...) PRINTF(2, 3);

/* Returns all that was found, which the caller owns, and releases the rest. */
struct json_object *differences_end(struct differences *d);

#endif
