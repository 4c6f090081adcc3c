/*
 * auth: what token.h wants to know of a provider, read from its description.
 */
#ifndef AV_AUTH_H
#define AV_AUTH_H

#include "provider.h"
#include "token.h"

/* Fills *auth; what it points to belongs to the provider and to *auth. */
void auth_init(struct auth *auth, const struct provider *p);
void auth_release(struct auth *auth);

#endif
