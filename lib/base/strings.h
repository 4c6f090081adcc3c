/*
 * strings: a growing list of borrowed strings.
 */
#ifndef AV_BASE_STRINGS_H
#define AV_BASE_STRINGS_H

#include <stddef.h>

/* Zeroed is empty. */
struct strings {
	const char **v;
	size_t n;
};

void strings_add(struct strings *list, const char *value);

/* Frees the list, not its strings. */
void strings_release(struct strings *list);

#endif
