/*
 * request: an operation filled with a record's values, as an HTTP request.
 */
#ifndef AV_PROVIDER_REQUEST_H
#define AV_PROVIDER_REQUEST_H

#include <json-c/json.h>

#include "base/buf.h"
#include "http/types.h"
#include "provider/option_file.h"
#include "provider/provider.h"
#include "json/rec.h"

/* A photo to send. The strings and the source's arg must outlive the request.
 * If source.read fails it sets `broken`: no attempt can succeed. */
struct request_photo {
	struct http_source source;
	struct err broken;
	const char *type;     /* "image/jpeg" */
	const char *filename; /* for multipart forms */
};

/* A request and the memory it points to. */
struct request {
	struct http_request http; /* ready to send, except for credentials */
	struct buf url, text;     /* text: the body in memory */
	struct json_object *parts_json; /* texts of multipart fields */
	struct json_object *headers_json;
	struct http_header *headers;
	struct http_part *parts;
	struct http_piece *pieces;
	struct option_file *files; /* of options, in the order of their names */
	size_t nfiles;
	bool tagged; /* the body contains the tag */
	/* Stands for a file within the text, with the file's number behind. */
	char marker[2 * 16 + 1];
};

/* The variables of templates (template.h), made from a record: its name, url,
 * avatar, item and image, and those of the options that the operation declares.
 * rec and options may be NULL. The caller owns the new object. */
struct json_object *request_vars(
    struct rec *rec, const struct operation *op, struct json_object *options);

/* Adds kind.KIND = value, and the rendering's own members; rendering may be
 * NULL. */
void request_vars_rendering(struct json_object *vars, const char *kind,
    const char *value, struct json_object *rendering);

/* Ends the name with a space and the mark. A name at the provider's limit is
 * shortened for it, and stays unmarked if nothing of it would be left. Does
 * nothing without a name. */
void request_vars_mark_name(
    struct json_object *vars, const struct provider *p, const char *mark);

/* The values for an operation. vars may have name, url, options, avatar,
 * rendering, item, kind, steps, page, offset, page_size, cursor and image. */
struct request_values {
	const char *base_url;
	const char *url; /* in place of path and query; NULL: those */
	struct json_object *vars;
	const struct request_photo *photo; /* or NULL */
	const char *tag; /* for the operation's lookup.tag, or NULL */
};

/* True if the operation sends no body, or has one for this record. photo: the
 * record's, or NULL. */
bool request_has_body(const struct operation *op, struct json_object *vars,
    const struct request_photo *photo);

/* Fills *r. Puts the facts of files into vars, in place of the paths in options
 * (provider/option_file.h). Errors: those of option_file_resolve(); url_refused
 * if the operation has no body for the photo's source; no_avatar if the path
 * needs an id that is absent; option_invalid if a header's value has more than
 * one line. The URL of operation_is_elsewhere() is not checked. Release *r
 * after the call is done. */
int request_init(struct request *r, const struct operation *op,
    const struct request_values *v, struct err *e);
void request_release(struct request *r);

/* Why a file cannot be sent, if reading it failed: the photo or one of an
 * option; else NULL. Borrowed. */
const struct err *request_broken(
    const struct request *r, const struct request_photo *photo);

/* Adds a header. Name and value must outlive the request. */
void request_header(struct request *r, const char *name, const char *value);

#endif
