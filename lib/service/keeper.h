/*
 * keeper: takes files that came whole off the wire, and keeps the sound ones.
 *
 * Both the look through a file (image/whole.h) and the disk take their time, so
 * they are left to threads, which take many files at once: while one batch is
 * at work, the next one gathers. All of a batch goes to the disk together
 * (outfile_commit_all), and comes back when its bytes and names are there.
 */
#ifndef AV_SERVICE_KEEPER_H
#define AV_SERVICE_KEEPER_H

#include "base/outfile.h"
#include "image/whole.h"
#include "os/loop.h"

/* A file to be kept. The first group is the owner's, who leaves it alone until
 * done. */
struct keeping {
	struct outfile_final final;
	const char *type, *ext; /* by which it is looked at */
	void (*done)(void *arg);
	void *arg;
	/* For done to read, and final.sha256 and final.err. */
	bool whole;
	char fault[WHOLE_WHY]; /* what is wrong; it was not committed */
	/* Its own. */
	STAILQ_ENTRY(keeping) next;
};
STAILQ_HEAD(keepings, keeping);

/* Zeroed before its first use. It owns nothing once all are done. */
struct keeper {
	struct keepings waiting;
	size_t n_waiting, n_batches;
	size_t n; /* files that are not done */
};

/* True if so many files wait for the disk that no more should be fetched: each
 * of them has a descriptor. */
bool keeper_is_full(const struct keeper *keeper);

/* done is called on the loop, never from within. */
void keeper_add(struct keeper *keeper, struct loop *loop, struct keeping *k);

#endif
