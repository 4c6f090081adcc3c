/*
 * child: processes that do what may go wrong, each with one socket to its parent.
 *
 * A child is a copy of the program, not another one; it ends with its parent. Messages keep
 * their bounds (SOCK_SEQPACKET), and an order carries an open file along.
 */
#ifndef AV_OS_CHILD_H
#define AV_OS_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sysexits.h>

/* Exit status of a child that could not make itself ready. */
#define CHILD_NOT_READY EX_UNAVAILABLE

/* Starts one, which calls life with its socket and must not return from it. The parent's end
 * goes to *sock. The process, or -1 (errno). */
pid_t child_start(int *sock, void (*life)(int sock, const void *arg), const void *arg);

/* Sends len bytes and a descriptor. False (errno) where the child is gone. */
bool child_order(int sock, const void *order, size_t len, int fd);

/* Ends a child, closes the socket, and returns its status (waitpid). */
int child_end(pid_t pid, int sock);

/* For the child. Leaves it the socket alone of all descriptors, moved to the one that is
 * returned, and no part in the signals of the terminal. */
int child_settle(int sock);

/* Waits for an order of len bytes; false when the parent is gone. */
bool child_receive(int sock, void *order, size_t len, int *fd);

/* Answers; ends the child where nobody listens. */
void child_answer(int sock, const void *data, size_t len);

#endif
