/*
 * validate: a record held against its provider, before anything is spent.
 *
 * Reads the photo, fills in what the provider wants and the record does not say (name,
 * options), and says everything that the service would refuse. av-validate is this and no
 * more; av-upload does it for records that did not come through av-validate.
 */
#ifndef AV_PROVIDER_VALIDATE_H
#define AV_PROVIDER_VALIDATE_H

#include "base/strings.h"
#include "photo/filetype.h"
#include "photo/photo.h"
#include "provider/provider.h"
#include "json/rec.h"

struct validate_options {
	struct photo_options photo;
	const struct strings *given; /* -O */
	struct filetype *types;      /* borrowed */
};

/* Sets image, name and options. 0, or -1 where the record must not be sent: it then carries
 * `error` of that step, with every finding in error.problems. p is NULL where the record
 * names no provider: only the photo itself is judged. A photo that the record holds the facts
 * of (image.sha256) is not read again. */
int validate_record(const struct validate_options *j, const struct provider *p,
    struct rec *rec, const char *step);

/* The same for a photo that was judged already, by whomever. */
int validate_facts(const struct validate_options *j, const struct provider *p,
    struct rec *rec, const char *step, const struct photo *photo);

/* Findings as error.problems has them, a new array, the caller's. */
struct json_object *validate_problems(const struct findings *fs);

/* Whether the name is not the one that would be made of the photo's path (the original's, where
 * another was made of it) or URL: only then is it part of what was asked for. */
bool validate_name_given(const struct provider *p, struct rec *rec);

#endif
