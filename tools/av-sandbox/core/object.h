/*
 * object: JSON objects, built and read member by member.
 */
#ifndef SANDBOX_OBJECT_H
#define SANDBOX_OBJECT_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/* Sets a member; NULL becomes null. */
void obj_text(struct json_object *o, const char *name, const char *s);
void obj_int(struct json_object *o, const char *name, int64_t n);
void obj_bool(struct json_object *o, const char *name, bool b);

/* ms since 1970 as "2026-05-01T10:00:00.000Z", or without the fraction. */
void obj_time(
    struct json_object *o, const char *name, int64_t ms, bool fraction);

/* Copies the member of another object; null if it is missing there. */
void obj_copy(
    struct json_object *o, const char *name, struct json_object *from);

/* Sets all members of another object. */
void obj_merge(struct json_object *o, struct json_object *from);

/* Reads a member; it is borrowed. NULL or 0 if it is missing. */
struct json_object *obj_get(struct json_object *o, const char *name);
const char *obj_get_text(struct json_object *o, const char *name);
int64_t obj_get_int(struct json_object *o, const char *name);
bool obj_get_bool(struct json_object *o, const char *name);

/* Has it the member, be it null? */
bool obj_has(struct json_object *o, const char *name);

/* Appends the object on one line and puts it. */
void obj_write(struct buf *out, struct json_object *o);

#endif
