/*
 * command: av-sandbox -- COMMAND: runs it in an environment of its own.
 */
#ifndef SANDBOX_COMMAND_H
#define SANDBOX_COMMAND_H

#include <json-c/json.h>
#include <sys/types.h>

#include "base/err.h"

/* Makes the directory for the command's state, cache, configuration and ledger:
 * --dir, else FILE.d beside --state FILE, else a temporary one. Sets opts.state
 * if only --dir was given. Does nothing without a command. */
int command_dir(struct err *e);

/* Starts opts.command with the variables of env and that directory. Returns the
 * child's process id, or -1. */
pid_t command_start(struct json_object *env, struct err *e);

/* Removes a temporary directory; also done when the process exits. */
void command_clean(void);

#endif
