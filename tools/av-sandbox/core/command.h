/*
 * command: av-sandbox -- COMMAND: runs it in an environment of its own.
 */
#ifndef SANDBOX_COMMAND_H
#define SANDBOX_COMMAND_H

#include <json-c/json.h>
#include <sys/types.h>

#include "base/err.h"

/* Starts opts.command with the variables of env and a directory for its state,
 * cache, configuration and ledger. Returns the child's process id, or -1. */
pid_t command_start(struct json_object *env, struct err *e);

/* Removes the directory, unless --dir named it. */
void command_clean(void);

#endif
