/*
 * oauth: the token endpoint of loom: password-realm, client credentials and refresh with
 * rotation. A refresh token that comes a second time is a stolen one: its whole family dies.
 */
#ifndef SANDBOX_OAUTH_H
#define SANDBOX_OAUTH_H

#include <json-c/json.h>
#include <stdbool.h>

/* Is the value of an Authorization header a live access token? */
bool tokens_accept(const char *authorization);

/* The access token of that header dies. */
void tokens_revoke(const char *authorization);

/* Reads back what was kept with state_note. */
void tokens_restore(const char *kind, struct json_object *o);

void tokens_free(void);

#endif
