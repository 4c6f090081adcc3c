/*
 * wanted: which renderings are asked for, as -r KIND[=VALUE], or as the provider's defaults with
 * what the record was asked for before.
 */
#ifndef AV_RENDER_WANTED_H
#define AV_RENDER_WANTED_H

#include "base/strings.h"
#include "program/opt.h"
#include "provider/provider.h"

struct wanted {
	const struct kind *kind;
	const char *value; /* or NULL */
	/* The record's own, where it was asked for before and only waits to be fetched; else NULL.
	 * Its options are what counts then. */
	struct json_object *entry;
};

/* Fills a new array, the caller's to free, with its strings borrowed from `asked` or the
 * provider. not_offered and option_invalid where the provider has no such kind or value. */
int wanted_of(const struct provider *p, const struct strings *asked, struct wanted **list,
    size_t *n, struct err *e);

/* Adds what `entries`, a record's `renderings`, say was asked for and has not failed, but has no
 * file. Nothing has to be asked for again to get it. */
void wanted_before(const struct provider *p, struct json_object *entries,
    struct wanted **list, size_t *n);

/* Writes "--pose hi" as "-r pose=hi" for each kind that any provider declares. argv's array is
 * replaced by one that lives as long as the program. */
void wanted_options(int *argc, char ***argv, const struct opt *table);

#endif
