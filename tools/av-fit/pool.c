#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "fit.h"
#include "os/child.h"
#include "os/loop.h"

#define WALL_MS   120000
#define BYTES_MAX ((uint64_t)1 << 30) /* of one new photo */

struct worker {
	struct fit_pool *pool;
	pid_t pid; /* 0: none */
	int sock;
	struct fit_job *job; /* NULL: idle */
	uint64_t left;       /* bytes of the new photo that are still to come */
	bool replied, late;
	struct timer deadline;
};

struct fit_pool {
	struct loop *loop;
	struct worker *workers;
	unsigned n;
	struct fit_job *first, **last;
	union {
		struct fit_reply reply;
		char bytes[FIT_CHUNK];
	} message;
};

static void employ_all(struct fit_pool *pool);
static void hear(void *arg, int fd, uint32_t events);

static int
bury(struct worker *w)
{
	int status;

	loop_unwatch(w->pool->loop, w->sock);
	loop_cancel(w->pool->loop, &w->deadline);
	status = child_end(w->pid, w->sock);
	w->pid = 0;
	return status;
}

static void
end_job(struct worker *w, const struct err *e)
{
	struct fit_job *job = w->job;

	loop_cancel(w->pool->loop, &w->deadline);
	w->job = NULL;
	job->end(job, e);
}

static void
describe_death(const struct worker *w, int status, struct err *e)
{
	if (w->late)
		err_set(e, CODE_DECODER_TIMEOUT, "the photo was not mended in %d s",
		    WALL_MS / 1000);
	else if (WIFEXITED(status) && WEXITSTATUS(status) == CHILD_NOT_READY)
		err_set(e, CODE_DECODER_FAILED,
		    "a process to mend photos cannot shut itself in; see its limits (ulimit -a)");
	else if (WIFEXITED(status) && WEXITSTATUS(status) == EX_OSERR)
		err_set(e, CODE_DECODER_CRASHED,
		    "the decoder of the picture ran out of memory");
	else
		err_set(e, CODE_DECODER_CRASHED,
		    "the decoder of the picture came to grief: %s",
		    WIFSIGNALED(status) ? strsignal(WTERMSIG(status))
		                        : "it ended too early");
}

static void
died(struct worker *w)
{
	int status = bury(w);
	struct err e;

	if (w->job == NULL)
		return;
	describe_death(w, status, &e);
	end_job(w, &e);
}

static void
too_late(void *arg)
{
	struct worker *w = arg;

	w->late = true;
	kill(w->pid, SIGKILL); /* its socket tells the rest */
}

/* Is it what an honest worker would say? Texts are made safe. */
static bool
sane(struct fit_reply *r, size_t n)
{
	struct fit_done *d = &r->done;

	if (n != sizeof *r || (unsigned)r->outcome > FIT_FAILED ||
	    (unsigned)r->type > IMAGE_WEBP || !findings_sane(&r->findings))
		return false;
	if (memchr(d->from_type, '\0', sizeof d->from_type) == NULL ||
	    !utf8_valid(d->from_type, strlen(d->from_type)))
		return false;
	r->err.message[sizeof r->err.message - 1] = '\0';
	if (r->outcome == FIT_FAILED)
		return r->err.code > CODE_NONE && r->err.code < CODE_COUNT &&
		       utf8_valid(r->err.message, strlen(r->err.message));
	return r->outcome == FIT_LEFT ||
	       (r->type != IMAGE_OTHER && r->bytes > 0 && r->bytes <= BYTES_MAX);
}

/* False: the worker is not to be believed. */
static bool
take_message(struct worker *w, size_t n)
{
	struct fit_pool *pool = w->pool;

	if (!w->replied) {
		struct fit_reply *r = &pool->message.reply;
		if (!sane(r, n))
			return false;
		w->replied = true;
		w->left = r->outcome == FIT_MADE ? r->bytes : 0;
		w->job->reply(w->job, r);
	} else {
		if (n > w->left)
			return false;
		w->left -= n;
		w->job->bytes(w->job, pool->message.bytes, n);
	}
	if (w->left == 0)
		end_job(w, NULL);
	return true;
}

static void
hear(void *arg, int fd, uint32_t events)
{
	struct worker *w = arg;
	struct fit_pool *pool = w->pool;
	ssize_t n = recv(fd, &pool->message, sizeof pool->message, MSG_DONTWAIT);

	(void)events;
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0 || w->job == NULL || !take_message(w, (size_t)n))
		died(w);
	employ_all(pool);
}

static void
life(int sock, const void *arg)
{
	(void)arg;
	fit_worker(sock);
}

static bool
hire(struct worker *w)
{
	w->pid = child_start(&w->sock, life, NULL);
	if (w->pid < 0) {
		w->pid = 0;
		return false;
	}
	loop_watch(w->pool->loop, w->sock, EPOLLIN, hear, w);
	return true;
}

/* Gives the worker the first job in line; one that died while idle is replaced once. */
static bool
employ(struct worker *w)
{
	struct fit_pool *pool = w->pool;
	struct fit_job *job = pool->first;
	bool given = false;

	for (int attempt = 0; attempt < 2 && !given; attempt++) {
		if (w->pid == 0 && !hire(w))
			return false;
		given = child_order(w->sock, &job->order, sizeof job->order, job->fd);
		if (!given)
			bury(w);
	}
	if (!given)
		return false;
	pool->first = job->next;
	if (pool->first == NULL)
		pool->last = &pool->first;
	w->job = job;
	w->replied = w->late = false;
	w->left = 0;
	loop_at(pool->loop, &w->deadline, loop_now(pool->loop) + WALL_MS, too_late, w);
	return true;
}

/* Without a single worker the line can only fail. */
static void
fail_line(struct fit_pool *pool)
{
	struct fit_job *job;
	struct err e;

	err_set(&e, CODE_DECODER_FAILED, "cannot start a process to mend photos:");
	while ((job = pool->first) != NULL) {
		pool->first = job->next;
		if (pool->first == NULL)
			pool->last = &pool->first;
		job->end(job, &e);
	}
}

/* Those that run already come first. */
static void
employ_all(struct fit_pool *pool)
{
	bool busy = false, failed = false;

	for (int idle = 1; idle >= 0; idle--)
		for (unsigned i = 0; i < pool->n && pool->first != NULL && !failed; i++) {
			struct worker *w = &pool->workers[i];
			if (w->job == NULL && (w->pid != 0 || !idle))
				failed = !employ(w);
		}
	for (unsigned i = 0; i < pool->n; i++)
		busy = busy || pool->workers[i].job != NULL;
	if (failed && !busy)
		fail_line(pool);
}

struct fit_pool *
fit_pool_new(struct loop *loop, unsigned workers)
{
	struct fit_pool *pool = mem_new(1, sizeof *pool);

	pool->loop = loop;
	pool->n = workers;
	pool->workers = mem_new(workers, sizeof *pool->workers);
	for (unsigned i = 0; i < workers; i++)
		pool->workers[i].pool = pool;
	pool->last = &pool->first;
	return pool;
}

void
fit_pool_free(struct fit_pool *pool)
{
	if (pool == NULL)
		return;
	for (unsigned i = 0; i < pool->n; i++)
		if (pool->workers[i].pid != 0)
			bury(&pool->workers[i]);
	free(pool->workers);
	free(pool);
}

void
fit_pool_submit(struct fit_pool *pool, struct fit_job *job)
{
	job->next = NULL;
	*pool->last = job;
	pool->last = &job->next;
	employ_all(pool);
}
