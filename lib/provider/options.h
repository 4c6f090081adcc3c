/*
 * options: a record's options, checked against what operations declare.
 *
 * The record's own `options` come first. Options of the command line, written
 * KEY=VALUE, fill in what is absent. An operation gets those it declares.
 */
#ifndef AV_PROVIDER_OPTIONS_H
#define AV_PROVIDER_OPTIONS_H

#include <json-c/json.h>
#include <stdbool.h>

#include "base/similar.h"
#include "base/strings.h"
#include "photo/finding.h"
#include "provider/provider.h"
#include "json/rec.h"

/* Makes the account's constants the defaults of the options that may come from
 * it (`account` in their schema): NAME_OPTION of the environment, else
 * NAME.options.OPTION of the configuration. -1 and CODE_BAD_CONFIG if one is
 * not what the option takes. */
int options_from_account(struct provider *p, struct err *e);

/* The record's options, filled in from `given`; a new object, owned by the
 * caller, possibly empty. A value is read as the type that the provider
 * declares; "extras.job=j1" sets a member of an object. */
struct json_object *options_of(
    struct rec *rec, const struct provider *p, const struct strings *given);

/* Of a table's row, whose options are texts: a text becomes the number, or true
 * or false, that the provider declares, if it is just that in JSON. */
void options_read_texts(struct rec *rec, const struct provider *p);

/* The schema of an option as this operation, which may be NULL, declares it, or
 * else another one; NULL if none does. Borrowed. */
struct json_object *options_schema(
    const struct provider *p, const struct operation *op, const char *name);

/* The schema of the operation's option if it takes a file
 * (provider/option_file.h), else NULL. Borrowed. */
struct json_object *options_file(const struct operation *op, const char *name);

/* The options that the operation declares, with the defaults that its
 * description gives; a new object, owned by the caller, or NULL if there are
 * none. options may be NULL. */
struct json_object *options_for(
    const struct operation *op, struct json_object *options);

/* True if the operation declares the option of "key=value" or
 * "key.member=value". If not, compares the names of its options with it. */
bool options_takes(
    const struct operation *op, const char *given, struct similar *similar);

/* Adds option_invalid if the record's `options` is not an object. */
void options_check_record(struct rec *rec, struct findings *findings);

/* Adds option_unknown for each option that no operation declares, and
 * option_invalid for each value that does not fit its schema. op: the operation
 * whose schema counts first, and whose options are listed for a user who
 * mistyped one; or NULL. */
void options_check(const struct provider *p, const struct operation *op,
    struct json_object *options, struct findings *findings);

/* Adds option_missing, and option_invalid for options that the operation does
 * not accept together. */
void options_check_operation(const struct operation *op,
    struct json_object *options, struct findings *findings);

#endif
