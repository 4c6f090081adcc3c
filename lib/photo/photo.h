/*
 * photo: checks one photo in one pass over its file.
 *
 * The result is the type, the size, the orientation, the SHA-256, and every
 * finding that holds for any service; photo/limits.h adds those of one
 * service. photo_check needs a descriptor only and touches no file system, so
 * photo/pool.h runs it in confined processes: for many photos at once, and
 * whenever pixels are decoded.
 */
#ifndef AV_PHOTO_PHOTO_H
#define AV_PHOTO_PHOTO_H

#include "base/sha256.h"
#include "image/image.h"
#include "photo/filetype.h"
#include "photo/finding.h"

enum photo_depth {
	/* The header: type, size, orientation. No digest, and damage is not
	 * found. */
	PHOTO_QUICK,
	PHOTO_READ,   /* every byte once: structure, checksums, digest */
	PHOTO_DECODE, /* and every pixel */
};

#define PHOTO_MAX_PIXELS 100000000
#define PHOTO_MAX_BYTES  ((uint64_t)512 << 20)
#define PHOTO_AT_ONCE    ((size_t)64 << 20)

struct photo {
	char type[64]; /* MIME type by its bytes: "image/jpeg" */
	uint64_t bytes;
	uint32_t width, height;  /* as stored; 0: not known */
	uint8_t orientation;     /* of Exif, 1 to 8; 1 when not stated */
	char sha256[SHA256_HEX]; /* "" at PHOTO_QUICK */
	/* What the decoder says, when the structure left it open. */
	enum photo_pixels {
		PHOTO_NOT_DECODED,
		PHOTO_SOUND,
		PHOTO_SHAKY
	} pixels;
	struct image_facts facts;
	struct findings findings;
};

struct photo_options {
	enum photo_depth depth;
	uint64_t max_pixels; /* 0: no ceiling */
	/* A larger file is refused anyway, so only its header is read, as at
	 * PHOTO_QUICK. 0: PHOTO_MAX_BYTES, which is also the ceiling. */
	uint64_t max_bytes;
	size_t at_once; /* as image_new; more speed in more memory */
	/* There is a core without work: for a large photo, a thread reads the
	 * file too, and computes the digest. fd has to be at its start. The
	 * caller's photo_unchanged finds a file that changes in between. */
	bool spare_core;
};

/* True when only the header of a file of this size is read. */
bool photo_is_quick(const struct photo_options *options, uint64_t size);

/* Checks size bytes of fd, by pread. types: borrowed, used when the file is
 * neither JPEG, PNG nor WebP; NULL: all such files are of unknown type. Decodes
 * no pixels: PHOTO_DECODE is the same as PHOTO_READ here. Returns 0 with any
 * findings, or -1 when the bytes cannot be read (file_unreadable,
 * changed_while_read). */
int photo_check(int fd, uint64_t size, const struct photo_options *options,
    struct filetype *types, struct photo *photo, struct err *e);

/* Adds the findings that follow from the facts; photo_check has done so. */
void photo_find(struct photo *photo, const struct photo_options *options);

/* True when only a decoder can tell whether the photo is damaged: until then
 * it has the finding damaged, which refuses it. */
bool photo_needs_decoder(const struct photo *photo);

/* Sets *e for a photo that cannot be read, with errno for file_unreadable.
 * Returns -1. */
int photo_unreadable(enum code code, struct err *e);

/* Adds extension_lies when the name's extension stands for another type. */
void photo_check_name(struct photo *photo, const char *path);

/* The file's name for a service: without folders, and with an extension of its
 * type: "ann.png" that is a JPEG becomes "ann.jpg". The caller frees it. */
char *photo_name(const char *path, const char *type);

/* Opens a file, checks it in this process, its name too, and closes it. Also
 * fails with photo_open's and photo_unchanged's errors (photo/source.h). */
int photo_check_file(const char *path, const struct photo_options *options,
    struct filetype *types, struct photo *photo, struct err *e);

/* Width and height as people see them, turned as Exif says. */
void photo_display(
    const struct photo *photo, uint32_t *width, uint32_t *height);

#endif
