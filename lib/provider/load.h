/*
 * load: finds descriptions, built in or the user's, and checks them.
 *
 * A user's file is providers/NAME.json in the configuration directory. It adds
 * a provider or replaces a built-in one. No user's file can send the
 * credentials of a built-in provider elsewhere: if it replaces the provider, it
 * must keep the URLs; otherwise it must not use its name or aliases. The file
 * and its folder must belong to the user or root, and nobody else may be able
 * to write them.
 */
#ifndef AV_PROVIDER_LOAD_H
#define AV_PROVIDER_LOAD_H

#include <sys/queue.h>

#include "provider/provider.h"

/* The largest file, in bytes. */
#define PROVIDER_FILE_MAX ((size_t)1 << 20)

/* Loads by name or alias. The caller frees it. NULL on failure:
 * unknown_provider, or bad_provider with file, line and column. */
struct provider *provider_load(const char *name, struct err *e);

/* Parses and checks a text, which file names in messages (see check.h). */
struct provider *provider_load_text(
    const char *text, size_t len, const char *file, struct err *e);

/* -1 and bad_provider if p, of the file p->file, has a name or alias of a
 * built-in provider of another name: loading it would fail. */
int provider_guard_names(const struct provider *p, struct err *e);

/* Calls fn with the name of each provider, in alphabetical order. */
void provider_each(void (*fn)(void *arg, const char *name), void *arg);

/* Says that the description is experimental, if it is. For programs that use a
 * description, at its first use. */
void provider_tell_experimental(const struct provider *p);

/* Descriptions, each read once, also a broken one; a zeroed set is empty. */
struct providers {
	SLIST_HEAD(, providers_entry) list;
};

/* Loads at the first use; borrowed from the set. NULL as provider_load(). */
struct provider *providers_get(
    struct providers *set, const char *name, struct err *e);

/* Loads each provider of "a,b"; names may be NULL. -1 at the first failure. */
int providers_load(struct providers *set, const char *names, struct err *e);

void providers_release(struct providers *set);

#endif
