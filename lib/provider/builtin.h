/*
 * builtin: data files that are compiled in, so that each program is one file
 * that runs anywhere. embed.sh makes builtin.c from lib/providers/ and
 * lib/schema/ at build time.
 */
#ifndef AV_PROVIDER_BUILTIN_H
#define AV_PROVIDER_BUILTIN_H

#include <stddef.h>

struct builtin_file {
	const char *path; /* below lib/, such as "providers/loom.json" */
	const char *data; /* followed by a NUL that does not count */
	size_t len;
};

/* The last entry has no path. */
extern const struct builtin_file builtin_files[];

/* The file dir/NAME.json ("schema", "provider"); NULL if there is none. */
const struct builtin_file *builtin_find(const char *dir, const char *name);

#endif
