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
#include <stdbool.h>

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

/* True if the service signs its events (provider/signature.h). */
bool event_is_signed(const struct provider *p);

/* -1 and bad_config if the text that is signed names what no event has. */
int event_check_signed(const struct provider *p, struct err *e);

/* Where the response to a registration has the secret of its signatures; NULL
 * if the service gives none then. */
const char *event_secret_place(const struct provider *p);

/* The names of all events that the description knows: a new array. */
struct json_object *event_names(const struct provider *p);

#endif
