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
 * texts by pointer, the caller's. NULL if the description does not say, or
 * names what vars does not have. */
struct json_object *match_of_request(
    const struct operation *op, struct json_object *vars);

struct match_spec {
	struct json_object *match; /* match_of_request */
	const char *tag_at;        /* pointer to the tag, or NULL */
	const char *tag;           /* the one that was sent along, or NULL */
	const char *created_at;    /* pointer to its time; NULL: it has none */
	int64_t sent_at;           /* unix ms, by the service's clock */
	bool clock_sure; /* the offset of the service's clock is known */
};

/* If the entry has a tag, the tag decides. Otherwise its texts must be the
 * same, except for white space, which services trim, and it must not be older
 * than the request. An entry that seems a little older, or whose time cannot be
 * read, is a maybe. */
enum match match_entry(
    const struct match_spec *spec, struct json_object *entry);

/* The entries of a list that a request may have made. Zeroed is empty. */
struct candidates {
	struct json_object *of[MATCH + 1]; /* by match: id -> taken */
	bool nameless; /* one without an id was added; it cannot be adopted */
};

/* Adds what was taken from an entry, which now belongs to c, unless its id is
 * there already. */
void candidates_add(
    struct candidates *c, struct json_object *taken, enum match match);

/* What was taken from the entry with that id, borrowed. */
struct json_object *candidates_taken(
    const struct candidates *c, const char *id);

void candidates_clear(struct candidates *c);

#endif
