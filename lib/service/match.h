/*
 * match: how surely an entry of a service's list is what a request made.
 */
#ifndef AV_SERVICE_MATCH_H
#define AV_SERVICE_MATCH_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

enum match {
	MATCH_NOT,
	MATCH_MAYBE, /* nothing speaks against it, but something that would tell is not there */
	MATCH,
};

struct match_spec {
	struct json_object *match; /* what it must hold: texts by pointer; or NULL */
	const char *tag_at, *tag;  /* where the tag that was sent along stands; or NULL */
	const char *created_at;    /* where its time stands; NULL: no time tells */
	int64_t sent_at;           /* unix ms, by the service's clock */
	bool clock_sure;           /* that is how far its clock is from ours */
};

/* The tag alone tells, where there is one. Texts match whatever blanks they are spaced with, as
 * services trim them. An entry that is older is another one, and one that seems a little older,
 * or whose time cannot be read, perhaps. */
enum match match_entry(const struct match_spec *spec, struct json_object *entry);

#endif
