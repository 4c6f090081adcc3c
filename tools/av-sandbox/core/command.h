/*
 * command: av-sandbox -- COMMAND: a private directory and an environment for it.
 */
#ifndef SANDBOX_COMMAND_H
#define SANDBOX_COMMAND_H

#include <json-c/json.h>
#include <sys/types.h>

#include "base/err.h"

/* The variables that a client needs, as an object; the caller puts it. */
struct json_object *command_env(void);

/* Starts opts.command in an environment of its own; returns the child, or -1. */
pid_t command_start(struct err *e);

/* Removes the directory, unless it was asked for by name. */
void command_clean(void);

#endif
