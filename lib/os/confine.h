/*
 * confine: a process gives up everything that a decoder of pictures does not need.
 *
 * After it the process computes, allocates, reads descriptors that it is handed, and answers
 * on its socket; it opens no file, makes no connection, starts no process. Limits on memory and
 * files hold on any kernel; Landlock (Linux 5.13) denies the file system and TCP; seccomp ends
 * the process (SIGSYS) at any system call that is not on a short list, on x86-64 and arm64.
 */
#ifndef AV_OS_CONFINE_H
#define AV_OS_CONFINE_H

#include <stdbool.h>
#include <stdint.h>

/* memory: bytes that may be allocated on top of what the process has now. A sanitized build
 * has no limit on memory, for it reserves terabytes of address space. For the child right after
 * a fork; there is no way back. Returns -1 where even the limits cannot be set. */
int confine(uint64_t memory);

/* The same for libraries that work with threads: the process may start threads (no processes),
 * and what it may not do is refused (EPERM) instead of fatal, for such libraries ask for much
 * that they can do without. Called while there is a single thread. */
int confine_threads(uint64_t memory);

#endif
