/*
 * trace: one JSON line a request, for people who want to see what a client did. Of headers
 * only the names are told, so that no credential gets into it.
 */
#ifndef SANDBOX_TRACE_H
#define SANDBOX_TRACE_H

#include "base/err.h"
#include "core/req.h"

int trace_open(struct err *e);
void trace_request(struct req *r);
void trace_close(void);

#endif
