/*
 * options: what a record asks for beside the photo, held against what operations declare.
 *
 * A record's own `options` win; those given on the command line as KEY=VALUE fill in what is
 * absent. An operation takes the ones it declares.
 */
#ifndef AV_PROVIDER_OPTIONS_H
#define AV_PROVIDER_OPTIONS_H

#include <json-c/json.h>

#include "base/strings.h"
#include "photo/finding.h"
#include "provider/provider.h"
#include "json/rec.h"

/* The record's options with `given` filled in, a new object, the caller's; an empty one where
 * there are none. A value is read as the type that the provider declares; "extras.job=j1" sets a
 * member of an object. */
struct json_object *options_of(
    struct rec *rec, const struct provider *p, const struct strings *given);

/* Those that an operation declares, a new object, the caller's; NULL where there are none. */
struct json_object *options_for(const struct operation *op, struct json_object *options);

/* Adds option_invalid where the record's `options` are no object. */
void options_check_record(struct rec *rec, struct findings *findings);

/* Adds option_unknown for those that no operation of the provider takes, and option_invalid
 * for values that it does not take. */
void options_check(
    const struct provider *p, struct json_object *options, struct findings *findings);

/* Adds option_missing and what else the operation as a whole asks for. */
void options_check_operation(
    const struct operation *op, struct json_object *options, struct findings *findings);

#endif
