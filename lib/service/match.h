/*
 * match: how well an entry of a service's list fits a request.
 */
#ifndef AV_SERVICE_MATCH_H
#define AV_SERVICE_MATCH_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "provider/provider.h"

enum match {
	MATCH_NOT,
	MATCH_MAYBE, /* no contradiction, but a deciding field is missing */
	MATCH,
};

/* What an entry must hold by the description of an operation (lookup.match):
 * texts by pointer, the caller's. Empty if the description compares nothing but
 * the time, on an account that nothing else uses. NULL if it does not say, or
 * names what vars does not have. */
struct json_object *match_of_request(
    const struct operation *op, struct json_object *vars);

struct match_spec {
	struct json_object *match; /* match_of_request */
	const char *tag_at;        /* pointer to the tag, or NULL */
	const char *tag;           /* the one that was sent along, or NULL */
	/* End of a text that no other request has sent, or NULL. */
	const char *mark;
	const char *created_at; /* pointer to its time of creation, or NULL */
	const char *updated_at; /* pointer to a later time, or NULL */
	int64_t sent_at;        /* unix ms, by the service's clock */
	int64_t over_at; /* when it can no longer take effect, likewise */
	bool clock_sure; /* the offset of the service's clock is known */
	bool exclusive;  /* nothing else uses the account */
};

/* How surely the request made the entry, by the surest evidence there is
 * (service/pictures.h has one more):
 *
 *	tag	our tag: a match; another one: none
 *	mark	the same texts, one of which ends with our mark: a match
 *	texts	the same texts, and a time at which the request could take
 *		effect: a match if nothing else uses the account, or a maybe
 *
 * White space in texts does not count, since services trim it. An entry that
 * seems a little too old or too new, or whose time cannot be read, is a maybe
 * at best. */
enum match match_entry(
    const struct match_spec *spec, struct json_object *entry);

/* True if one of the texts that the request sent ends with the mark. */
bool match_is_marked(struct json_object *match, const char *mark);

/* The entries of a list that a request may have made. Zeroed is empty. Two
 * would prove that it is not known which, if no other request owned them. */
#define CANDIDATES_MAX 1000
struct candidates {
	struct json_object *of[MATCH + 1]; /* by match: id -> taken */
	bool many[MATCH + 1]; /* more than CANDIDATES_MAX, which are not kept */
	bool nameless;        /* one has no id, so it cannot be adopted */
};

/* Adds what was taken from an entry of the provider's list, which now belongs
 * to c, unless its id is there already. */
void candidates_add(struct candidates *c, const struct provider *p,
    struct json_object *taken, enum match match);

/* What was taken from the entry with that id, borrowed. */
struct json_object *candidates_taken(
    const struct candidates *c, const char *id);

void candidates_clear(struct candidates *c);

#endif
