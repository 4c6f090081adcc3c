/*
 * apart: work that goes on although this process is killed.
 *
 * Between the moment when a service replaces a refresh token and the moment when the new one
 * is on disk, a killed process would take it along. So that work is done by a child in a
 * session of its own, which a kill of this process or of its group does not reach.
 */
#ifndef AV_OS_APART_H
#define AV_OS_APART_H

#include "base/err.h"

/* Runs fn(arg) in a child, waits for it, and returns its result and *e. The child has no
 * descriptors but stderr and keep, and what it does to memory is lost. In a process with more
 * than one thread, where a child could not use libraries safely, fn runs right here. */
int child_run_detached(
    int (*fn)(void *arg, struct err *e), void *arg, int keep, struct err *e);

#endif
