/*
 * auth: what a service wants to see as a credential, as the `auth` of its provider file says.
 */
#ifndef AV_AUTH_H
#define AV_AUTH_H

#include <json-c/json.h>
#include <stdbool.h>

#include "err.h"
#include "oauth.h"

enum auth_kind { AUTH_NONE, AUTH_KEY, AUTH_OAUTH };

struct auth {
	enum auth_kind kind;
	const char *header;  /* "Authorization", "x-api-key" */
	const char *scheme;  /* "Bearer"; NULL: the value alone */
	struct oauth *oauth; /* for AUTH_OAUTH */
	/* The file is a user's under a built-in name and leads elsewhere than the built-in
	 * one: credentials are not sent there. */
	bool displaced;
};

/* Reads the whole of a provider file that its loader has checked; builtin is the built-in file
 * that it stands in for, or NULL. Strings are borrowed from def. */
void auth_init(struct auth *a, struct json_object *def, struct json_object *builtin);
void auth_release(struct auth *a);

#endif
