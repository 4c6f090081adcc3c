/*
 * child: child processes, each a copy of this program with one task.
 *
 * child_start makes a child with a socket to its parent. The child ends with
 * its parent. Messages keep their bounds (SOCK_SEQPACKET), and a request
 * carries an open file along. child_run_detached runs one function in a child
 * that a kill of this process does not reach.
 */
#ifndef AV_OS_CHILD_H
#define AV_OS_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sysexits.h>

#include "base/err.h"

/* Exit status of a child that could not prepare itself. */
#define CHILD_NOT_READY EX_UNAVAILABLE

/* Starts a child, which calls run with its socket; run does not return. The
 * parent's end of the socket goes to *sock. Returns the process id, or -1
 * (errno). */
pid_t child_start(
    int *sock, void (*run)(int sock, const void *arg), const void *arg);

/* Sends a request of len bytes and a descriptor. False (errno) when the child
 * is gone. */
bool child_send(int sock, const void *request, size_t len, int fd);

/* Kills the child, closes the socket, and returns its status (waitpid). */
int child_end(pid_t pid, int sock);

/* For the child, first of all: closes every descriptor but the socket, makes
 * stdin, stdout and stderr /dev/null, and ignores the terminal's signals.
 * Returns the socket's new descriptor. Exits with CHILD_NOT_READY on an
 * error, and until the first child_receive also without memory. */
int child_prepare(int sock);

/* For the child: waits for a request of len bytes. False when the parent is
 * gone. */
bool child_receive(int sock, void *request, size_t len, int *fd);

/* For the child: sends a message to the parent. Exits when the parent is
 * gone. */
void child_reply(int sock, const void *data, size_t len);

/* Runs fn(arg) in a child with a session of its own, waits for it, and returns
 * its result and *e. When this process or its group is killed, the child
 * finishes all the same: when a service replaces a refresh token, the new one
 * must reach the disk. The child has no descriptors but stderr and keep, and
 * what it changes in memory is lost. In a process with several threads, where
 * a child could not use libraries safely, fn runs in this process. */
int child_run_detached(
    int (*fn)(void *arg, struct err *e), void *arg, int keep, struct err *e);

#endif
