/*
 * choices: finds option values that are in none of the service's lists.
 *
 * An option whose schema names a list ("list": "voices") takes the id of one of
 * the list's entries. A mistyped id would be found by the service, perhaps
 * after it was paid for. So the list is asked first: once in a run, or once for
 * each avatar if the list belongs to an avatar. It is free. If the list cannot
 * be read, the value passes with a warning.
 */
#ifndef AV_SERVICE_CHOICES_H
#define AV_SERVICE_CHOICES_H

#include "service/call.h"

/* The lists that were read in this run. */
struct choices;
struct choices *choices_new(struct engine *engine);
void choices_free(struct choices *all);

/* e: option_invalid for the first value that its list does not have; NULL:
 * there is none. */
typedef void choices_fn(void *arg, const struct err *e);

/* Checks vars/options, those of the operation at hand. Calls back once, never
 * from within; spec is used until then. */
struct choice;
struct choice *choices_check(struct choices *all, const struct call_spec *spec,
    choices_fn *fn, void *arg);

/* Calls back soon, perhaps at once, for all that wait for the same list: as if
 * it could not be read. */
void choices_stop(struct choice *c);

#endif
