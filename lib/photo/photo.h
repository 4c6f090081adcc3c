/*
 * photo: one file, judged by one read of it.
 *
 * What the file is, how large, how it is turned, its SHA-256, and every finding about it that
 * holds for any service; what one service's limits add is photo/limits.h's. photo_check works on a
 * descriptor alone and touches no file system: photo/pool.h runs it in processes of its own, for many
 * photos at once and wherever pixels are decoded.
 */
#ifndef AV_PHOTO_PHOTO_H
#define AV_PHOTO_PHOTO_H

#include <sys/stat.h>

#include "base/sha256.h"
#include "image/image.h"
#include "photo/filetype.h"
#include "photo/finding.h"

enum photo_depth {
	PHOTO_QUICK, /* the header: type, size, orientation; no digest, no word on damage */
	PHOTO_READ,   /* every byte once: structure, checksums, digest */
	PHOTO_DECODE, /* and every pixel */
};

#define PHOTO_MAX_PIXELS 100000000

struct photo {
	char type[64]; /* MIME type by its bytes: "image/jpeg" */
	uint64_t bytes;
	uint32_t width, height;  /* as stored; 0: not known */
	uint8_t orientation;     /* of Exif, 1 to 8; 1 where it says nothing */
	char sha256[SHA256_HEX]; /* "" at PHOTO_QUICK */
	struct image_facts facts;
	struct findings findings;
};

struct photo_options {
	enum photo_depth depth;
	uint64_t max_pixels; /* 0: no ceiling */
};

/* Opens a photo for reading. 0, or -1 with file_missing, file_unreadable, file_not_regular
 * (nothing is read of a FIFO or device, and opening one does not wait) or file_empty. The
 * caller closes *fd; *st is what fstat said. */
int photo_open(const char *path, int *fd, struct stat *st, struct err *e);

/* 0 where the open file is still the one that *st tells of; else -1 and changed_while_read. */
int photo_unchanged(int fd, const struct stat *st, struct err *e);

/* Judges size bytes of fd, by pread. types: borrowed, asked only about what is none of the
 * three formats. Leaves the pixels alone: PHOTO_DECODE is the same as PHOTO_READ here. Returns
 * 0 whatever the findings are; -1 where the bytes cannot be read (file_unreadable,
 * changed_while_read). */
int photo_check(int fd, uint64_t size, const struct photo_options *options,
    struct filetype *types, struct photo *photo, struct err *e);

/* What the name adds: an extension that lies. */
void photo_check_name(struct photo *photo, const char *path);

/* Opens, judges in this process, looks for changes, closes. */
int photo_check_file(const char *path, const struct photo_options *options,
    struct filetype *types, struct photo *photo, struct err *e);

/* Width and height as people see it, after the turning that Exif asks for. */
void photo_display(const struct photo *photo, uint32_t *width, uint32_t *height);

/* What the facts of a picture amount to; photo_check calls it. */
void photo_findings(struct photo *photo, const struct photo_options *options);

#endif
