/*
 * limits: what one service takes, applied to a photo and to a name.
 *
 * Sizes and shapes are judged as people see the picture, after the turning that Exif asks for.
 */
#ifndef AV_PHOTO_LIMITS_H
#define AV_PHOTO_LIMITS_H

#include "photo/photo.h"

struct aspect {
	uint32_t width, height; /* 16, 9 */
};

struct image_limits {
	const char *const *types; /* MIME types, then NULL; NULL for any */
	/* A limit in MB can mean 1,000,000 or 1,048,576 bytes. Up to max_bytes is safe; up to
	 * max_bytes_lenient is risky; 0: no limit, no other reading. */
	uint64_t max_bytes, max_bytes_lenient;
	uint32_t min_width, min_height, max_width, max_height; /* 0: no limit */
	bool either_orientation; /* the limits above stand on their side for portraits */
	uint64_t max_pixels;     /* 0: no limit */
	const struct aspect *aspects; /* one must fit exactly; none: any shape */
	size_t n_aspects;
};

/* Adds every finding: type_refused, too_many_bytes, near_byte_limit, too_small, too_large,
 * aspect_refused. */
void limits_check_image(
    const struct photo *photo, const struct image_limits *limits, struct findings *fs);

/* Limits in characters, 0: none. Adds name_too_short, name_too_long. */
void limits_check_name(const char *name, unsigned min, unsigned max, struct findings *fs);

/* A name made of a path: its base name without the extension, control characters and line ends
 * as spaces, "Al" as "Al avatar" where that is too short, cut at a character's boundary where
 * too long. Always within the limits and UTF-8. The caller frees it. */
char *limits_name_from_path(const char *path, unsigned min, unsigned max);

#endif
