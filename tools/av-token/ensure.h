/*
 * ensure: av-token as a filter, which authorizes the account of each record.
 */
#ifndef AV_TOKEN_ENSURE_H
#define AV_TOKEN_ENSURE_H

#include "program/opt.h"

/* Runs the filter; returns an exit status for run_exit. */
int ensure(const struct opt_common *o, const struct opt_usage *u, char **args);

#endif
