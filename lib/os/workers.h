/*
 * workers: a pool of child processes that carry out one task at a time.
 *
 * A task is a request, which is a struct that the worker reads, and an open
 * file that is sent along with it. The pool starts a worker when a task needs
 * one, sends the task, waits for messages on the event loop, and ends a worker
 * that takes too long. A worker is a copy of the program (os/child.h), so the
 * messages are plain structs. What a worker says is not trusted: the owner
 * checks each message and rejects it with WORKER_INVALID, which ends the
 * worker.
 *
 * A worker confines itself before its first request (os/confine.h) and tells
 * the pool what holds. One that is not confined at all gets no file: its task
 * fails. When Landlock or seccomp is missing, there is one warning.
 *
 * A worker that died while it was idle is replaced before the next task. When
 * no worker can be started and none is busy, the tasks in the queue fail.
 */
#ifndef AV_OS_WORKERS_H
#define AV_OS_WORKERS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "os/loop.h"

struct workers;

/* Part of the owner's struct. It must stay where it is from workers_submit
 * until a callback ends the task. */
struct worker_task {
	const void *request;
	size_t len;
	int fd; /* open until the task ends; the pool does not close it */
	STAILQ_ENTRY(worker_task) next; /* the pool's own */
};

/* What the owner says about a message. */
enum worker_reply {
	WORKER_INVALID, /* nothing that a sound worker would send */
	WORKER_MORE,    /* more messages follow */
	WORKER_DONE,    /* the last message of the task */
	WORKER_SPENT,   /* the same; the process gets no other task */
};

/* Why a task got no last message. */
struct worker_death {
	enum {
		/* No process, not confined, killed, or EX_IOERR. */
		WORKER_UNUSABLE,
		WORKER_LATE,      /* killed after wall_ms */
		WORKER_CPU_LIMIT, /* used more than cpu_s */
		WORKER_CRASHED,   /* any other end, an invalid message too */
	} why;
	char text[112]; /* for people: "signal 11 (Segmentation fault)" */
};

struct workers_options {
	unsigned n;         /* processes at most; 0: 1 */
	unsigned wall_ms;   /* time that a task may take */
	unsigned cpu_s;     /* processor time of a task; 0: no limit */
	size_t message_max; /* bytes of the longest message */

	/* The worker's life, in the child; see child_start. It calls
	 * workers_confine before it receives. */
	void (*run)(int sock, const void *arg);
	const void *arg;

	/* A message of len bytes, writable, aligned for any struct. With
	 * WORKER_DONE and WORKER_SPENT the task is the owner's again: it may be
	 * gone already. */
	enum worker_reply (*on_reply)(
	    struct worker_task *task, void *message, size_t len);

	/* The worker ended first. The task is the owner's again. */
	void (*on_death)(
	    struct worker_task *task, const struct worker_death *death);
};

/* Starts no process yet. The options are copied; arg is borrowed. */
struct workers *workers_new(
    struct loop *loop, const struct workers_options *options);

/* Ends the processes. Tasks that are queued or at work get no callback. */
void workers_free(struct workers *pool);

/* Queues a task. Callbacks come from the loop, never from here. The loop keeps
 * running as long as there are tasks. */
void workers_submit(struct workers *pool, struct worker_task *task);

/* For the child: wipes its environment, which may hold keys, confines the
 * process (memory, threads: see confine) and tells the pool what holds. Exits
 * with CHILD_NOT_READY when the process cannot be confined. */
void workers_confine(int sock, uint64_t memory, bool threads);

#endif
