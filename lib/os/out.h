/*
 * out: stdout as whole lines that never make the loop wait.
 *
 * Lines gather until the loop is about to wait. A pipe whose reader is slow is written when
 * it has room; out_backlog says how much is still here, so that the caller stops reading.
 */
#ifndef AV_OS_OUT_H
#define AV_OS_OUT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "os/loop.h"

struct out {
	struct loop *loop;
	struct buf buf;
	size_t at; /* what is before it is written */
	struct deferred flush;
	bool must_ask; /* a pipe or socket: never write more than there is room for */
	int failed; /* errno of the first failed write, or 0; EPIPE: the reader is gone */
	void (*room)(void *arg); /* called when the backlog is gone, or the reader */
	void *arg;
};

void out_init(struct out *out, struct loop *loop, void (*room)(void *arg), void *arg);
void out_release(struct out *out);

/* Where to append whole lines; then say so. */
struct buf *out_buf(struct out *out);
void out_added(struct out *out);

size_t out_backlog(const struct out *out);

/* Whether what is added cannot be written: the reader is gone (asks the kernel), the disk full. */
bool out_broken(struct out *out);

/* Writes what is left, waiting as long as it takes, and closes stdout. -1 (errno) when any
 * write failed. Signals go unheard meanwhile, so let the loop run until there is no backlog. */
int out_close(struct out *out);

#endif
