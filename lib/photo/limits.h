/*
 * limits: checks a photo and a name against the limits of one service.
 *
 * Sizes and shapes are those that people see, turned as Exif says.
 */
#ifndef AV_PHOTO_LIMITS_H
#define AV_PHOTO_LIMITS_H

#include "photo/photo.h"

struct aspect {
	uint32_t width, height; /* 16, 9 */
};

struct image_limits {
	const char *service;      /* its title, for messages; NULL: not known */
	const char *const *types; /* MIME types, then NULL; NULL: any */
	/* 0: no limit. A service's MB may be 1,000,000 or 1,048,576 bytes:
	 * sizes above max_bytes up to max_bytes_lenient are risky. */
	uint64_t max_bytes, max_bytes_lenient;
	/* 0: no limit. With either_orientation a portrait exchanges width and
	 * height. */
	uint32_t min_width, min_height, max_width, max_height;
	bool either_orientation;
	uint64_t max_pixels;          /* 0: no limit */
	const struct aspect *aspects; /* one must fit exactly; 0: any */
	size_t n_aspects;
	/* The service takes other photos too: findings are not_advised, a note,
	 * and a shape need fit only to the hundredth. */
	bool advice;
};

/* Adds the findings type_refused, too_many_bytes, near_byte_limit, too_small,
 * too_large, aspect_refused; or not_advised for each of them that fs has not
 * yet. */
void limits_check_image(const struct photo *photo,
    const struct image_limits *limits, struct findings *fs);

/* min and max in characters; max 0: none. Adds name_too_short or
 * name_too_long. */
void limits_check_name(
    const char *name, unsigned min, unsigned max, struct findings *fs);

/* Makes a name of a path: the base name without its extension, or of "a/b/" the
 * whole of b, in UTF-8 and
 * within the limits. Control characters and line ends become spaces, "Al"
 * becomes "Al avatar" when it is too short, and a long name is cut. The caller
 * frees it. */
char *limits_name_from_path(const char *path, unsigned min, unsigned max);

#endif
