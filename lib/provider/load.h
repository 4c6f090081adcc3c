/*
 * load: descriptions that were loaded once, kept by the name they were asked for. For the
 * programs that talk to no service.
 */
#ifndef AV_PROVIDER_LOAD_H
#define AV_PROVIDER_LOAD_H

#include "provider/provider.h"

/* A zeroed struct is an empty set. */
struct providers {
	struct providers_entry *first;
};

/* The description of that name, loaded at its first use; the set's. NULL as provider_load. */
struct provider *providers_get(struct providers *set, const char *name, struct err *e);

/* Loads each of "a,b"; NULL is none. -1 for the first that cannot be loaded. */
int providers_load(struct providers *set, const char *names, struct err *e);

void providers_release(struct providers *set);

#endif
