/*
 * oauth_reply: what an OAuth endpoint said, in our words. Inside auth/oauth.h.
 */
#ifndef AV_AUTH_OAUTH_REPLY_H
#define AV_AUTH_OAUTH_REPLY_H

#include <json-c/json.h>
#include <stdint.h>

#include "auth/oauth.h"
#include "auth/post.h"

/* Reads a token into *a; on failure what was read so far is the caller's to release. */
int oauth_reply_token(
    struct json_object *o, const struct post *p, struct oauth_answer *a, struct err *e);

/* Says why the endpoint said no, o being its answer's JSON or NULL; sets a->error and
 * a->unclear. Always -1. */
int oauth_reply_refused(const struct oauth_ask *ask, const struct post *p,
    struct json_object *o, struct oauth_answer *a, struct err *e);

/* A number of seconds, also one in quotes; below 0 or past ten years it is bent to that. -1:
 * absent, null or no number. */
int64_t oauth_reply_seconds(struct json_object *o, const char *name);

#endif
