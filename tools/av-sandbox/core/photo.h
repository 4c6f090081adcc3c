/*
 * photo: an uploaded photo, decoded once.
 *
 * Each distinct file is kept as its hash, type and size, and as a small JPEG
 * from which renderings are drawn. The bytes of the file are not kept.
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
	char sha256[SHA256_HEX];
	enum photo_type type; /* PHOTO_BAD: the bytes cannot be decoded */
	int width, height;
	size_t bytes;
	struct buf thumb; /* a JPEG, at most 256 pixels wide and high */
	bool kept;        /* written to the journal */
};

/* The photo of these bytes. It lives as long as the process. */
struct sb_photo *sb_photo_of(const void *data, size_t len);

/* An invented photo that stands for the one at a URL; nothing is fetched. */
struct sb_photo *sb_photo_of_url(const char *url);

/* The photo of that hash, or NULL. */
struct sb_photo *sb_photo_find(const char *sha256);

/* The photo as an object for the journal, and back; false: damaged. */
struct json_object *sb_photo_json(const struct sb_photo *p);
bool sb_photo_restore(struct json_object *o);

const char *sb_photo_type_name(enum photo_type type); /* "image/jpeg" */

void sb_photo_free_all(void);

#endif
