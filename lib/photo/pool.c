#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "image/image.h"
#include "photo/decode.h"
#include "photo/pool.h"

#define CPU_S  30
#define MEMORY ((uint64_t)1280 << 20)

struct photo_pool {
	struct photo_worker_options worker_options;
	struct workers *readers, *decoders;
};

/* What the decoder says. After damage it decodes no other photo: the library may be in a
 * state that it was never tested in. */
static enum worker_reply
on_decoded(struct worker_task *task, void *message, size_t len)
{
	struct photo_job *job = (struct photo_job *)task;
	const struct decoded *d = message;

	if (len != sizeof *d || !decode_findings(d, &job->request.options, &job->photo))
		return WORKER_INVALID;
	job->done(job->arg, 0, &job->photo, NULL);
	return d->result == DECODED_WELL ? WORKER_DONE : WORKER_SPENT;
}

static void
submit_decode(struct photo_job *job)
{
	decode_prepare(); /* the workers cannot */
	job->checked = true;
	job->task.request = &job->photo;
	job->task.len = PHOTO_KNOWN;
	workers_submit(job->pool->decoders, &job->task);
}

static enum worker_reply
on_checked(struct worker_task *task, void *message, size_t len)
{
	struct photo_job *job = (struct photo_job *)task;
	struct err e;
	int status;

	if (!photo_reply_take(message, len, &job->request, &job->photo, &status, &e))
		return WORKER_INVALID;
	if (status == 0 && decode_wanted(&job->photo, &job->request.options))
		submit_decode(job);
	else
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
	struct workers_options o = {.n = options->workers,
	    .wall_ms = options->wall_ms > 0 ? options->wall_ms : 4000 * cpu_s,
	    .cpu_s = cpu_s,
	    .message_max = sizeof(struct photo_reply),
	    .run = photo_worker,
	    .arg = &pool->worker_options,
	    .on_reply = on_checked,
	    .on_death = on_death};

	pool->worker_options = (struct photo_worker_options){
	    .memory = options->memory > 0 ? options->memory : MEMORY,
	    .types = filetype_new(),
	    .decode = options->decode != NULL ? options->decode : decode_pixels};
	pool->readers = workers_new(loop, &o);
	o.run = photo_decoder;
	o.on_reply = on_decoded;
	pool->decoders = workers_new(loop, &o);
	return pool;
}

void
photo_pool_free(struct photo_pool *pool)
{
	if (pool == NULL)
		return;
	workers_free(pool->readers);
	workers_free(pool->decoders);
	filetype_free(pool->worker_options.types);
	free(pool);
}

static void
init_job(struct photo_pool *pool, struct photo_job *job, int fd, uint64_t size,
    const struct photo_options *options, photo_pool_fn *done, void *arg)
{
	job->pool = pool;
	job->request = (struct photo_request){.size = size, .options = *options};
	job->task = (struct worker_task){
	    .request = &job->request, .len = sizeof job->request, .fd = fd};
	job->done = done;
	job->arg = arg;
	job->checked = false;
}

void
photo_pool_submit(struct photo_pool *pool, struct photo_job *job, int fd, uint64_t size,
    const struct photo_options *options, photo_pool_fn *done, void *arg)
{
	memset(&job->photo, 0, sizeof job->photo);
	init_job(pool, job, fd, size, options, done, arg);
	image_prepare(); /* the workers cannot */
	filetype_open(pool->worker_options.types);
	workers_submit(pool->readers, &job->task);
}

void
photo_pool_decode(struct photo_pool *pool, struct photo_job *job, int fd,
    const struct photo_options *options, photo_pool_fn *done, void *arg)
{
	init_job(pool, job, fd, job->photo.bytes, options, done, arg);
	submit_decode(job);
}
