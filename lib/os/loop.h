/*
 * loop: waits for file descriptors, times and signals in one place, and calls back.
 *
 * Everything that a program does at once hangs on one loop: input lines, transfers, deadlines,
 * workers. Callbacks run one at a time, on the thread that called loop_run, and may add or
 * remove anything, themselves included. Times are milliseconds of CLOCK_MONOTONIC (loop_now).
 */
#ifndef AV_OS_LOOP_H
#define AV_OS_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop;

/* Never fails: a process without epoll and memory cannot work at all, says so and ends with
 * EX_OSERR. loop_free waits for threads of loop_work and does not call their done. */
struct loop *loop_new(void);
void loop_free(struct loop *loop);

/* Milliseconds, monotonic; read afresh before each round of callbacks. */
int64_t loop_now(const struct loop *loop);

/* Runs callbacks until loop_stop is called, or nothing is left to wait for: no descriptor, no
 * timer, no work, nothing deferred. What is deferred when loop_stop is called still runs. May
 * be called again. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/* File descriptors. events: EPOLLIN and EPOLLOUT of <sys/epoll.h>. A regular file, which
 * epoll does not take, is always ready. Watching one that is watched replaces what was said
 * about it. The loop does not close fd; unwatch before closing. */
typedef void loop_fd_fn(void *arg, int fd, uint32_t events);
void loop_watch(struct loop *loop, int fd, uint32_t events, loop_fd_fn *fn, void *arg);
void loop_unwatch(struct loop *loop, int fd);

/* Timers. The struct belongs to the caller, zeroed before first use, and must stay where it is
 * while it is set; setting a timer that is set moves it. It is called once, no earlier than its
 * time. Setting and cancelling cost the logarithm of the number of timers. */
struct timer {
	int64_t at;
	void (*fn)(void *arg);
	void *arg;
	uint32_t pos; /* place in the heap, from 1; 0: not set */
};
void loop_at(
    struct loop *loop, struct timer *t, int64_t at, void (*fn)(void *), void *arg);
void loop_cancel(struct loop *loop, struct timer *t);

/* Called once, before the loop next waits: the place for work that gathers what a round of
 * callbacks asked for, such as a commit or a write. Same ownership as a timer. One that is set
 * by another's call runs in the next round. */
struct deferred {
	void (*fn)(void *arg);
	void *arg;
	struct deferred *next;
	bool set;
};
void loop_defer(struct loop *loop, struct deferred *d, void (*fn)(void *), void *arg);
void loop_undefer(struct loop *loop, struct deferred *d);

/* Calls fn on the loop's thread for each SIGINT and SIGTERM from now on; the signals stay
 * blocked for the process (a child that is run unblocks them). At most one handler; it does
 * not keep loop_run waiting. Call it before any loop_work, whose threads inherit the mask. */
void loop_on_signal(struct loop *loop, void (*fn)(void *arg, int signo), void *arg);

/* Runs work(arg) on a thread of its own and then done(arg) on the loop's thread: for the few
 * things that can only block, such as the renewal of a token. loop_run waits for it. */
void loop_work(
    struct loop *loop, void (*work)(void *arg), void (*done)(void *arg), void *arg);

#endif
