/*
 * trace: one JSON line for each request, to see what a client did.
 *
 * Only the names of headers are written, so that no credential gets into the
 * file.
 */
#ifndef SANDBOX_TRACE_H
#define SANDBOX_TRACE_H

#include "base/err.h"
#include "core/req.h"

int trace_open(struct err *e);
void trace_request(struct req *r);
void trace_close(void);

#endif
