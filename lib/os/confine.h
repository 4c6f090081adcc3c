/*
 * confine: takes from this process everything that a decoder does not need.
 *
 * After it the process computes, allocates memory, reads descriptors that it
 * is given and answers on its socket. It opens no file, makes no connection
 * and starts no process. Resource limits hold on any kernel, Landlock (Linux
 * 5.13) denies the file system and TCP, and seccomp kills the process (SIGSYS)
 * at any system call that is not on a short list.
 */
#ifndef AV_OS_CONFINE_H
#define AV_OS_CONFINE_H

#include <stdbool.h>
#include <stdint.h>

/* For a child right after the fork, while it has a single thread; there is no
 * way back. memory: bytes that may be allocated beside those in use. A
 * sanitized build has no limit on memory, as it reserves terabytes of address
 * space. Returns -1 when the limits cannot be set or the list of system calls
 * cannot be made.
 *
 * threads: for a library that starts threads. A system call that is not on the
 * list then fails with EPERM instead of killing the process, since such a
 * library tries much that it can do without. */
int confine(uint64_t memory, bool threads);

#endif
