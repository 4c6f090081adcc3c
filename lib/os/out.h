/*
 * out: writes whole lines to stdout without making the loop wait.
 *
 * Lines are collected until the loop is about to wait. A pipe whose reader is
 * slow is written when it has space; out_backlog says how much is still here,
 * so that the caller can stop reading. When a file cannot take all of a line
 * (the disk is full, a limit is reached), it gets nothing of the line.
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
	size_t at; /* the bytes before it are written */
	struct deferred flush;
	bool must_ask; /* a pipe or socket: poll before each write */
	bool terminal; /* where progress may stand (base/err.h, err_lead) */
	/* errno of the first failed write, or 0; EPIPE: the reader is gone. */
	int failed;
	void (*drained)(void *arg); /* the backlog is gone, or the reader */
	void *arg;
};

void out_init(
    struct out *out, struct loop *loop, void (*drained)(void *arg), void *arg);
void out_release(struct out *out);

/* Append whole lines to out_buf, then call out_added. */
struct buf *out_buf(struct out *out);
void out_added(struct out *out);

size_t out_backlog(const struct out *out);

/* True when added lines cannot be written: the reader is gone (asks the
 * kernel), or the disk is full. */
bool out_broken(struct out *out);

/* Writes the rest, as long as it takes, and closes stdout. -1 (errno) when any
 * write failed. Signals are not handled meanwhile, so run the loop until there
 * is no backlog. */
int out_close(struct out *out);

#endif
