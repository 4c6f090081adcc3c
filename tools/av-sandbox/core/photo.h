/*
 * photo: an uploaded picture, decoded once. What is kept of it is its hash, type and size and
 * a small JPEG of it to draw renderings from, one for each distinct file, never the bytes.
 */
#ifndef SANDBOX_PHOTO_H
#define SANDBOX_PHOTO_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "core/util.h"

enum photo_type { PHOTO_BAD, PHOTO_JPEG, PHOTO_PNG, PHOTO_WEBP };

struct sb_photo {
	char sha256[HEX_SIZE];
	enum photo_type type; /* PHOTO_BAD: the bytes do not decode */
	int width, height;
	size_t bytes;
	struct buf thumb; /* JPEG, longest side at most 256 */
	bool kept;        /* written to the state file */
};

/* The photo of these bytes, decoded if they are new. It lives as long as the process. */
struct sb_photo *sb_photo_of(const void *data, size_t len);

/* A made-up picture in place of what stands at a URL: nothing is ever fetched. */
struct sb_photo *sb_photo_of_url(const char *url);

/* As a JSON object for the state file, and back. */
struct json_object *sb_photo_json(const struct sb_photo *p);
void sb_photo_restore(struct json_object *o);
struct sb_photo *sb_photo_find(const char *sha256);

const char *sb_photo_type_name(enum photo_type type); /* "image/jpeg" */

void sb_photo_free_all(void);

#endif
