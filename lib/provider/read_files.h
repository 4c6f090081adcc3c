/*
 * read_files: the type and the digest of files, each read once.
 *
 * For files that many records name, such as a sound. The last 64 are known: one
 * is not read again as long as its size and times are the same.
 */
#ifndef AV_PROVIDER_READ_FILES_H
#define AV_PROVIDER_READ_FILES_H

#include <sys/stat.h>

#include "base/err.h"
#include "base/sha256.h"

struct read_files;

struct read_file {
	struct stat st;
	char sha256[SHA256_HEX];
	char type[64]; /* by libmagic */
};

struct read_files *read_files_new(void);
void read_files_free(struct read_files *files);

/* What the open file holds. path names it in messages. Valid until the next
 * call. NULL: file_unreadable, or changed_while_read. */
const struct read_file *read_files_get(struct read_files *files, int fd,
    const struct stat *st, const char *path, struct err *e);

#endif
