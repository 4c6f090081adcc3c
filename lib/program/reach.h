/*
 * reach: which program carries out an operation of a description.
 */
#ifndef AV_PROGRAM_REACH_H
#define AV_PROGRAM_REACH_H

#include "provider/provider.h"

/* "av-upload" for what sends a photo, "av-list" for lists, "av-render" for what
 * a kind orders, "av-delete" for what deletes, "av-call" for all others. */
const char *reach_program(const struct provider *p, const struct operation *op);

#endif
