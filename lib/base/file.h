/*
 * file: reads and writes files and directories, durable after a power failure.
 *
 * The directories follow the XDG Base Directory Specification: configuration
 * is below $XDG_CONFIG_HOME (~/.config), the ledger and other state below
 * $XDG_STATE_HOME (~/.local/state). Relative values are ignored, as it says.
 */
#ifndef AV_BASE_FILE_H
#define AV_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/* Appends the whole file. -1: input_unreadable, also for a file larger than
 * the buffer's maximum. */
int file_read(const char *path, struct buf *out, struct err *e);

/* True when errno says that a descriptor is not to be had: EMFILE, ENFILE. */
bool file_no_descriptor(void);

/* Sets too_many_files, with the limit; what: "cannot open 'x'". Returns -1. */
int file_too_many(struct err *e, const char *what);

/* Writes all len bytes. False (errno) on failure. */
bool file_write_all(int fd, const void *data, size_t len);

/* Replaces path, whole and durably: writes temp, a new file in the same
 * directory with this mode, syncs it and renames it to path. False (errno):
 * temp is removed. */
bool file_replace(const char *path, const char *temp, mode_t mode,
    const void *data, size_t len);

/* Creates the directory and missing ones above it, durably, as mkdir -p. False
 * (errno) on failure. */
bool file_make_dirs(const char *path, mode_t mode);

/* The directory part of a path, "." if it has none. The caller frees it. */
char *file_dir_of(const char *path);

/* True if the directory has no files, or is not there. */
bool file_dir_is_empty(const char *dir);

/* Syncs the directory of path, so that a new name is durable too. False
 * (errno) on failure; a file system that cannot sync directories (EINVAL) is
 * no failure. */
bool file_sync_name(const char *path);

/* The configuration directory of avtools. NULL: HOME is not set. The caller
 * frees it. */
char *file_config_dir(void);

/* The path of avtools/NAME in it; the same. */
char *file_config_path(const char *name);

/* The state directory of avtools, which may not exist yet. NULL: HOME is not
 * set. The caller frees it. */
char *file_state_dir(void);

/* The path of avtools/NAME in the state directory. Missing directories are
 * created with mode 0700. NULL: state_unusable, HOME is not set or a directory
 * cannot be created. The caller frees it. */
char *file_state_path(const char *name, struct err *e);

/* -1: state_unusable, path is on a network file system, where locks and shared
 * memory of several processes do not work reliably. Every FUSE file system
 * counts as one, since sshfs cannot be told from a local one. */
int file_check_local(const char *path, struct err *e);

#endif
