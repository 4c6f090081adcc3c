/*
 * login: asks a person for credentials, checks them and keeps them.
 */
#ifndef AV_TOKEN_LOGIN_H
#define AV_TOKEN_LOGIN_H

#include "auth/token.h"

/* Asks for what the provider needs (for OAuth: the grant of that name, or the
 * first one) on the terminal, or reads a line for each from standard input.
 * Asks the service whether it accepts them, and only then keeps them in the
 * credentials file. Ends the program with a message on failure. */
void login(const char *provider, const char *grant, token_sign_in *sign_in);

#endif
