/*
 * auth: what a service wants to see as a credential, as the `auth` of its provider file says.
 */
#ifndef AV_AUTH_AUTH_H
#define AV_AUTH_AUTH_H

#include "auth/oauth.h"
#include "provider/provider.h"

enum auth_kind { AUTH_NONE, AUTH_KEY, AUTH_OAUTH };

struct auth {
	enum auth_kind kind;
	const char *header;  /* "Authorization", "x-api-key" */
	const char *scheme;  /* "Bearer"; NULL: the value alone */
	struct oauth *oauth; /* for AUTH_OAUTH */
};

/* Reads a provider's; strings are borrowed from it. The provider is not kept. */
void auth_init(struct auth *a, const struct provider *p);
void auth_release(struct auth *a);

#endif
