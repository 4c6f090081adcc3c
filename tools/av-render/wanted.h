/*
 * wanted: the renderings to make: of -r KIND[=VALUE], or else the provider's
 * default kinds and those that the record has requested before.
 */
#ifndef AV_RENDER_WANTED_H
#define AV_RENDER_WANTED_H

#include "base/strings.h"
#include "program/opt.h"
#include "provider/provider.h"

struct wanted {
	const struct kind *kind;
	const char *value; /* or NULL */
	/* The record's entry if it was requested before and only has to be
	 * fetched; its options count then. Else NULL. */
	struct json_object *entry;
};

/* Makes an array, which the caller frees; its strings are borrowed from `asked`
 * or the provider. Fails with not_offered or option_invalid if the provider has
 * no such kind or value. */
int wanted_of(const struct provider *p, const struct strings *asked,
    struct wanted **list, size_t *n, struct err *e);

/* Adds those of a record's `renderings` that were requested, have not failed
 * and have no file yet. They only have to be fetched. listed: the record came
 * from a list, so those count that come with the avatar too. */
void wanted_before(const struct provider *p, struct json_object *entries,
    bool listed, struct wanted **list, size_t *n);

/* Writes "--pose hi" as "-r pose=hi" for each kind that a provider declares.
 * Sets argv to a new array, which lives as long as the program. */
void wanted_options(int *argc, char ***argv, const struct opt *table);

#endif
