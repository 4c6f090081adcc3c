/*
 * loop: waits for file descriptors, times and signals, and calls back.
 *
 * Everything that a program does at once uses one loop: input lines, requests,
 * deadlines, workers. Callbacks run one at a time, on the thread that called
 * loop_run, and may add or remove anything, also what called them. Times are
 * milliseconds of CLOCK_MONOTONIC.
 */
#ifndef AV_OS_LOOP_H
#define AV_OS_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct loop;

/* loop_new never fails: without epoll or memory the process ends with
 * EX_OSERR. loop_free waits for the threads of loop_work and does not call
 * their done. */
struct loop *loop_new(void);
void loop_free(struct loop *loop);

/* The time, read again before each round of callbacks. */
int64_t loop_now(const struct loop *loop);

/* The deadline, which becomes ms from now if it is not set yet (0). */
int64_t loop_deadline(const struct loop *loop, int64_t *deadline, int64_t ms);

/* Runs callbacks until loop_stop is called, or until nothing is left to wait
 * for: no descriptor, timer, work or deferred call. Calls that are deferred
 * when loop_stop is called still run. loop_run may be called again. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/* File descriptors. events: EPOLLIN and EPOLLOUT of <sys/epoll.h>. A regular
 * file, which epoll refuses, is always ready. Watching a descriptor again
 * replaces events, fn and arg. The loop does not close fd; unwatch it before
 * you close it. */
typedef void loop_fd_fn(void *arg, int fd, uint32_t events);
void loop_watch(
    struct loop *loop, int fd, uint32_t events, loop_fd_fn *fn, void *arg);
void loop_unwatch(struct loop *loop, int fd);

/* Timers. The struct is the caller's, zeroed before its first use, and must
 * stay where it is while it is set. fn is called once, not before its time.
 * Setting a timer that is set moves it. Both calls cost the logarithm of the
 * number of timers. */
struct timer {
	int64_t at;
	void (*fn)(void *arg);
	void *arg;
	uint32_t pos; /* in the heap, from 1; 0: not set */
};
void loop_at(struct loop *loop, struct timer *t, int64_t at, void (*fn)(void *),
    void *arg);
void loop_cancel(struct loop *loop, struct timer *t);

/* Calls fn once, before the loop waits again: for work that a round of
 * callbacks collects, such as a commit or a write. The struct is the caller's,
 * as a timer's. A call that a deferred call defers runs in the next round. */
struct deferred {
	void (*fn)(void *arg);
	void *arg;
	STAILQ_ENTRY(deferred) next;
	bool set;
};
void loop_defer(
    struct loop *loop, struct deferred *d, void (*fn)(void *), void *arg);
void loop_undefer(struct loop *loop, struct deferred *d);

/* The same, once the loop is idle: no event, timer or deferred call is due. For
 * long work, so that requests that others have begun are sent before it. */
void loop_idle(
    struct loop *loop, struct deferred *d, void (*fn)(void *), void *arg);
void loop_unidle(struct loop *loop, struct deferred *d);

/* Calls fn for each SIGINT, SIGTERM and SIGHUP (unless it is ignored) from now
 * on. The signals stay blocked for the process; a child unblocks them. There is
 * one handler, and it does not keep loop_run running. Call it before any
 * loop_work, whose threads inherit the signal mask. */
void loop_on_signal(
    struct loop *loop, void (*fn)(void *arg, int signo), void *arg);

/* Waits for the threads of loop_work. What they use may be freed then. */
void loop_await_work(struct loop *loop);

/* Runs work(arg) on a thread, then done(arg) on the loop's thread: for the few
 * things that can only block, such as a token's renewal. Never waits for other
 * work; a thread that has done its work takes the next one. */
void loop_work(struct loop *loop, void (*work)(void *arg),
    void (*done)(void *arg), void *arg);

#endif
