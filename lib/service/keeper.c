#include <stdlib.h>

#include "base/mem.h"
#include "service/keeper.h"

/* One waits for the disk while the other is looked through. */
#define BATCHES_MAX 2

#define FILES_MAX 128

struct batch {
	struct keeper *keeper;
	struct loop *loop;
	struct keepings files;
};

/* On a thread. The disk works while the files are looked through. */
static void
keep(void *arg)
{
	struct batch *batch = arg;
	struct outfile_finals sound = STAILQ_HEAD_INITIALIZER(sound);
	struct keeping *k;

	STAILQ_FOREACH (k, &batch->files, next)
		outfile_write_out(k->final.part);
	STAILQ_FOREACH (k, &batch->files, next) {
		const struct outfile *part = k->final.part;

		k->whole = file_is_whole(part->fd, part->len, k->type, k->ext, k->fault);
		if (k->whole)
			STAILQ_INSERT_TAIL(&sound, &k->final, next);
	}
	outfile_commit_all(&sound);
}

static void start_batches(struct keeper *keeper, struct loop *loop);

static void
kept(void *arg)
{
	struct batch *batch = arg;
	struct keeping *k;

	batch->keeper->n_batches--;
	start_batches(batch->keeper, batch->loop);
	while ((k = STAILQ_FIRST(&batch->files)) != NULL) {
		STAILQ_REMOVE_HEAD(&batch->files, next);
		batch->keeper->n--;
		k->done(k->arg);
	}
	free(batch);
}

static void
start_batches(struct keeper *keeper, struct loop *loop)
{
	struct batch *batch;

	if (keeper->n_batches == BATCHES_MAX || keeper->n_waiting == 0)
		return;
	batch = mem_new(1, sizeof *batch);
	batch->keeper = keeper;
	batch->loop = loop;
	STAILQ_INIT(&batch->files);
	STAILQ_CONCAT(&batch->files, &keeper->waiting);
	keeper->n_waiting = 0;
	keeper->n_batches++;
	loop_work(loop, keep, kept, batch);
}

bool
keeper_is_full(const struct keeper *keeper)
{
	return keeper->n >= FILES_MAX;
}

void
keeper_add(struct keeper *keeper, struct loop *loop, struct keeping *k)
{
	if (keeper->n_waiting++ == 0)
		STAILQ_INIT(&keeper->waiting);
	STAILQ_INSERT_TAIL(&keeper->waiting, k, next);
	keeper->n++;
	start_batches(keeper, loop);
}
