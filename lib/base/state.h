/*
 * state: where programs keep what must outlive them, and whether that place can be trusted.
 *
 * XDG Base Directory Specification: $XDG_STATE_HOME, else $HOME/.local/state; a relative
 * value of the variable is ignored, as the specification says.
 */
#ifndef AV_BASE_STATE_H
#define AV_BASE_STATE_H

#include "base/err.h"

/* The path of avtools/NAME below the state directory. Directories above it are made, 0700, and
 * outlive a loss of power. The caller frees it. NULL and CODE_STATE_UNUSABLE where HOME is unset or a directory cannot be
 * made. */
char *state_path(const char *name, struct err *e);

/* A new name must be as durable as what will be in it: writes the directory that holds it to
 * disk. */
int state_sync_name(const char *path, struct err *e);

/* The name of the network file system that has this statfs(2) f_type, or NULL for one on which
 * locks and memory maps of several processes can be relied on. Every FUSE file system counts
 * as one, since nothing tells sshfs from a local one. Numbers: <linux/magic.h>, and stat(1)'s. */
const char *state_network_fs(unsigned long f_type);

/* Fails when the directory or file is on such a file system, and says which. */
int state_check_local(const char *path, struct err *e);

#endif
