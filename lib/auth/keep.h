/*
 * keep: writes credentials into the credentials file (auth/creds.h).
 */
#ifndef AV_AUTH_KEEP_H
#define AV_AUTH_KEEP_H

#include "auth/creds.h"

/* Sets the values of the provider's lines. A value that is NULL leaves its line
 * as it is, and "" removes it. The first line of a value is changed in its
 * place, later ones are removed, and a value without a line is added at the
 * end; every other byte of the file stays. The file is replaced as a whole, has
 * mode 0600 and is made if it is missing, with its directory. Processes that
 * do this at the same time wait for each other.
 *
 * 1 if the file has changed, 0 if nothing was to change; -1: unsafe_secret if
 * others can read the file, no_credentials if a line of it is none or a value
 * cannot be written so that it is read back, state_unusable if the file cannot
 * be written. */
int keep_values(const struct creds *names,
    const char *const values[static CRED_COUNT], struct err *e);

#endif
