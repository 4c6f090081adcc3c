#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/mem.h"
#include "fit.h"
#include "image/image.h"
#include "photo/decode.h"

#define WALL_MS   120000
#define CPU_S     60
#define BYTES_MAX ((uint64_t)1 << 30) /* of one new photo */

_Static_assert(sizeof(struct fit_reply) <= FIT_MESSAGE_MAX &&
                   sizeof(struct photo_reply) <= FIT_MESSAGE_MAX,
    "a reply is one message");

struct fit_pool {
	struct workers *workers;
	struct filetype *types;
};

/* What the worker's codes and numbers mean, in words. */
static int
explain(const struct fit_job *job, struct err *e)
{
	const struct fit_reply *r = &job->reply;
	const struct fit_request *q = &job->request;
	struct fit_plan plan;

	switch (r->outcome) {
	case FIT_CHANGED:
		return photo_unreadable(CODE_CHANGED_WHILE_READ, e);
	case FIT_UNREADABLE:
		return err_set(e, CODE_CANNOT_FIT,
		    "the photo cannot be read: it is incomplete, or of a type or a compression that av-fit does not know");
	case FIT_UNDECODABLE:
		return err_set(e, CODE_CANNOT_FIT, "libvips cannot decode the photo");
	case FIT_UNENCODABLE:
		return err_set(e, CODE_CANNOT_FIT, "libvips cannot encode the new photo");
	case FIT_TOO_MANY_PIXELS:
		return err_set(e, CODE_TOO_MANY_PIXELS,
		    "the picture has more than %ju pixels; see --max-pixels",
		    (uintmax_t)q->photo.options.max_pixels);
	case FIT_NO_TYPE:
		return err_set(e, CODE_CANNOT_FIT,
		    "the provider takes no type that av-fit can make");
	case FIT_NO_SIZE:
		if (fit_plan(&q->limits.image, &q->options, r->width, r->height,
		        r->shrink, &plan, e) < 0)
			return -1;
		break;
	case FIT_TOO_MANY_BYTES:
		return err_set(e, CODE_CANNOT_FIT,
		    "no allowed quality and size fit into %ju bytes",
		    (uintmax_t)q->limits.image.max_bytes);
	case FIT_MADE:
		break;
	}
	return err_set(e, CODE_CANNOT_FIT, "no size fits the provider's limits");
}

/* Is it a reply that a sound worker could send? */
static bool
is_valid(const struct fit_reply *r)
{
	if ((unsigned)r->outcome > FIT_TOO_MANY_BYTES || r->done.orientation > 8 ||
	    r->done.quality > 100)
		return false;
	if (r->outcome == FIT_NO_SIZE)
		return r->width > 0 && r->height > 0 && r->shrink > 0 && r->shrink <= 1;
	return r->outcome != FIT_MADE ||
	       ((unsigned)r->type <= IMAGE_WEBP && r->type != IMAGE_OTHER &&
	           r->bytes > 0 && r->bytes <= BYTES_MAX);
}

/* The photo is checked, and decoded if it had to be; many need no new photo. */
static enum worker_reply
on_checked(struct fit_job *job, enum worker_reply last)
{
	const struct findings *fs = &job->photo.findings;
	int status = 0;
	struct err e;

	switch (fit_need(&job->photo, &job->request)) {
	case FIT_NEEDED:
		return WORKER_MORE;
	case FIT_NOT_NEEDED:
		break;
	case FIT_HOPELESS:
		status =
		    err_set(&e, CODE_CANNOT_FIT, "%s", findings_refusal(fs)->message);
		break;
	case FIT_UNCLEAR:
		status = err_set(&e, CODE_CANNOT_FIT, "%s; say it with --orientation",
		    finding_get(fs, CODE_ORIENTATION_UNCLEAR)->message);
		break;
	}
	job->on_end(job, status < 0 ? &e : NULL);
	return last;
}

/* The facts of the photo. */
static enum worker_reply
on_facts(struct fit_job *job, const void *message, size_t len)
{
	struct err e;
	int status;

	if (!photo_reply_take(
	        message, len, &job->request.photo, &job->photo, &status, &e))
		return WORKER_INVALID;
	job->checked = true;
	if (status < 0) {
		job->on_end(job, &e);
		return WORKER_DONE;
	}
	job->decoded = !decode_wanted(&job->photo, &job->request.photo.options);
	return job->decoded ? on_checked(job, WORKER_DONE) : WORKER_MORE;
}

/* What the decoder says about a photo whose structure leaves it open. */
static enum worker_reply
on_decoded(struct fit_job *job, const void *message, size_t len)
{
	const struct decoded *d = message;

	if (len != sizeof *d ||
	    !decode_findings(d, &job->request.photo.options, &job->photo))
		return WORKER_INVALID;
	job->decoded = true;
	return on_checked(job, WORKER_SPENT);
}

static enum worker_reply
on_reply(struct worker_task *task, void *message, size_t len)
{
	struct fit_job *job = (struct fit_job *)task;
	const struct fit_reply *r = message;
	struct err e;

	if (!job->checked)
		return on_facts(job, message, len);
	if (!job->decoded)
		return on_decoded(job, message, len);
	if (!job->made) {
		if (len != sizeof *r || !is_valid(r))
			return WORKER_INVALID;
		job->reply = *r;
		if (r->outcome != FIT_MADE) {
			explain(job, &e);
			job->on_end(job, &e);
			return WORKER_SPENT;
		}
		job->made = true;
		job->left = r->bytes;
		job->on_made(job);
		return WORKER_MORE;
	}
	if (len > job->left)
		return WORKER_INVALID;
	job->left -= len;
	job->on_bytes(job, message, len);
	if (job->left > 0)
		return WORKER_MORE;
	job->on_end(job, NULL);
	return WORKER_SPENT;
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
		err_set(&e, CODE_DECODER_TIMEOUT,
		    "converting the photo took %s and was stopped", death->text);
		break;
	case WORKER_CRASHED:
		err_set(&e, CODE_DECODER_CRASHED,
		    "the decoder failed on this picture: %s", death->text);
		break;
	}
	job->on_end(job, &e);
}

struct fit_pool *
fit_pool_new(struct loop *loop, unsigned workers)
{
	struct fit_pool *pool = mem_new(1, sizeof *pool);

	if (fit_init() < 0)
		die(EX_UNAVAILABLE, "libvips cannot start");
	image_prepare(); /* the workers cannot */
	decode_prepare();
	pool->types = filetype_new();
	filetype_open(pool->types);
	pool->workers = workers_new(loop, &(struct workers_options){.n = workers,
	                                      .wall_ms = WALL_MS,
	                                      .cpu_s = CPU_S,
	                                      .message_max = FIT_MESSAGE_MAX,
	                                      .run = fit_worker,
	                                      .arg = pool->types,
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
	filetype_free(pool->types);
	free(pool);
}

void
fit_pool_submit(struct fit_pool *pool, struct fit_job *job, int fd)
{
	job->task = (struct worker_task){
	    .request = &job->request, .len = sizeof job->request, .fd = fd};
	job->checked = job->decoded = job->made = false;
	workers_submit(pool->workers, &job->task);
}
