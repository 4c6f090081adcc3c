/*
 * server: the two origins, API and media, with timers and signals.
 *
 * One thread serves everything, so the sandbox needs no lock.
 */
#ifndef SANDBOX_SERVER_H
#define SANDBOX_SERVER_H

#include <sys/types.h>

#include "base/err.h"
#include "core/service.h"

/* Listens. The services of the API end with NULL; media gets every request of
 * the media origin. */
int server_open(const struct service *const *api, const struct service *media,
    struct err *e);
void server_close(void);

/* In a child: restores the limit of open files that server_open raised. */
void server_forget_limits(void);

/* Serves until SIGTERM or SIGINT (returns the signal), or until the child ends
 * (returns 0 and sets *status). child is 0 if there is none. The child gets
 * SIGINT from the terminal; SIGTERM is passed on to it. */
int server_run(pid_t child, int *status);

#endif
