/*
 * validate: checks a record against its provider, before anything is sent.
 *
 * av-validate does just this; av-upload does it for records that did not pass
 * av-validate.
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
	bool name_folders;           /* names are made of folders */
	struct filetype *types;      /* borrowed */
};

/* How the photo of a record for this provider (or NULL) is read: a file above
 * the provider's limit of bytes only up to the end of its header. */
struct photo_options validate_photo_options(
    const struct validate_options *o, const struct provider *p);

/* True if validate_record would read a file, which takes time. */
bool validate_reads(struct rec *rec);

/* Sets image, and the name (with name_from) and options that the record lacks.
 * If the record has the facts of its photo (image.sha256), the photo is not
 * read again. p is NULL if the record names no provider; then only the photo is
 * checked. -1 if the service would refuse the record: it has an `error` of the
 * step, with all findings in error.problems. */
int validate_record(const struct validate_options *o, const struct provider *p,
    struct rec *rec, const char *step);

/* The same for a photo that was read before. */
int validate_facts(const struct validate_options *o, const struct provider *p,
    struct rec *rec, const char *step, const struct photo *photo);

/* Only what is needed to send the photo: sets image if it lacks the photo's
 * facts. -1: the photo cannot be sent; the record has an `error` of the
 * step. */
int validate_photo(const struct validate_options *o, const struct provider *p,
    struct rec *rec, const char *step);

/* The findings in the form of error.problems; a new array, owned by the
 * caller. */
struct json_object *validate_problems(const struct findings *fs);

/* True if the user gave the name: it is not the one that is made of
 * `name_from`, the path or URL that an earlier program noted, or else of the
 * photo's path now. Only then is the name a part of what was asked for. */
bool validate_name_given(const struct provider *p, struct rec *rec);

#endif
