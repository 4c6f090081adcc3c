/*
 * outfile: the file that a result is kept in. Named, never outside its directory, never half
 * there, never over somebody else's.
 */
#ifndef AV_BASE_OUTFILE_H
#define AV_BASE_OUTFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/hashset.h"
#include "base/sha256.h"

/* What a name is made of; each may be any bytes. */
struct outfile_name {
	const char *stem, *provider, *kind, *name, *id, *ext;
};

/* The path for a template such as "out/{stem}.{provider}.{kind}.{ext}". What stands in braces
 * is replaced; slashes, control characters and leading dots in it become `_`, so that only the
 * template chooses the directory. -1 and target_unwritable where a place is not known. */
int outfile_path(const char *template, const struct outfile_name *name, struct buf *path,
    struct err *e);

/* Whether the template uses nothing but known places; for the options. */
bool outfile_template_ok(const char *template, const char **bad);

/* The names that this run has given away, as hashes under a key of its own: 22 to 43 bytes for
 * each, however long it is. Zeroed is empty. */
struct outfile_names {
	struct hashset names;
	unsigned char key[16];
};

/* Takes a name; false where it was given to another before. (That two names had the same hash, and
 * one were refused for nothing, is less likely among a million than 1 in 10^26.) */
bool outfile_names_take(struct outfile_names *t, const char *path);
void outfile_names_release(struct outfile_names *t);

/* A file on its way: a hidden one beside the target, ours by a lock. */
struct outfile {
	char *part; /* its path */
	int fd;
	uint64_t len;
	char head[4096]; /* the first bytes, for telling the type */
	size_t head_len;
	struct sha256 sha;
};

/* Makes the part of a path, as "out/.ann.part" for "out/ann", and the directory if it is not
 * there. What a process left that is no more is removed. target_taken where another process is
 * at it, target_unwritable. */
int outfile_open(struct outfile *t, const char *path, struct err *e);

/* Appends bytes that belong at offset; an offset of 0 begins again. False (errno) on failure. */
bool outfile_write(struct outfile *t, uint64_t offset, const char *data, size_t len);

/* Makes it durable under its name. Only with force is a file replaced that is there already; else
 * it stays, which is a success where it is the same bytes, and otherwise target_taken. A file
 * system that has neither renameat2's RENAME_NOREPLACE nor links can promise nothing of the kind:
 * target_unwritable. sha256 gets the digest. */
int outfile_commit(struct outfile *t, const char *path, bool force,
    char sha256[SHA256_HEX], struct err *e);

/* Takes it away, unless it was committed. */
void outfile_close(struct outfile *t);

#endif
