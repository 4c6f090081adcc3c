/*
 * builtin: the data files that are compiled in, so that a program is one file that runs
 * anywhere. Made by embed.sh from lib/providers/ and lib/schema/ at build time.
 */
#ifndef AV_PROVIDER_BUILTIN_H
#define AV_PROVIDER_BUILTIN_H

#include <stddef.h>

struct builtin_file {
	const char *path; /* below lib/, such as "providers/loom.json" */
	const char *data; /* terminated by a NUL that does not count */
	size_t len;
};

/* Ends with an entry whose path is NULL. */
extern const struct builtin_file builtin_files[];

#endif
