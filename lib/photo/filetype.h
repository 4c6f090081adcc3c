/*
 * filetype: the type of a file that is neither JPEG, PNG nor WebP, by libmagic.
 *
 * libmagic's database (8 MB, some milliseconds) is loaded at the first
 * question. Its file is mapped in filetype_new already, so that a process that
 * is confined later can still load it.
 */
#ifndef AV_PHOTO_FILETYPE_H
#define AV_PHOTO_FILETYPE_H

#include <stddef.h>

struct filetype;

/* Never fails: without a database every type is "application/octet-stream". */
struct filetype *filetype_new(void);
void filetype_free(struct filetype *ft);

/* The MIME type of a file by its first bytes (up to 4 kB help). Borrowed until
 * the next call. ft may be NULL. */
const char *filetype_of(struct filetype *ft, const void *data, size_t len);

/* What to do about a picture of this type: av-fit converts it, or NULL where it
 * cannot. */
const char *filetype_fix(const char *type);

#endif
