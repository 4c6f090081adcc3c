/*
 * object: puts an object of a service, as a response or a list describes it,
 * into a record that the other programs take as it is.
 *
 * An avatar becomes `avatar`, a rendering the only entry of `renderings`, and
 * anything else `item`: each gets what the operation's answer takes. The whole
 * object is `provider_data`, without members that are named as secrets are
 * (which no record may have) and without pictures.
 */
#ifndef AV_PROGRAM_OBJECT_H
#define AV_PROGRAM_OBJECT_H

#include <json-c/json.h>

#include "provider/provider.h"
#include "json/rec.h"

/* op: whose response it is. taken: as from answer_taken. whole: the object, or
 * NULL. The record holds on to both: change neither while it lives. */
void object_put(struct rec *rec, const struct operation *op,
    struct json_object *taken, struct json_object *whole);

/* Sets provider_data to an object of the service, which stays unchanged while
 * the record lives. */
void object_put_data(struct rec *rec, struct json_object *whole);

/* Adds findings of the service's own check to the warnings of `image`; they are
 * borrowed, or NULL. */
void object_put_findings(struct rec *rec, struct json_object *findings);

/* What the record holds of this sort ("avatar", "rendering", "item"), borrowed.
 * NULL and no_avatar if it has none with an id, or several. */
struct json_object *object_of(struct rec *rec, const char *sort, struct err *e);

/* Sets the state of what the record holds of this sort. */
void object_set_status(struct rec *rec, const char *sort, const char *status);

/* A record for an id that was given as a line or an operand. */
void object_put_id(struct rec *rec, const char *sort, const char *id);

#endif
