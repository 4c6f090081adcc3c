#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fit.h"

#define WALL_MS   120000
#define BYTES_MAX ((uint64_t)1 << 30) /* of one new photo */

_Static_assert(sizeof(struct fit_reply) <= FIT_MESSAGE_MAX, "a reply is one message");

struct fit_pool {
	struct workers *workers;
};

/* Is it a reply that a sound worker could send? */
static bool
is_valid(const struct fit_reply *r, size_t n)
{
	if (n != sizeof *r || (unsigned)r->outcome > FIT_FAILED ||
	    (unsigned)r->type > IMAGE_WEBP || !findings_valid(&r->findings) ||
	    !text_valid(r->done.from_type, sizeof r->done.from_type))
		return false;
	if (r->outcome == FIT_FAILED)
		return r->err.code > CODE_NONE && r->err.code < CODE_COUNT &&
		       text_valid(r->err.message, sizeof r->err.message);
	return r->outcome == FIT_UNCHANGED ||
	       (r->type != IMAGE_OTHER && r->bytes > 0 && r->bytes <= BYTES_MAX);
}

static enum worker_reply
on_reply(struct worker_task *task, void *message, size_t len)
{
	struct fit_job *job = (struct fit_job *)task;
	struct fit_reply *r = message;

	if (!job->replied) {
		if (!is_valid(r, len))
			return WORKER_INVALID;
		job->replied = true;
		job->left = r->outcome == FIT_MADE ? r->bytes : 0;
		job->on_reply(job, r);
	} else {
		if (len > job->left)
			return WORKER_INVALID;
		job->left -= len;
		job->on_bytes(job, message, len);
	}
	if (job->left > 0)
		return WORKER_MORE;
	job->on_end(job, NULL);
	return WORKER_DONE;
}

static void
on_death(struct worker_task *task, const struct worker_death *death)
{
	struct fit_job *job = (struct fit_job *)task;
	struct err e;

	switch (death->why) {
	case WORKER_UNUSABLE:
		err_set(&e, CODE_DECODER_FAILED,
		    "cannot convert photos in a confined process: %s", death->text);
		break;
	case WORKER_LATE:
	case WORKER_CPU_LIMIT:
		err_set(&e, CODE_DECODER_TIMEOUT, "the photo was not done after %d s",
		    WALL_MS / 1000);
		break;
	case WORKER_CRASHED:
		err_set(&e, CODE_DECODER_CRASHED,
		    "the decoder failed on this picture: %s", death->text);
		break;
	}
	job->on_end(job, &e);
}

static void
run_worker(int sock, const void *arg)
{
	(void)arg;
	fit_worker(sock);
}

struct fit_pool *
fit_pool_new(struct loop *loop, unsigned workers)
{
	struct fit_pool *pool = mem_new(1, sizeof *pool);

	pool->workers = workers_new(loop, &(struct workers_options){.n = workers,
	                                      .wall_ms = WALL_MS,
	                                      .message_max = FIT_MESSAGE_MAX,
	                                      .run = run_worker,
	                                      .on_reply = on_reply,
	                                      .on_death = on_death});
	return pool;
}

void
fit_pool_free(struct fit_pool *pool)
{
	if (pool == NULL)
		return;
	workers_free(pool->workers);
	free(pool);
}

void
fit_pool_submit(struct fit_pool *pool, struct fit_job *job, int fd)
{
	job->task = (struct worker_task){
	    .request = &job->request, .len = sizeof job->request, .fd = fd};
	job->replied = false;
	workers_submit(pool->workers, &job->task);
}
