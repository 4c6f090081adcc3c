#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/failpoint.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/outfile.h"

/* Whether path still names the open file. */
static bool
is_named(int fd, const char *path)
{
	struct stat ours, theirs;

	return fstat(fd, &ours) == 0 && lstat(path, &theirs) == 0 &&
	       ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev;
}

/* The process that holds the lock owns the part file. */
static int
lock_part(const struct outfile *t, int fd, struct err *e)
{
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno == EWOULDBLOCK)
		return err_set(
		    e, CODE_TARGET_TAKEN, "another process is writing '%s'", t->part);
	return err_set(e, CODE_TARGET_UNWRITABLE, "cannot lock '%s':", t->part);
}

/* Removes the part file of a dead process. It must not be reused: the process may have
 * linked it to the final name just before it died. */
static int
remove_stale(const struct outfile *t, struct err *e)
{
	int fd = open(t->part, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	int result;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return err_set(e, CODE_TARGET_UNWRITABLE, "cannot open '%s':", t->part);
	result = lock_part(t, fd, e);
	if (result == 0 && is_named(fd, t->part) && unlink(t->part) < 0)
		result =
		    err_set(e, CODE_TARGET_UNWRITABLE, "cannot remove '%s':", t->part);
	close(fd);
	return result;
}

/* Creates and locks the part file. 1: another one had the name; try again. */
static int
make_part(struct outfile *t, struct err *e)
{
	int result;

	t->fd = open(t->part, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (t->fd < 0 && errno == EEXIST)
		return remove_stale(t, e) < 0 ? -1 : 1;
	if (t->fd < 0)
		return err_set(e, CODE_TARGET_UNWRITABLE, "cannot write '%s':", t->part);
	result = lock_part(t, t->fd, e);
	if (result == 0) {
		failpoint("part");
		result = is_named(t->fd, t->part) ? 0 : 1;
	}
	if (result != 0)
		close(t->fd);
	return result;
}

int
outfile_open(struct outfile *t, const char *path, struct err *e)
{
	char *dir = file_dir_of(path);
	int result = 1;

	*t = (struct outfile){.fd = -1};
	sha256_init(&t->sha);
	t->part = mem_printf("%s/.%s.part", dir, basename(path));
	if (!file_make_dirs(dir, 0777))
		result = err_set(
		    e, CODE_TARGET_UNWRITABLE, "cannot make directory '%s':", dir);
	while (result == 1)
		result = make_part(t, e);
	free(dir);
	if (result < 0) {
		t->fd = -1;
		free(t->part);
		t->part = NULL;
	}
	return result;
}

int
outfile_open_private(struct outfile *t, struct err *e)
{
	*t = (struct outfile){.fd = memfd_create("avtools", MFD_CLOEXEC)};
	sha256_init(&t->sha);
	return t->fd >= 0
	           ? 0
	           : err_set(e, CODE_TARGET_UNWRITABLE, "cannot make a private file:");
}

bool
outfile_write(struct outfile *t, uint64_t offset, const char *data, size_t len)
{
	size_t room;

	if (offset == 0) {
		if (ftruncate(t->fd, 0) < 0 || lseek(t->fd, 0, SEEK_SET) < 0)
			return false;
		t->len = t->head_len = 0;
		sha256_init(&t->sha);
	}
	if (offset != t->len) {
		errno = EINVAL;
		return false;
	}
	room = sizeof t->head - t->head_len;
	if (room > len)
		room = len;
	memcpy(t->head + t->head_len, data, room);
	t->head_len += room;
	sha256_add(&t->sha, data, len);
	t->len += len;
	return file_write_all(t->fd, data, len);
}

/* Whether the file at path has the same bytes as the part file; syncs it if so. */
static bool
is_same(const struct outfile *t, const char *path, const char *sha256)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	char hex[SHA256_HEX];
	struct stat st;
	bool same;

	if (fd < 0)
		return false;
	same = fstat(fd, &st) == 0 && (uint64_t)st.st_size == t->len &&
	       sha256_file(fd, hex) && strcmp(hex, sha256) == 0 && fsync(fd) == 0;
	close(fd);
	return same;
}

/* Gives the part file its final name. Without force an existing file is not replaced
 * (EEXIST). A file system that does not know RENAME_NOREPLACE gets a hard link, which
 * replaces nothing either. EINVAL: it cannot link. */
static int
rename_part(const struct outfile *t, const char *path, bool force)
{
	if (force)
		return rename(t->part, path);
	if (renameat2(AT_FDCWD, t->part, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL)
		return -1;
	if (link(t->part, path) < 0) {
		if (errno != EEXIST)
			errno = EINVAL;
		return -1;
	}
	failpoint("linked");
	(void)unlink(t->part);
	return 0;
}

/* After rename_part failed: 0 if the file there has the same bytes, else -1. */
static int
accept_existing(
    const struct outfile *t, const char *path, const char *sha256, struct err *e)
{
	if (errno == EINVAL)
		return err_set(e, CODE_TARGET_UNWRITABLE,
		    "the file system of '%s' cannot write a file without the risk of "
		    "replacing one; use another -o, or --force",
		    path);
	if (errno != EEXIST)
		return err_set(e, CODE_TARGET_UNWRITABLE, "cannot write '%s':", path);
	if (!is_same(t, path, sha256))
		return err_set(e, CODE_TARGET_TAKEN,
		    "'%s' exists with other contents; use another -o, with {dir} for photos "
		    "of several folders, or --force",
		    path);
	(void)unlink(t->part);
	return 0;
}

void
outfile_write_out(struct outfile *t)
{
	/* Only a failure of the disk counts: the call itself may be missing. */
	if (sync_file_range(t->fd, 0, 0, SYNC_FILE_RANGE_WRITE) < 0 &&
	    (errno == EIO || errno == ENOSPC || errno == EDQUOT))
		t->failed = errno;
}

/* Makes the bytes durable. */
static int
sync_part(struct outfile *t, struct err *e)
{
	int rc = fsync(t->fd);

	if (rc == 0 && t->failed == 0)
		return 0;
	if (rc == 0)
		errno = t->failed;
	return err_set(e, CODE_TARGET_UNWRITABLE, "cannot write '%s':", t->part);
}

/* Gives the synced bytes their name, which is not durable yet. */
static int
name_part(struct outfile_final *f)
{
	struct outfile *t = f->part;

	failpoint("keep");
	if (rename_part(t, f->path, f->force) < 0 &&
	    accept_existing(t, f->path, f->sha256, &f->err) < 0)
		return -1;
	failpoint("kept");
	free(t->part);
	t->part = NULL;
	return 0;
}

static bool
same_directory(const char *a, const char *b)
{
	const char *slash = strrchr(a, '/');
	size_t len = slash != NULL ? (size_t)(slash - a) + 1 : 0;

	return strncmp(a, b, len) == 0 && strchr(b + len, '/') == NULL;
}

/* Syncs the directory of the first file, for all files that are in it. */
static void
sync_names(struct outfile_final *first)
{
	bool synced = file_sync_name(first->path);
	int saved = errno;

	for (struct outfile_final *f = first; f != NULL; f = STAILQ_NEXT(f, next)) {
		if (!f->named || !same_directory(first->path, f->path))
			continue;
		f->named = false;
		errno = saved;
		if (!synced)
			err_set(&f->err, CODE_TARGET_UNWRITABLE,
			    "cannot sync the directory of '%s':", f->path);
	}
}

void
outfile_commit_all(struct outfile_finals *list)
{
	struct outfile_final *f;

	STAILQ_FOREACH (f, list, next) {
		f->err.code = CODE_NONE;
		sha256_hex(&f->part->sha, f->sha256);
		f->named = sync_part(f->part, &f->err) == 0;
	}
	STAILQ_FOREACH (f, list, next)
		f->named = f->named && name_part(f) == 0;
	STAILQ_FOREACH (f, list, next)
		if (f->named)
			sync_names(f);
}

int
outfile_commit(struct outfile *t, const char *path, bool force, char sha256[SHA256_HEX],
    struct err *e)
{
	struct outfile_finals list = STAILQ_HEAD_INITIALIZER(list);
	struct outfile_final f = {.part = t, .path = path, .force = force};

	STAILQ_INSERT_TAIL(&list, &f, next);
	outfile_commit_all(&list);
	memcpy(sha256, f.sha256, sizeof f.sha256);
	if (f.err.code == CODE_NONE)
		return 0;
	*e = f.err;
	return -1;
}

void
outfile_close(struct outfile *t)
{
	if (t->part != NULL)
		unlink(t->part);
	if (t->fd >= 0)
		close(t->fd);
	free(t->part);
	*t = (struct outfile){.fd = -1};
}
