/*
 * ensure: sees to it that the provider of each record has credentials, and passes it on.
 */
#ifndef AV_TOKEN_ENSURE_H
#define AV_TOKEN_ENSURE_H

#include "program/opt.h"

/* Runs the filter; returns what run_exit takes. */
int ensure(
    const struct opt_common *common, const struct opt_usage *usage, char **operands);

#endif
