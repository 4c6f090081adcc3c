/*
 * thumbnail: tiny copies of pictures, to tell whether two show the same.
 *
 * A confined worker (os/workers.h) decodes one picture (JPEG, PNG or WebP),
 * scales it to 32x32 cells and turns it as Exif says. Each picture
 * has a worker of its own, so a picture that takes over its decoder knows
 * nothing of the other one. What the worker says is only numbers.
 */
#ifndef AV_PHOTO_THUMBNAIL_H
#define AV_PHOTO_THUMBNAIL_H

#include "os/workers.h"

#define THUMBNAIL_SIDE 32

struct thumbnail {
	uint32_t width, height; /* of the picture, as people see it */
	uint8_t cells[THUMBNAIL_SIDE * THUMBNAIL_SIDE][3]; /* RGB */
};

/* True if both surely show the same: the same shape, and nowhere more than what
 * scaling and another compression change. A picture that is almost of one
 * colour is like no other. False proves nothing. */
bool thumbnail_same(const struct thumbnail *a, const struct thumbnail *b);

/* Decodes size bytes of fd. False if they are no whole picture, or one of more
 * than 50 million pixels. For confined workers only. */
bool thumbnail_make(int fd, uint64_t size, struct thumbnail *t);

/* The workers; for workers_free. They start no process yet. */
struct workers *thumbnail_workers(struct loop *loop);

/* One picture at work: memory of the caller. */
struct thumbnail_job {
	struct worker_task task; /* the first member */
	uint64_t size;
	/* t: of the job; NULL if the picture cannot be decoded. The job is the
	 * caller's again. */
	void (*done)(void *arg, const struct thumbnail *t);
	void *arg;
	struct thumbnail thumbnail;
};

/* Sets job->thumbnail from size bytes of fd, which must stay open until done is
 * called, from the loop. */
void thumbnail_submit(
    struct workers *workers, struct thumbnail_job *job, int fd, uint64_t size);

#endif
