/*
 * creds: the secrets that a service gave to its user, and where they are read.
 *
 * Each value has a name: the provider's name in capitals, with `_` for other
 * characters, and a suffix, as in ACME_CLIENT_ID. The provider's aliases are
 * accepted as well. Each value is looked for in this order:
 *
 *   1. what the user points at in this run: a file descriptor or the output of
 *      a command;
 *   2. the environment, ACME_API_KEY;
 *   3. the first line of the file that ACME_API_KEY_FILE names;
 *   4. the first line of $CREDENTIALS_DIRECTORY/ACME_API_KEY, where systemd
 *      puts the credentials of a service;
 *   5. $XDG_CONFIG_HOME/avtools/credentials (~/.config), which only its owner
 *      may read.
 *
 * That file, the descriptor and the command hold lines NAME_KEY=value, read as
 * base/assign.h says. Other names are skipped; a line that is none is an error,
 * which names the line but does not show it. A descriptor or a command may also
 * give one bare line, without a name: it is the API key; for OAuth it is the
 * client secret or, if that is known, the password.
 *
 * Loaded once, before threads start; read-only afterwards.
 */
#ifndef AV_AUTH_CREDS_H
#define AV_AUTH_CREDS_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/assign.h"
#include "base/err.h"

enum cred {
	CRED_API_KEY,
	CRED_CLIENT_ID,
	CRED_CLIENT_SECRET,
	CRED_USERNAME,
	CRED_PASSWORD,
	CRED_ACCESS_TOKEN,   /* used as it is, never renewed */
	CRED_TOKEN_URL,      /* replaces the description's */
	CRED_SCOPE,          /* scopes besides the description's; no secret */
	CRED_WEBHOOK_SECRET, /* signs events (provider/event.h) */
	CRED_COUNT
};

enum cred_source {
	CRED_GIVEN, /* by the caller, a descriptor or a command */
	CRED_FROM_ENVIRONMENT,
	CRED_FROM_OWN_FILE, /* which holds this value alone */
	CRED_FROM_FILE,     /* the credentials file */
};

struct creds {
	char *provider;          /* "acme" */
	char *value[CRED_COUNT]; /* NULL: not given */

	/* Of each value: the name that it was found by; where; and the same
	 * for people: "the environment". */
	const char *used[CRED_COUNT];
	enum cred_source source[CRED_COUNT];
	char *place[CRED_COUNT];

	/* By enum cred, "ACME_CLIENT_ID": the provider's own names, then those
	 * of each alias. */
	char **name;
	size_t name_count;
};

/* Where else to look. */
struct creds_from {
	int fd;                      /* read to its end, not closed; -1: none */
	const char *command;         /* for sh -c; or NULL */
	bool oauth;                  /* a bare line is no API key */
	struct json_object *aliases; /* an array of strings, or NULL */
	char *const *given; /* by enum cred, comes before all else; or NULL */
};

/* Reads them; sources may be NULL. An absent value is no failure. The command
 * runs without these values in its environment. -1 and CODE_UNSAFE_SECRET, or
 * CODE_NO_CREDENTIALS (the command failed, the descriptor cannot be read, a
 * line is not NAME_KEY=value). */
int creds_load(struct creds *creds, const char *provider,
    const struct creds_from *sources, struct err *e);
void creds_release(struct creds *c);

/* The path of the credentials file. NULL: HOME is not set. The caller frees
 * it. */
char *creds_file(void);

/* What to type in order to set the value, or to replace it; NULL if it was
 * given for this run. The caller frees it. */
char *creds_replace_by(const struct creds *c, enum cred which);

/* Which value the line is about; CRED_COUNT: none of these. */
enum cred creds_of_line(const struct creds *c, const struct assign *line);

/* The environment for a child process, without the names of c. The caller frees
 * the array, not its strings. */
char **creds_child_env(const struct creds *c);

#endif
