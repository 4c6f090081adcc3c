/*
 * event: what a service says in an event, a request that it sends to us.
 *
 * The description's `events` says where the body has its name and the id of
 * what it is about. Anyone may have sent a body: an event is a hint, which a
 * request to the service has to confirm, also where it is signed.
 */
#ifndef AV_PROVIDER_EVENT_H
#define AV_PROVIDER_EVENT_H

#include <json-c/json.h>
#include <stddef.h>
#include <stdint.h>

#include "provider/provider.h"

struct event {
	const char *name; /* of the body */
	const char *of;   /* "avatar" or "rendering" */
	const char *kind; /* of a rendering; else NULL */
	char *id;         /* the caller frees it */
};

/* Reads the body of an event. -1 and bad_answer if it has no name, a name that
 * the description does not know, or no id that the service can have made. */
int event_read(const struct provider *p, struct json_object *body,
    struct event *event, struct err *e);

/* True if the service signs its events: event_verify needs its secret. */
bool event_is_signed(const struct provider *p);

/* The headers that came with an event. */
typedef const char *event_header(void *arg, const char *name);

/* Checks the signature of a body, in a time that does not depend on what the
 * signature should be. now: in seconds since 1970. -1 and bad_answer. */
int event_verify(const struct provider *p, const char *secret,
    event_header *header, void *arg, const void *body, size_t len, int64_t now,
    struct err *e);

/* The names of all events that the description knows: a new array. */
struct json_object *event_names(const struct provider *p);

#endif
