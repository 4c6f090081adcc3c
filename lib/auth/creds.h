/*
 * creds: what a person was given by a service (key, client, user, password), and from where
 * it is read.
 *
 * Each value has a name: the provider's in capitals, other characters as `_`, and one of the
 * suffixes below, as in ACME_CLIENT_ID. A provider's further names do as well. A value is looked for in this order, each on its own:
 *
 *   1. what the user pointed at in this run: a file descriptor or a command's output;
 *   2. the environment;
 *   3. $XDG_CONFIG_HOME/avtools/credentials (~/.config), which only its owner may read.
 *
 * File, descriptor and command hold lines NAME_KEY=value; the value goes to the end of the
 * line as it stands. Blank lines, lines that begin with # and other names are skipped. A
 * descriptor or command may also give one bare line: it is the API key, or for OAuth the
 * client secret, or where that is known the password.
 *
 * Loaded once, before threads start; read-only afterwards.
 */
#ifndef AV_AUTH_CREDS_H
#define AV_AUTH_CREDS_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum cred {
	CRED_API_KEY,
	CRED_CLIENT_ID,
	CRED_CLIENT_SECRET,
	CRED_USERNAME,
	CRED_PASSWORD,
	CRED_ACCESS_TOKEN, /* used as it is, never renewed */
	CRED_TOKEN_URL,    /* in place of the provider file's */
	CRED_COUNT
};

struct cred_names {
	char *of[CRED_COUNT]; /* "ACME_CLIENT_ID" */
};

struct creds {
	char *provider;           /* "acme" */
	char *value[CRED_COUNT];  /* NULL: not given */
	char *const *name;        /* for messages, by enum cred */
	struct cred_names *names; /* the provider's own, then its further names */
	size_t name_count;
};

/* Where else to look. */
struct creds_from {
	int fd; /* read to its end, not closed; -1: none */
	const char
	    *command; /* for sh -c, without these values in its environment; or NULL */
	bool oauth;   /* what a bare line is */
	struct json_object
	    *aliases; /* an array of the provider's further names, or NULL */
};

/* Reads them; from may be NULL. Values that are absent are no failure. CODE_UNSAFE_SECRET,
 * CODE_NO_CREDENTIALS (the command failed, the descriptor is bad). */
int creds_load(
    struct creds *c, const char *provider, const struct creds_from *from, struct err *e);
void creds_release(struct creds *c);

/* The environment without c's names, for a child process. The caller frees the array, not its
 * strings. */
char **creds_child_env(const struct creds *c);

#endif
