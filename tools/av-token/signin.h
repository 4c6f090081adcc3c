/*
 * signin: the two grants that need a person.
 *
 * Both say on stderr what the person has to do, wait for it, and end with a
 * token request. The answer is to be released in any case.
 */
#ifndef AV_TOKEN_SIGNIN_H
#define AV_TOKEN_SIGNIN_H

#include "auth/oauth.h"

/* Authorization code with PKCE (RFC 7636, S256), with a loopback port as the
 * redirect address (RFC 8252). Prints the URL, and opens it with xdg-open if
 * there is a display: as a file that only the user can read, since other users
 * see command lines. CODE_TIMEOUT after 10 minutes. */
int signin_browser(
    const struct oauth_request *request, struct oauth_answer *a, struct err *e);

/* Device code (RFC 8628). CODE_TOKEN_REFUSED if the code was refused or has
 * expired. */
int signin_device(
    const struct oauth_request *request, struct oauth_answer *a, struct err *e);

#endif
