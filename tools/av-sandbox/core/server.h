/*
 * server: the two origins, API and media, on one thread, with timers and signals. Nothing in
 * the sandbox needs a lock.
 */
#ifndef SANDBOX_SERVER_H
#define SANDBOX_SERVER_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

int server_open(struct err *e);
void server_close(void);

/* In a child: gives back the limit of open files that server_open raised. */
void server_forget_limits(void);

/* "http://127.0.0.1:PORT" */
const char *server_api(void);
const char *server_media(void);

/* Calls fn(arg) that many milliseconds from now; at server_close, what is left is called at
 * once. */
void server_after(int64_t ms, void (*fn)(void *arg), void *arg);

/* Serves until SIGTERM or SIGINT (returns the signal) or until the child ends (returns 0; its
 * status is in *status). child is 0 where there is none; with one, SIGINT is left to it and
 * SIGTERM is passed on. */
int server_run(pid_t child, int *status);

#endif
