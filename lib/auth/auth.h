/*
 * auth: how a service wants to see a credential, as its description says.
 */
#ifndef AV_AUTH_AUTH_H
#define AV_AUTH_AUTH_H

#include "auth/grant.h"
#include "json/json.h"

enum auth_kind { AUTH_NONE, AUTH_KEY, AUTH_OAUTH };

struct auth {
	enum auth_kind kind;
	const char *header;  /* "Authorization", "x-api-key" */
	const char *scheme;  /* "Bearer"; NULL: none */
	struct oauth *oauth; /* of AUTH_OAUTH */
};

/* Reads a description's `auth` object; NULL means AUTH_NONE. Strings are
 * borrowed from it. */
void auth_init(struct auth *a, struct json_object *description);
void auth_release(struct auth *a);

#endif
