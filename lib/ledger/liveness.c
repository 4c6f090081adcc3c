#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "ledger/liveness.h"

enum {
	HEADER = 64, /* bytes before the first mark */
	CHUNK = 512, /* marks that are given disk space at a time */
};

struct liveness {
	int dir, fd;
	int64_t number;
	char header[HEADER]; /* of a file of this boot; empty: the boot is unknown */
	int *free_marks;
	size_t nfree, nmarks;
};

static int
open_name(const struct liveness *l, int64_t number, int flags)
{
	char name[32];

	snprintf(name, sizeof name, "%" PRId64, number);
	return openat(l->dir, name, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
}

/* Makes this process's file, locked. */
static int
open_own(struct liveness *l, const char *dir, bool *taken, struct err *e)
{
	struct flock fl = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	struct stat st;

	l->fd = open_name(l, l->number, O_RDWR | O_CREAT | O_EXCL);
	if (l->fd < 0) {
		*taken = errno == EEXIST;
		return err_set(
		    e, CODE_STATE_UNUSABLE, "cannot make a file in '%s':", dir);
	}
	/* Run as root: give the file to the ledger's owner, so that their processes can read
	 * it. If that fails, root keeps it. */
	if (geteuid() == 0 && fstat(l->dir, &st) == 0 && st.st_uid != 0)
		(void)!fchown(l->fd, st.st_uid, st.st_gid);
	if (fcntl(l->fd, F_OFD_SETLK, &fl) < 0)
		return err_set(
		    e, CODE_STATE_UNUSABLE, "cannot lock a file in '%s':", dir);
	if (pwrite(l->fd, l->header, HEADER, 0) != HEADER)
		return err_set(
		    e, CODE_STATE_UNUSABLE, "cannot write to a file in '%s':", dir);
	return 0;
}

struct liveness *
liveness_open(const char *dir, int64_t number, bool *taken, struct err *e)
{
	struct liveness *l = mem_new(1, sizeof *l);
	char boot[CLOCK_BOOT_ID];

	*taken = false;
	l->dir = l->fd = -1;
	l->number = number;
	clock_boot_id(boot);
	if (boot[0] != '\0')
		snprintf(l->header, HEADER, "avtools live 1 %s\n", boot);
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		err_set(e, CODE_STATE_UNUSABLE, "cannot make the directory '%s':", dir);
	else if ((l->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		err_set(e, CODE_STATE_UNUSABLE, "cannot open the directory '%s':", dir);
	else if (open_own(l, dir, taken, e) == 0)
		return l;
	liveness_close(l);
	return NULL;
}

void
liveness_close(struct liveness *l)
{
	if (l == NULL)
		return;
	if (l->fd >= 0) {
		if (l->nfree == l->nmarks)
			liveness_remove(l, l->number);
		close(l->fd);
	}
	if (l->dir >= 0)
		close(l->dir);
	free(l->free_marks);
	free(l);
}

static off_t
mark_offset(size_t mark)
{
	return HEADER + (off_t)(mark * sizeof(int64_t));
}

int
liveness_mark_take(struct liveness *l, struct err *e)
{
	if (l == NULL)
		return 0;
	if (l->nfree == 0) {
		int rc = posix_fallocate(
		    l->fd, mark_offset(l->nmarks), CHUNK * (off_t)sizeof(int64_t));
		if (rc != 0) {
			errno = rc;
			return err_set(e, CODE_STATE_UNUSABLE,
			    "cannot allocate space for a note that sending begins:");
		}
		l->free_marks = mem_resize(
		    l->free_marks, (l->nmarks + CHUNK) * sizeof *l->free_marks);
		for (size_t i = CHUNK; i > 0; i--)
			l->free_marks[l->nfree++] = (int)(l->nmarks + i - 1);
		l->nmarks += CHUNK;
	}
	return l->free_marks[--l->nfree];
}

void
liveness_mark_free(struct liveness *l, int mark)
{
	if (l != NULL && mark >= 0)
		l->free_marks[l->nfree++] = mark;
}

bool
liveness_sending(struct liveness *l, int mark, int64_t n)
{
	struct stat st;

	if (l == NULL)
		return true;
	return mark >= 0 &&
	       pwrite(l->fd, &n, sizeof n, mark_offset((size_t)mark)) ==
	           (ssize_t)sizeof n &&
	       fstat(l->fd, &st) == 0 && st.st_nlink > 0;
}

bool
liveness_alive(struct liveness *l, int64_t number)
{
	struct flock fl = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	bool alive;
	int fd;

	if (l == NULL || number == l->number)
		return true;
	fd = open_name(l, number, O_RDWR);
	if (fd < 0)
		return errno != ENOENT; /* unreadable: assume that it lives */
	alive = fcntl(fd, F_OFD_GETLK, &fl) < 0 || fl.l_type != F_UNLCK;
	close(fd);
	return alive;
}

/* True if a mark of the file is n, or if the file cannot be read. */
static bool
is_marked(int fd, int64_t n)
{
	int64_t marks[CHUNK];
	off_t at = HEADER;
	ssize_t got;

	while ((got = pread(fd, marks, sizeof marks, at)) > 0) {
		for (size_t i = 0; i < (size_t)got / sizeof marks[0]; i++)
			if (marks[i] == n)
				return true;
		at += got;
	}
	return got < 0;
}

bool
liveness_unsent(struct liveness *l, int64_t number, int64_t n)
{
	char header[HEADER];
	bool unsent;
	int fd = open_name(l, number, O_RDONLY);

	if (fd < 0)
		return false;
	unsent = l->header[0] != '\0' && pread(fd, header, HEADER, 0) == HEADER &&
	         memcmp(header, l->header, HEADER) == 0 && !is_marked(fd, n);
	close(fd);
	return unsent;
}

int64_t *
liveness_dead(struct liveness *l)
{
	int fd = openat(l->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int64_t *dead = mem_new(1, sizeof *dead);
	struct dirent *entry;
	size_t n = 0;
	DIR *d;

	if (fd < 0)
		return dead;
	d = mem_checked(fdopendir(fd)); /* fails only without memory */
	while ((entry = readdir(d)) != NULL) {
		char *end;
		int64_t number = strtoll(entry->d_name, &end, 10);

		if (number <= 0 || *end != '\0' || liveness_alive(l, number))
			continue;
		dead[n++] = number;
		dead = mem_resize(dead, (n + 1) * sizeof *dead);
		dead[n] = 0;
	}
	closedir(d);
	return dead;
}

void
liveness_remove(struct liveness *l, int64_t number)
{
	char name[32];

	snprintf(name, sizeof name, "%" PRId64, number);
	unlinkat(l->dir, name, 0); /* if this fails, the next process tries again */
}
