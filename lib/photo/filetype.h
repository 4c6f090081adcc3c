/*
 * filetype: the type of a file that is neither JPEG, PNG nor WebP, by libmagic.
 *
 * libmagic and its database (8 MB, some milliseconds) are loaded at the first
 * question. A process that is confined later opens both before.
 */
#ifndef AV_PHOTO_FILETYPE_H
#define AV_PHOTO_FILETYPE_H

#include <stddef.h>

struct filetype;

/* Never fails: without libmagic or a database every type is
 * "application/octet-stream". */
struct filetype *filetype_new(void);
void filetype_free(struct filetype *ft);

/* Loads the library and maps the database's file, if that is not done yet. */
void filetype_open(struct filetype *ft);

/* The MIME type of a file by its first bytes (up to 4 kB help). Borrowed until
 * the next call. ft may be NULL. */
const char *filetype_of(struct filetype *ft, const void *data, size_t len);

/* What to do about a picture of this type: av-fit converts it, or NULL where it
 * cannot. */
const char *filetype_fix(const char *type);

#endif
