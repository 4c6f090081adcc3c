/*
 * outfile: writes a result to a file, whole or not at all, replacing nothing.
 *
 *	outname_path -> outfile_open -> outfile_write ... -> outfile_commit
 *	-> outfile_close
 *
 * The bytes go to a hidden part file beside the target. A lock on it shows
 * that its process is alive; the part file of a dead process is removed.
 * outfile_commit syncs it and renames it to the target, outfile_commit_all
 * many at once.
 */
#ifndef AV_BASE_OUTFILE_H
#define AV_BASE_OUTFILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/err.h"
#include "base/sha256.h"

/* A part file being written. */
struct outfile {
	char *part; /* its path; NULL: committed, private, or never opened */
	int fd;     /* -1: closed */
	uint64_t len;
	int failed;      /* errno of outfile_write_out, or 0 */
	char head[4096]; /* the first bytes, to tell the type */
	size_t head_len;
	struct sha256 sha;
};

/* Creates and locks the part file of a target ("out/.ann.part" for "out/ann"),
 * and missing directories. -1: target_taken (another process is writing it) or
 * target_unwritable. */
int outfile_open(struct outfile *t, const char *path, struct err *e);

/* Opens one in memory, without a name, which is never committed: it is gone
 * with its descriptor, also after a kill. */
int outfile_open_private(struct outfile *t, struct err *e);

/* Appends bytes; offset is what was written so far, or 0 to start again.
 * False (errno): the outfile can only be closed. */
bool outfile_write(
    struct outfile *t, uint64_t offset, const char *data, size_t len);

/* Syncs the part file and renames it to path. sha256 gets the digest. Without
 * force an existing file stays: success if it has the same bytes, else -1 and
 * target_taken. -1 and target_unwritable also on a file system that has
 * neither RENAME_NOREPLACE nor hard links. */
int outfile_commit(struct outfile *t, const char *path, bool force,
    char sha256[SHA256_HEX], struct err *e);

/* Begins to write the bytes out, so that a commit that comes later waits less.
 * Failures are told by the commit. */
void outfile_write_out(struct outfile *t);

/* A part file and what outfile_commit would take for it. */
struct outfile_final {
	struct outfile *part;
	const char *path;
	bool force;
	char sha256[SHA256_HEX];
	struct err err; /* CODE_NONE: it is committed */
	bool named;     /* private: the name is not durable yet */
	STAILQ_ENTRY(outfile_final) next;
};
STAILQ_HEAD(outfile_finals, outfile_final);

/* Commits all of a list, each as outfile_commit, but a directory is synced once
 * for all its files. None may be used until all are on the disk. */
void outfile_commit_all(struct outfile_finals *list);

/* Closes it, and removes the part file unless it was committed. */
void outfile_close(struct outfile *t);

#endif
