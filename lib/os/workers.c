#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "os/child.h"
#include "os/confine.h"
#include "os/workers.h"

struct worker {
	struct workers *pool;
	pid_t pid; /* 0: no process */
	int sock;
	struct worker_task *task; /* NULL: idle */
	bool confined;            /* the process has said that it is */
	bool late;                /* killed because of its deadline */
	struct timer deadline;
};

STAILQ_HEAD(tasks, worker_task);

struct workers {
	struct workers_options options;
	struct loop *loop;
	struct worker *list;
	unsigned n_busy;
	struct tasks queue;
	struct deferred assign;
	void *message;
};

static bool told; /* how the workers of all pools are confined */

static void assign_tasks(void *arg);

/* Takes the task off the worker, which is idle from now on. */
static struct worker_task *
take_task(struct worker *w)
{
	struct worker_task *task = w->task;

	if (task == NULL)
		return NULL;
	loop_unwatch(w->pool->loop, w->sock);
	loop_cancel(w->pool->loop, &w->deadline);
	w->task = NULL;
	w->pool->n_busy--;
	return task;
}

/* Ends the process. Returns its status, as waitpid does. */
static int
end_process(struct worker *w)
{
	int status = child_end(w->pid, w->sock);

	w->pid = 0;
	return status;
}

static void
describe_death(
    struct worker_death *death, const struct worker *w, int status, bool invalid)
{
	int number = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
	size_t size = sizeof death->text;

	death->why = w->late ? WORKER_LATE : WORKER_CRASHED;
	if (!w->late && number == CHILD_NOT_READY && !w->confined) {
		death->why = WORKER_UNUSABLE;
		snprintf(death->text, size,
		    "it cannot set its limits (ulimit -a), or the kernel has neither seccomp nor Landlock");
	} else if (w->late) {
		snprintf(death->text, size, "too much time");
	} else if (invalid) {
		snprintf(death->text, size, "an answer that makes no sense");
	} else if (WIFSIGNALED(status) && number == SIGKILL) {
		death->why = WORKER_UNUSABLE; /* a picture cannot do that */
		snprintf(death->text, size,
		    "it was killed, perhaps because the machine has no memory left; lower -j");
	} else if (!WIFSIGNALED(status) && number == EX_IOERR) {
		death->why = WORKER_UNUSABLE;
		snprintf(death->text, size, "it cannot read the photo");
	} else if (WIFSIGNALED(status) && number == SIGXCPU) {
		death->why = WORKER_CPU_LIMIT;
		snprintf(death->text, size, "too much processor time");
	} else if (WIFSIGNALED(status) && number == SIGSYS) {
		snprintf(death->text, size, "a forbidden system call");
	} else if (WIFSIGNALED(status)) {
		snprintf(death->text, size, "signal %d (%s)", number, strsignal(number));
	} else if (number == EX_OSERR) {
		snprintf(death->text, size, "out of memory");
	} else {
		snprintf(death->text, size, "exit status %d", number);
	}
}

/* The worker died with a task, or sent an invalid message. */
static void
reap(struct worker *w, bool invalid)
{
	struct workers *pool = w->pool;
	struct worker_task *task = take_task(w);
	struct worker_death death;

	describe_death(&death, w, end_process(w), invalid);
	pool->options.on_death(task, &death);
}

/* Overwrites the bytes too: they are part of the stack. */
static void
wipe_environment(void)
{
	for (char **e = environ; e != NULL && *e != NULL; e++)
		explicit_bzero(*e, strlen(*e));
	clearenv();
}

void
workers_confine(int sock, uint64_t memory, bool threads)
{
	int held;

	wipe_environment();
	held = confine(memory, threads);
	if (held <= 0)
		_exit(CHILD_NOT_READY);
	child_reply(sock, &held, sizeof held);
}

/* The first message of a process: what confines it. */
static bool
take_greeting(struct worker *w, const void *message, size_t len)
{
	int held;

	if (len != sizeof held)
		return false;
	memcpy(&held, message, sizeof held);
	w->confined = true;
	if (told)
		return true;
	told = true;
	note("workers are confined by %s", held == CONFINED_FILES ? "Landlock"
	                                   : held == CONFINED_CALLS
	                                       ? "seccomp"
	                                       : "seccomp and Landlock");
	if (held == CONFINED_FILES)
		warn(
		    "the kernel has no seccomp: photos are decoded under Landlock alone");
	else if (held == CONFINED_CALLS)
		warn(
		    "the kernel has no Landlock: photos are decoded under seccomp alone");
	return true;
}

static void
on_readable(void *arg, int fd, uint32_t events)
{
	struct worker *w = arg;
	struct workers *pool = w->pool;
	enum worker_reply reply;
	ssize_t n = recv(fd, pool->message, pool->options.message_max, MSG_DONTWAIT);

	(void)events;
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		reap(w, false);
	} else if (!w->confined) {
		if (!take_greeting(w, pool->message, (size_t)n))
			reap(w, true);
	} else {
		reply = pool->options.on_reply(w->task, pool->message, (size_t)n);
		if (reply == WORKER_INVALID)
			reap(w, true);
		else if (reply != WORKER_MORE)
			take_task(w);
		if (reply == WORKER_SPENT)
			end_process(w);
	}
	assign_tasks(pool);
}

/* Kills the worker; the end of file on its socket does the rest. */
static void
on_deadline(void *arg)
{
	struct worker *w = arg;

	w->late = true;
	kill(w->pid, SIGKILL);
}

/* The limit counts from the start of the process, so add what it has used. */
static void
grant_cpu_time(const struct worker *w)
{
	struct timespec used = {0};
	struct rlimit limit;
	clockid_t clock;

	if (w->pool->options.cpu_s == 0)
		return;
	if (clock_getcpuclockid(w->pid, &clock) == 0)
		clock_gettime(clock, &used);
	if (prlimit(w->pid, RLIMIT_CPU, NULL, &limit) != 0)
		return;
	limit.rlim_cur = (rlim_t)used.tv_sec + 1 + w->pool->options.cpu_s;
	prlimit(w->pid, RLIMIT_CPU, &limit, NULL);
}

/* An idle worker has nothing to say: end of file or data means that it cannot be used. */
static bool
is_usable(const struct worker *w)
{
	char c;

	return recv(w->sock, &c, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
	       (errno == EAGAIN || errno == EINTR);
}

static bool
send_task(const struct worker *w, const struct worker_task *task)
{
	grant_cpu_time(w);
	return child_send(w->sock, task->request, task->len, task->fd);
}

/* Gives the worker a task. False (errno) when no process can be started for it. */
static bool
assign(struct worker *w, struct worker_task *task)
{
	struct workers *pool = w->pool;

	if (w->pid != 0 && (!is_usable(w) || !send_task(w, task)))
		end_process(w);
	if (w->pid == 0) {
		w->confined = false;
		w->pid = child_start(&w->sock, pool->options.run, pool->options.arg);
		if (w->pid < 0) {
			w->pid = 0;
			return false;
		}
		/* The end of file of one that died already says why it did. */
		if (!send_task(w, task) && errno != EPIPE && errno != ECONNRESET) {
			int error = errno;
			end_process(w);
			errno = error;
			return false;
		}
	}
	w->task = task;
	w->late = false;
	pool->n_busy++;
	loop_watch(pool->loop, w->sock, EPOLLIN, on_readable, w);
	loop_at(pool->loop, &w->deadline, loop_now(pool->loop) + pool->options.wall_ms,
	    on_deadline, w);
	return true;
}

/* A worker without a task, if possible one whose process runs already; or NULL. */
static struct worker *
idle_worker(const struct workers *pool)
{
	struct worker *without_process = NULL;

	for (unsigned i = 0; i < pool->options.n; i++) {
		struct worker *w = &pool->list[i];
		if (w->task != NULL)
			continue;
		if (w->pid != 0)
			return w;
		if (without_process == NULL)
			without_process = w;
	}
	return without_process;
}

/* The tasks that on_death submits get a chance of their own. */
static void
fail_queue(struct workers *pool, int error)
{
	struct tasks failed = STAILQ_HEAD_INITIALIZER(failed);
	struct worker_death death = {.why = WORKER_UNUSABLE};
	struct worker_task *task;

	snprintf(death.text, sizeof death.text, "no process can be started: %s",
	    strerror(error));
	STAILQ_CONCAT(&failed, &pool->queue);
	while ((task = STAILQ_FIRST(&failed)) != NULL) {
		STAILQ_REMOVE_HEAD(&failed, next);
		pool->options.on_death(task, &death);
	}
}

static void
assign_tasks(void *arg)
{
	struct workers *pool = arg;
	struct worker_task *task;
	struct worker *w;

	while ((task = STAILQ_FIRST(&pool->queue)) != NULL &&
	       (w = idle_worker(pool)) != NULL) {
		if (!assign(w, task)) {
			if (pool->n_busy == 0)
				fail_queue(pool, errno);
			return; /* else the task waits for a busy worker */
		}
		STAILQ_REMOVE_HEAD(&pool->queue, next);
	}
}

struct workers *
workers_new(struct loop *loop, const struct workers_options *options)
{
	struct workers *pool = mem_new(1, sizeof *pool);

	confine_prepare();
	pool->options = *options;
	if (pool->options.n == 0)
		pool->options.n = 1;
	pool->loop = loop;
	pool->message = mem_new(1, pool->options.message_max);
	pool->list = mem_new(pool->options.n, sizeof *pool->list);
	for (unsigned i = 0; i < pool->options.n; i++)
		pool->list[i].pool = pool;
	STAILQ_INIT(&pool->queue);
	return pool;
}

void
workers_free(struct workers *pool)
{
	if (pool == NULL)
		return;
	loop_undefer(pool->loop, &pool->assign);
	for (unsigned i = 0; i < pool->options.n; i++) {
		take_task(&pool->list[i]);
		if (pool->list[i].pid != 0)
			end_process(&pool->list[i]);
	}
	free(pool->list);
	free(pool->message);
	free(pool);
}

void
workers_submit(struct workers *pool, struct worker_task *task)
{
	STAILQ_INSERT_TAIL(&pool->queue, task, next);
	loop_defer(pool->loop, &pool->assign, assign_tasks, pool);
}
