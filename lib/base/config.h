/*
 * config: the user's defaults, lines KEY = VALUE of the file avtools/config in
 * the configuration directory.
 *
 * base/assign.h says how lines are read. The keys:
 *
 *	provider       as -p
 *	jobs           as -j of programs that talk to services
 *	ledger         as --ledger: an absolute path, or none
 *	account        label of the account, as NAME_ACCOUNT
 *	NAME.account   the same for one provider
 *	NAME.options.OPTION  an option of that provider that its account sets
 *
 * An option comes before the environment, the environment before the file, and
 * the file before what is built in. The file is read once, at the first call;
 * call first before threads start.
 */
#ifndef AV_BASE_CONFIG_H
#define AV_BASE_CONFIG_H

#include <stddef.h>

#include "base/err.h"

/* The file's path. NULL: HOME is not set. The caller frees it. */
char *config_file(void);

/* -1 and CODE_BAD_CONFIG, at each call, if the file cannot be read, or has a
 * line, a key or a value that is none, or a key twice. It then has no values;
 * an absent file has none either. */
int config_load(struct err *e);

/* A value of the file; NULL if it has none. */
const char *config_get(const char *key);

/* The line of the key, counted from 1; 0 if the file does not have it. */
size_t config_line(const char *key);

/* Calls fn with each key and value, in the order of the file. */
void config_each(
    void (*fn)(void *arg, const char *key, const char *value), void *arg);

enum config_source {
	CONFIG_OPTION,
	CONFIG_ENVIRONMENT,
	CONFIG_FILE,
	CONFIG_BUILT_IN
};

/* The first value that is there and not empty; fallback, whatever it is, if
 * there is none. *source (source may be NULL) says which it is. */
const char *config_choose(const char *option, const char *environment,
    const char *file, const char *fallback, enum config_source *source);

#endif
