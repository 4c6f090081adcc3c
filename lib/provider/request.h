/*
 * request: one operation of a provider, filled with a record's values, as an HTTP request.
 */
#ifndef AV_PROVIDER_REQUEST_H
#define AV_PROVIDER_REQUEST_H

#include <json-c/json.h>

#include "base/buf.h"
#include "http/types.h"
#include "provider/provider.h"

/* The photo as it goes out. The strings and the source's arg must outlive the request. When
 * source.read fails it sets `broken`: the request can never be made, whatever the network. */
struct request_photo {
	struct http_source source;
	struct err broken;
	const char *type;     /* "image/jpeg" */
	const char *filename; /* for the multipart form */
};

/* A request and what it points to. */
struct request {
	struct http_request http; /* ready for http_send, once credentials are added */
	struct buf url, text;     /* text: the body in memory */
	struct json_object *parts_json; /* texts of multipart fields */
	struct json_object *headers_json;
	struct http_header *headers;
	struct http_part *parts;
	struct http_piece pieces[4];
	bool tagged;    /* the tag is in it */
	char *data_uri; /* "data:image/png;base64," */
};

/* What an operation is filled with. vars: name, url, options, avatar, rendering, kind, page,
 * page_size, cursor, image; each where there is one. */
struct request_values {
	const char *base_url;
	struct json_object *vars;
	const struct request_photo *photo; /* or NULL */
	const char *tag;                   /* for the operation's lookup.tag, or NULL */
};

/* Fills *r. Errors: url_refused where the operation has no body for such a source;
 * no_avatar where an id that the path needs is absent. Release it only when the call is done. */
int request_init(struct request *r, const struct operation *op,
    const struct request_values *v, struct err *e);
void request_release(struct request *r);

/* Adds a header. Name and value must outlive the request. */
void request_header(struct request *r, const char *name, const char *value);

#endif
