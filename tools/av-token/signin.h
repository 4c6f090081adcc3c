/*
 * signin: the two flows that need a person.
 *
 * Both say on stderr what the person has to do, wait for it, and end with a token request.
 * Whoever has no person to ask must not call them.
 */
#ifndef AV_TOKEN_SIGNIN_H
#define AV_TOKEN_SIGNIN_H

#include "auth/oauth.h"

/* Authorization code with PKCE (S256), redirected to a loopback port (RFC 8252). Opens the
 * browser with xdg-open where there is a display, and prints the URL in any case. The person
 * has 10 minutes (CODE_TIMEOUT). */
int signin_browser(const struct oauth_ask *ask, struct oauth_answer *a, struct err *e);

/* Device code (RFC 8628). CODE_TOKEN_REFUSED when the code was refused or has ended. */
int signin_device(const struct oauth_ask *ask, struct oauth_answer *a, struct err *e);

#endif
