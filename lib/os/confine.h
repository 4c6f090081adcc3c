/*
 * confine: takes from this process everything that a decoder does not need.
 *
 * After it the process computes, allocates memory, reads descriptors that it
 * is given and answers on its socket. It opens no file, makes no connection
 * and starts no process. Resource limits hold on any kernel, Landlock (Linux
 * 5.13) denies the file system and TCP, and seccomp kills the process (SIGSYS)
 * at any system call that is not on a short list. Some kernels and containers
 * lack Landlock or seccomp; the caller accepts one of the two, not neither.
 */
#ifndef AV_OS_CONFINE_H
#define AV_OS_CONFINE_H

#include <stdbool.h>
#include <stdint.h>

/* What holds after confine. */
enum {
	CONFINED_FILES = 1, /* Landlock */
	CONFINED_CALLS = 2, /* seccomp */
};

/* Loads the library that confine needs, if that is not done yet: a confined
 * process cannot. For its parent. */
void confine_prepare(void);

/* For a child right after the fork, while it has a single thread; there is no
 * way back. memory: bytes that may be allocated beside those in use. A
 * sanitized build has no limit on memory, as it reserves terabytes of address
 * space. Returns which of Landlock and seccomp hold, 0 for neither, or -1 when
 * the limits cannot be set.
 *
 * threads: for a library that starts threads. A system call that is not on the
 * list then fails with EPERM instead of killing the process, since such a
 * library tries much that it can do without. */
int confine(uint64_t memory, bool threads);

#endif
