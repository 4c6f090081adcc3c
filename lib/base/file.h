/*
 * file: directories, names and contents on disk, made so that a loss of power keeps them.
 *
 * Where things stand follows the XDG Base Directory Specification: configuration below
 * $XDG_CONFIG_HOME (~/.config), what programs remember below $XDG_STATE_HOME
 * (~/.local/state). A relative value of these variables is ignored, as it demands.
 */
#ifndef AV_BASE_FILE_H
#define AV_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/* Appends the whole file. More than the buffer's ceiling is an error (input_unreadable). */
int file_read(const char *path, struct buf *out, struct err *e);

/* Writes all len bytes. False (errno) on failure. */
bool file_write_all(int fd, const void *data, size_t len);

/* Replaces a file whole and durably: writes temp, which stands beside it and is made anew
 * with this mode, syncs and renames it. False (errno), with temp removed, on failure. */
bool file_replace(
    const char *path, const char *temp, mode_t mode, const void *data, size_t len);

/* mkdir -p: makes path and each directory above it that is missing, durably. False (errno). */
bool file_make_dirs(const char *path, mode_t mode);

/* The directory part of a path: "." where it names none. The caller frees it. */
char *file_dir_of(const char *path);

/* Syncs the directory that holds path, so that a new or changed name is as durable as what is
 * in the file. False (errno) where it cannot be synced; a file system that syncs no
 * directories (EINVAL) is put up with. */
bool file_sync_name(const char *path);

/* The avtools folder for configuration. NULL without HOME. The caller frees it. */
char *file_config_dir(void);

/* The path of avtools/NAME in the state directory; its directories are made, 0700. The caller
 * frees it. NULL and state_unusable without HOME, or where a directory cannot be made. */
char *file_state_path(const char *name, struct err *e);

/* Fails with state_unusable where path is on a network file system, on which the locks and
 * memory maps of several processes cannot be relied on. Every FUSE file system counts as one,
 * since nothing tells sshfs from a local one. */
int file_check_local(const char *path, struct err *e);

#endif
