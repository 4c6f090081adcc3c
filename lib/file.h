/*
 * file: small files of the user's, and where they stand (XDG Base Directory Specification).
 */
#ifndef AV_FILE_H
#define AV_FILE_H

#include "buf.h"
#include "err.h"

/* Appends the whole file; more than the buffer's ceiling is an error (input_unreadable). */
int file_read(const char *path, struct buf *out, struct err *e);

/* "$XDG_CONFIG_HOME/avtools", else "$HOME/.config/avtools"; NULL without both. The caller frees
 * it. */
char *file_config_dir(void);

#endif
