/* photo_case: one photo through a pool of workers, for tests. */
#ifndef AV_PHOTO_CASE_H
#define AV_PHOTO_CASE_H

#include <stdlib.h>
#include <unistd.h>

#include "os/loop.h"
#include "photo/pool.h"
#include "photo/source.h"

/* A pool with a loop of its own. */
struct photo_case {
	struct loop *loop;
	struct photo_pool *pool;
	struct photo *photo;
	struct err *e;
	int status;
};

static inline void
photo_case_init(struct photo_case *c, const struct photo_pool_options *options)
{
	c->loop = loop_new();
	c->pool = photo_pool_new(c->loop, options);
}

static inline void
photo_case_release(struct photo_case *c)
{
	photo_pool_free(c->pool);
	loop_free(c->loop);
}

static inline void
photo_case_done(void *arg, int status, struct photo *photo, const struct err *e)
{
	struct photo_case *c = arg;

	c->status = status;
	if (status == 0)
		*c->photo = *photo;
	else
		*c->e = *e;
}

/* As photo_check_file, in a worker. */
static inline int
photo_case_check(struct photo_case *c, const char *path,
    const struct photo_options *options, struct photo *photo, struct err *e)
{
	struct photo_job *job;
	struct stat st;
	int fd;

	if (photo_open(path, &fd, &st, e) != 0)
		return -1;
	job = calloc(1, sizeof *job);
	c->photo = photo;
	c->e = e;
	c->status = 1; /* not called */
	photo_pool_submit(c->pool, job, fd, (uint64_t)st.st_size, options,
	    photo_case_done, c);
	loop_run(c->loop);
	if (c->status == 0)
		c->status = photo_unchanged(fd, &st, e);
	close(fd);
	free(job);
	if (c->status == 0)
		photo_check_name(photo, path);
	return c->status;
}

#endif
