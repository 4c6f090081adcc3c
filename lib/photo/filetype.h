/*
 * filetype: the real type of a file that is none of the three formats image/image.h reads, by libmagic.
 *
 * libmagic's database (8 MB, some milliseconds) is loaded at the first question. Its file is
 * opened before that, so that a process that has given up its file system can still ask.
 */
#ifndef AV_PHOTO_FILETYPE_H
#define AV_PHOTO_FILETYPE_H

#include <stddef.h>

#include "base/err.h"

struct filetype;

/* Never fails: without a database every type is "application/octet-stream". */
struct filetype *filetype_new(void);
void filetype_free(struct filetype *ft);

/* The MIME type of a file that begins with those bytes (some kB of them). Borrowed until the
 * next question. */
const char *filetype_of(struct filetype *ft, const void *data, size_t len);

#endif
