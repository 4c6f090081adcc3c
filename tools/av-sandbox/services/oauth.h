/*
 * oauth: Loom's token endpoint.
 *
 * Its grants are password-realm, client_credentials and refresh_token. A
 * refresh token is good for one use: a second use means that it was stolen,
 * and revokes all tokens of its family.
 */
#ifndef SANDBOX_OAUTH_H
#define SANDBOX_OAUTH_H

#include <stdbool.h>

/* Registers the tokens' lines of the journal; call it before state_open. */
void tokens_open(void);
void tokens_free(void);

/* Is the value of an Authorization header a valid access token? */
bool tokens_accept(const char *authorization);

/* Makes the access token of that header invalid. */
void tokens_revoke(const char *authorization);

#endif
