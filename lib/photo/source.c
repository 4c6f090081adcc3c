#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "photo/source.h"

static int
open_error(struct err *e, const char *path)
{
	bool missing = errno == ENOENT || errno == ENOTDIR;
	char what[512];

	if (file_no_descriptor()) {
		snprintf(what, sizeof what, "cannot open '%.400s'", path);
		return file_too_many(e, what);
	}
	return err_set(e, missing ? CODE_FILE_MISSING : CODE_FILE_UNREADABLE,
	    "cannot open '%s':", path);
}

static int
not_regular(struct err *e, const char *path, const struct stat *st)
{
	const char *what = S_ISDIR(st->st_mode)    ? "a directory"
	                   : S_ISFIFO(st->st_mode) ? "a pipe"
	                   : S_ISSOCK(st->st_mode) ? "a socket"
	                                           : "a device";

	return err_set(e, CODE_FILE_NOT_REGULAR, "'%s' is %s, not a file", path, what);
}

int
photo_open(const char *path, int *fd, struct stat *st, struct err *e)
{
	/* to open a device can have effects, so look before, and again when it is open */
	if (stat(path, st) != 0)
		return open_error(e, path);
	if (!S_ISREG(st->st_mode))
		return not_regular(e, path, st);
	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (*fd < 0)
		return open_error(e, path);
	if (fstat(*fd, st) != 0)
		err_set(e, CODE_FILE_UNREADABLE, "cannot read the status of '%s':", path);
	else if (!S_ISREG(st->st_mode))
		not_regular(e, path, st);
	else if (st->st_size == 0)
		err_set(e, CODE_FILE_EMPTY, "'%s' is empty", path);
	else
		return 0;
	close(*fd);
	*fd = -1;
	return -1;
}

static bool
same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

int
photo_unchanged(int fd, const struct stat *st, struct err *e)
{
	struct stat now;

	if (fstat(fd, &now) != 0)
		return err_set(
		    e, CODE_FILE_UNREADABLE, "cannot read the status of the file again:");
	if (now.st_size == st->st_size && now.st_ino == st->st_ino &&
	    now.st_dev == st->st_dev && same_time(&now.st_mtim, &st->st_mtim) &&
	    same_time(&now.st_ctim, &st->st_ctim))
		return 0;
	return err_set(e, CODE_CHANGED_WHILE_READ, "the file changed while it was read");
}

/* A closed stream has fd -1; a zeroed one has no bytes. */
ssize_t
photo_stream_send(struct photo_stream *s, const struct photo_checked *file,
    uint64_t offset, void *p, size_t n, struct err *e)
{
	ssize_t got;

	if (offset == 0) {
		photo_stream_close(s);
		if (photo_stream_open(s, file->path, file->bytes, file->sha256, e) < 0)
			return -1;
	}
	if (offset != s->at)
		return -1;
	got = photo_stream_read(s, p, n, e);
	if (got < 0 || s->at == s->bytes)
		photo_stream_close(s);
	return got;
}

void
photo_stream_close(struct photo_stream *s)
{
	if (s->bytes > 0 && s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	s->bytes = 0;
}

int
photo_stream_open(struct photo_stream *s, const char *path, uint64_t bytes,
    const char *sha256, struct err *e)
{
	memset(s, 0, sizeof *s);
	if (photo_open(path, &s->fd, &s->st, e) != 0)
		return -1;
	s->bytes = (uint64_t)s->st.st_size;
	if (bytes > 0 && bytes != s->bytes) {
		err_set(e, CODE_CHANGED_WHILE_READ,
		    "'%s' has %ju bytes; it had %ju when it was checked", path,
		    (uintmax_t)s->bytes, (uintmax_t)bytes);
		photo_stream_close(s);
		return -1;
	}
	snprintf(s->want, sizeof s->want, "%s", sha256 != NULL ? sha256 : "");
	sha256_init(&s->sha);
	return 0;
}

/* All bytes were read: compares them with the photo that was checked. */
static int
check_digest(struct photo_stream *s, struct err *e)
{
	sha256_hex(&s->sha, s->got);
	if (photo_unchanged(s->fd, &s->st, e) != 0)
		return -1;
	if (s->want[0] != '\0' && strcmp(s->want, s->got) != 0)
		return err_set(e, CODE_CHANGED_WHILE_READ,
		    "the file changed since it was checked; its SHA-256 is now %s",
		    s->got);
	return 0;
}

ssize_t
photo_stream_read(struct photo_stream *s, void *p, size_t n, struct err *e)
{
	uint64_t left = s->bytes - s->at;
	ssize_t got;

	if (left == 0)
		return 0;
	if (n > left)
		n = (size_t)left;
	got = TEMP_FAILURE_RETRY(pread(s->fd, p, n, (off_t)s->at));
	if (got < 0)
		return err_set(e, CODE_FILE_UNREADABLE, "cannot read the file:");
	if (got == 0)
		return err_set(e, CODE_CHANGED_WHILE_READ,
		    "the file became shorter while it was sent");
	sha256_add(&s->sha, p, (size_t)got);
	s->at += (uint64_t)got;
	if (s->at == s->bytes && check_digest(s, e) != 0)
		return -1;
	return got;
}
