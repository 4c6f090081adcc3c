/*
 * against: compares a service's responses with its description, by operations
 * that change nothing.
 *
 * These are repeatable, free, and a GET or HEAD. An operation that needs an id
 * gets those of a list: of the list at the same path, else of the first that
 * lists such things. A list of a few entries is read again in smaller pages,
 * which must have the same entries.
 */
#ifndef AV_SERVICE_AGAINST_H
#define AV_SERVICE_AGAINST_H

#include "service/account.h"

enum against_result { AGAINST_OK, AGAINST_DIFFERS, AGAINST_NOT_TRIED };

/* The result of one operation that was compared. */
struct against {
	const struct operation *op;
	enum against_result result;
	char *request; /* "GET https://api.example.org/v1/avatars" */
	struct json_object *differences; /* texts; NULL: it was not tried */
	char
	    *seen; /* what was compared: "3 entries"; or why it was not tried */
	enum code code; /* why not, if a request failed; else CODE_NONE */
};

/* Each request has this long, passing trouble and new attempts included. */
#define AGAINST_MS 5000

/* Asks a service, and calls fn for each operation, in the description's order,
 * when all are done. -1: there is no such provider, or it is unusable. */
int against_service(const char *provider, const struct account_options *options,
    void (*fn)(void *arg, const struct against *one), void *arg, struct err *e);

#endif
