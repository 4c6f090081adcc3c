/*
 * option_file: an option whose value is the path of a file, such as a sound.
 *
 * The option's schema has `file`, the media types that the file may have, with
 * the extension of each, and `maxBytes`. A path becomes the file's facts before
 * a request is made: an object with path, type, ext, bytes and sha256, which is
 * the value of the option in templates. The ledger knows the file by its hash.
 * While a request is sent, the file is read as photo/source.h reads a photo: if
 * it is not the file of these facts any more, it is never sent in full.
 */
#ifndef AV_PROVIDER_OPTION_FILE_H
#define AV_PROVIDER_OPTION_FILE_H

#include <json-c/json.h>

#include "http/types.h"
#include "photo/finding.h"
#include "photo/source.h"
#include "provider/provider.h"

/* Adds option_invalid for each file that is missing or not allowed. op: the
 * operation whose schemas count first, or NULL. */
void option_file_check(const struct provider *p, const struct operation *op,
    struct json_object *options, struct findings *findings);

/* Puts the facts in place of each path in vars/options. -1 with the
 * error of photo_open(), or option_invalid, if a file cannot be read or the
 * schema does not allow it. */
int option_file_resolve(
    const struct operation *op, struct json_object *vars, struct err *e);

/* A file while it is sent. */
struct option_file {
	char *name, *filename; /* of the option; for multipart forms */
	struct json_object *facts;
	struct photo_stream stream;
	struct err broken; /* set if it cannot be read or has changed */
};

/* The name that a multipart form tells is that of the option, with the
 * extension: what a path says about a person stays here. Makes *f. */
void option_file_init(
    struct option_file *f, const char *name, struct json_object *facts);
void option_file_release(struct option_file *f);

/* The bytes of the file, which is open only while they are read. */
struct http_source option_file_source(struct option_file *f);

#endif
