/*
 * file: small files of the user's, and where they stand (XDG Base Directory Specification).
 */
#ifndef AV_BASE_FILE_H
#define AV_BASE_FILE_H

#include "base/buf.h"
#include "base/err.h"

/* Appends the whole file; more than the buffer's ceiling is an error (input_unreadable). */
int file_read(const char *path, struct buf *out, struct err *e);

/* Makes the name of a file, new or changed, as durable as what is in it. -1 (errno) where the
 * directory cannot be synced; file systems that cannot do that at all are put up with. */
int file_sync_name(const char *path);

/* "$XDG_CONFIG_HOME/avtools", else "$HOME/.config/avtools"; NULL without both. The caller frees
 * it. */
char *file_config_dir(void);

#endif
