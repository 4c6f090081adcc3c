#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "photo/decode.h"
#include "photo/pool.h"

#define CPU_S  30
#define MEMORY ((uint64_t)1280 << 20)

struct photo_pool {
	struct photo_worker_options worker_options;
	struct workers *workers;
};

/* What the decoder says, the last message. The process decodes no other photo. */
static enum worker_reply
on_decoded(struct photo_job *job, const void *message, size_t len)
{
	const struct decoded *d = message;

	if (len != sizeof *d || !decode_findings(d, &job->request.options, &job->photo))
		return WORKER_INVALID;
	job->done(job->arg, 0, &job->photo, NULL);
	return WORKER_SPENT;
}

static enum worker_reply
on_reply(struct worker_task *task, void *message, size_t len)
{
	struct photo_job *job = (struct photo_job *)task;
	struct err e;
	int status;

	if (job->checked)
		return on_decoded(job, message, len);
	if (!photo_reply_take(message, len, &job->request, &job->photo, &status, &e))
		return WORKER_INVALID;
	job->checked = true;
	if (status == 0 && decode_wanted(&job->photo, &job->request.options))
		return WORKER_MORE;
	job->done(job->arg, status, &job->photo, &e);
	return WORKER_DONE;
}

static void
on_death(struct worker_task *task, const struct worker_death *death)
{
	struct photo_job *job = (struct photo_job *)task;
	struct photo *photo = &job->photo;
	struct err e;

	if (death->why == WORKER_UNUSABLE) {
		err_set(&e, CODE_DECODER_FAILED,
		    "cannot check photos in a confined process: %s", death->text);
		job->done(job->arg, -1, NULL, &e);
		return;
	}
	if (!job->checked) {
		photo->bytes = job->request.size;
		photo->orientation = 1;
	}
	if (death->why == WORKER_LATE || death->why == WORKER_CPU_LIMIT)
		finding_add(&photo->findings, CODE_DECODER_TIMEOUT, SEVERITY_REFUSED,
		    death->text, "a picture that decodes", NULL,
		    "decoding the picture took too long and was stopped");
	else
		finding_add(&photo->findings, CODE_DECODER_CRASHED, SEVERITY_REFUSED,
		    death->text, "a picture that decodes", NULL,
		    "the decoder failed on this picture: %s", death->text);
	job->done(job->arg, 0, photo, NULL);
}

struct photo_pool *
photo_pool_new(struct loop *loop, const struct photo_pool_options *options)
{
	struct photo_pool *pool = mem_new(1, sizeof *pool);
	unsigned cpu_s = options->cpu_s > 0 ? options->cpu_s : CPU_S;

	pool->worker_options = (struct photo_worker_options){
	    .memory = options->memory > 0 ? options->memory : MEMORY,
	    .types = filetype_new(),
	    .decode = options->decode != NULL ? options->decode : decode_pixels};
	pool->workers = workers_new(
	    loop, &(struct workers_options){.n = options->workers,
	              .wall_ms = options->wall_ms > 0 ? options->wall_ms : 4000 * cpu_s,
	              .cpu_s = cpu_s,
	              .message_max = sizeof(struct photo_reply),
	              .run = photo_worker,
	              .arg = &pool->worker_options,
	              .on_reply = on_reply,
	              .on_death = on_death});
	return pool;
}

void
photo_pool_free(struct photo_pool *pool)
{
	if (pool == NULL)
		return;
	workers_free(pool->workers);
	filetype_free(pool->worker_options.types);
	free(pool);
}

void
photo_pool_submit(struct photo_pool *pool, struct photo_job *job, int fd, uint64_t size,
    const struct photo_options *options, photo_pool_fn *done, void *arg)
{
	memset(&job->photo, 0, sizeof job->photo);
	job->request = (struct photo_request){.size = size, .options = *options};
	job->task = (struct worker_task){
	    .request = &job->request, .len = sizeof job->request, .fd = fd};
	job->done = done;
	job->arg = arg;
	job->checked = false;
	workers_submit(pool->workers, &job->task);
}
