/*
 * failure: why a record failed; becomes its `error`.
 */
#ifndef AV_SERVICE_FAILURE_H
#define AV_SERVICE_FAILURE_H

#include "base/err.h"
#include "provider/answer.h"
#include "json/rec.h"

/* Unknown members are NULL or 0. Zeroed is no failure. */
struct failure {
	struct err err; /* err.code is CODE_NONE if nothing failed */
	/* Whether the service made something: "no", "yes", "unknown". */
	const char *created;
	int http_status;
	bool retryable; /* even if the code alone is not */
	/* The service's own error code, sort of error, and faulty parameter. */
	char *provider_code, *provider_type, *provider_param;
	char *request_id; /* for the service's support */
	/* All findings of the service's own check of a photo, or NULL. */
	struct json_object *problems;
};

void failure_release(struct failure *f);

/* Replaces *f by an error of ours. */
void failure_set(struct failure *f, const struct err *e, const char *created);

/* Replaces *f by a response. The service's own words follow ours, on one line,
 * shortened, and with the secret (or NULL) hidden if they repeat it. */
void failure_answered(struct failure *f, enum code code, const char *created,
    const struct answer *a, const struct provider *p, const char *secret);

/* Changes the code; the service's words stay. */
void failure_recode(struct failure *f, enum code code);

/* Copies a failure; the caller releases the copy. */
void failure_copy(struct failure *to, const struct failure *from);

/* Sets the record's `error`, of that step. Returns the member, borrowed. */
struct json_object *failure_put(
    const struct failure *f, struct rec *rec, const char *step);

#endif
