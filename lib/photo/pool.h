/*
 * pool: checks photos in confined worker processes, several at once.
 *
 * A worker (photo/worker.h) gets an open photo, runs photo_check on it and
 * answers. When pixels are wanted, a second worker decodes them. Neither
 * answer is trusted: the numbers are checked before use. A worker that decodes
 * never checks, and ends when it finds damage, so a photo that takes over the
 * decoder can lie at most about the pixels of later photos. When a worker
 * crashes or takes too long, its photo gets the finding decoder_crashed or
 * decoder_timeout, beside the findings made before the decoder started.
 *
 * A worker starts when a photo needs one, as a copy of this process without its
 * environment: make the pool before secrets are read, where that is possible.
 */
#ifndef AV_PHOTO_POOL_H
#define AV_PHOTO_POOL_H

#include "os/workers.h"
#include "photo/worker.h"

struct photo_pool;

struct photo_pool_options {
	unsigned workers; /* of each kind at most; 0: 1 */
	unsigned cpu_s;   /* processor time of one photo; 0: 30 s */
	unsigned wall_ms; /* time of one photo; 0: four times cpu_s */
	/* Bytes that a worker may allocate; 0: 1.25 GiB, enough to decode
	 * PHOTO_MAX_PIXELS in every format. */
	uint64_t memory;
	/* NULL: decode_pixels (photo/decode.h). */
	void (*decode)(int fd, const struct photo *photo, struct decoded *d);
};

struct photo_pool *photo_pool_new(
    struct loop *loop, const struct photo_pool_options *options);

/* Ends the workers. Jobs that are not done get no callback. */
void photo_pool_free(struct photo_pool *pool);

/* How one photo ended, as photo_check: status 0 and *photo (in the job), or -1
 * and *e, which lasts for the call; decoder_failed when no worker can be
 * started. The job is the caller's again. */
typedef void photo_pool_fn(
    void *arg, int status, struct photo *photo, const struct err *e);

/* One photo at work: memory of the caller for the pool. */
struct photo_job {
	struct worker_task task; /* the first member */
	struct photo_pool *pool;
	struct photo_request request;
	photo_pool_fn *done;
	void *arg;
	bool checked; /* photo_check is done, and photo holds its result */
	struct photo photo;
};

/* Queues size bytes of fd. fd stays the caller's and must be open until done
 * is called, from the loop. The worker knows neither the file's times nor its
 * name, so the caller asks photo_unchanged and photo_check_name. */
void photo_pool_submit(struct photo_pool *pool, struct photo_job *job, int fd,
    uint64_t size, const struct photo_options *options, photo_pool_fn *done,
    void *arg);

/* The same for a photo that this process has checked: job->photo, of which
 * decode_wanted. */
void photo_pool_decode(struct photo_pool *pool, struct photo_job *job, int fd,
    const struct photo_options *options, photo_pool_fn *done, void *arg);

#endif
