/*
 * failure: why a record failed, as it stands in its `error`.
 */
#ifndef AV_SERVICE_FAILURE_H
#define AV_SERVICE_FAILURE_H

#include "base/err.h"
#include "provider/answer.h"
#include "json/rec.h"

/* What is not known is NULL or 0. Zeroed is no failure. */
struct failure {
	struct err err; /* err.code is CODE_NONE where nothing failed */
	const char
	    *created; /* "no", "yes", "unknown": whether the service made something */
	int http_status;
	bool retryable;      /* though the registry says that it is not */
	char *provider_code; /* the service's own */
	char *request_id;    /* what its support asks for */
};

void failure_release(struct failure *f);

/* Sets *f anew from an error of ours. */
void failure_set(struct failure *f, const struct err *e, const char *created);

/* Sets *f anew from an answer: the service's own words follow ours, on one line, cut where they
 * are long, and without the secret (NULL welcome) if they repeat it. */
void failure_answered(struct failure *f, enum code code, const char *created,
    const struct answer *a, const struct provider *p, const char *secret);

/* Gives another code to what an answer was taken for; the service's words stay. */
void failure_recode(struct failure *f, enum code code, const char *created);

/* A copy, of which the contents are the caller's. */
void failure_copy(struct failure *to, const struct failure *from);

/* Writes it into the record as the error of a step; returns the member, borrowed. */
struct json_object *failure_put(
    const struct failure *f, struct rec *rec, const char *step);

#endif
