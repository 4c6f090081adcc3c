/*
 * record: a preload library that logs a program's operations on files.
 *
 *	AV_RECORD=FOLDER     operations on files in this folder are logged
 *	AV_RECORD_LOG=FILE   an entry for each operation, in the order of their ends
 *
 * An entry is a line "OPERATION INODE NUMBER LENGTH", and LENGTH bytes and a newline after it:
 *
 *	open     the path; NUMBER 1: emptied
 *	write    the bytes, at offset NUMBER
 *	size     no bytes; NUMBER is the new size
 *	grow     no bytes; NUMBER is the least size
 *	sync     no bytes
 *	rename   from, a NUL, to; link likewise
 *	unlink   the path
 *
 * The log is opened for each entry, because children close all descriptors that they do not use.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static char folder[PATH_MAX], log_file[PATH_MAX];
static size_t folder_len;

__attribute__((constructor)) static void
begin(void)
{
	const char *in = getenv("AV_RECORD"), *to = getenv("AV_RECORD_LOG");

	if (in == NULL || to == NULL)
		return;
	snprintf(folder, sizeof folder, "%s", in);
	snprintf(log_file, sizeof log_file, "%s", to);
	folder_len = strlen(folder);
}

static void
note(const char *operation, ino_t inode, long long number, const void *bytes, size_t len)
{
	char head[100];
	int saved = errno, fd;
	struct iovec parts[3];

	fd = (int)syscall(SYS_openat, AT_FDCWD, log_file,
	    O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	parts[0].iov_base = head;
	parts[0].iov_len = (size_t)snprintf(head, sizeof head, "%s %llu %lld %zu\n",
	    operation, (unsigned long long)inode, number, len);
	parts[1].iov_base = (void *)bytes;
	parts[1].iov_len = len;
	parts[2].iov_base = "\n";
	parts[2].iov_len = 1;
	if (fd < 0 || syscall(SYS_writev, fd, parts, 3) < 0)
		abort();
	syscall(SYS_close, fd);
	errno = saved;
}

/* The path in full, if it lies in the folder. */
static bool
path_of(int dir, const char *path, char full[PATH_MAX])
{
	char link[40], base[PATH_MAX];
	ssize_t n = 0;

	if (folder_len == 0)
		return false;
	if (path[0] != '/') {
		snprintf(link, sizeof link,
		    dir == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", dir);
		n = readlink(link, base, sizeof base - 1);
		if (n < 0)
			return false;
	}
	base[n] = '\0';
	if (snprintf(full, PATH_MAX, "%s%s%s", base, n > 0 ? "/" : "", path) >= PATH_MAX)
		abort();
	return strncmp(full, folder, folder_len) == 0 && full[folder_len] == '/';
}

/* The inode of a descriptor, if its file or directory lies in the folder. */
static bool
inode_of(int fd, ino_t *inode)
{
	char link[40], path[PATH_MAX];
	struct stat s;
	ssize_t n;

	if (folder_len == 0)
		return false;
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof path - 1);
	if (n < (ssize_t)folder_len || strncmp(path, folder, folder_len) != 0 ||
	    fstat(fd, &s) != 0)
		return false;
	*inode = s.st_ino;
	return true;
}

#define REAL(type, name, params)                                                         \
	type record_##name params __asm__(#name);                                        \
	static type(*real_##name) params;                                                \
	static void find_##name(void)                                                    \
	{                                                                                \
		void *found = dlsym(RTLD_NEXT, #name);                                   \
		memcpy(&real_##name, &found, sizeof found);                              \
	}

static void
opened(int fd, int dir, const char *path, int flags)
{
	char full[PATH_MAX];
	ino_t inode;

	if (fd >= 0 && (flags & (O_CREAT | O_TRUNC)) != 0 && path_of(dir, path, full) &&
	    inode_of(fd, &inode))
		note("open", inode, (flags & O_TRUNC) != 0, full, strlen(full));
}

#define OPEN(name, dir, params, args)                                                    \
	REAL(int, name, params)                                                          \
	int record_##name params                                                         \
	{                                                                                \
		int fd;                                                                  \
		if (real_##name == NULL)                                                 \
			find_##name();                                                   \
		fd = real_##name args;                                                   \
		opened(fd, dir, p, flags);                                               \
		return fd;                                                               \
	}

OPEN(open, AT_FDCWD, (const char *p, int flags, mode_t m), (p, flags, m))
OPEN(open64, AT_FDCWD, (const char *p, int flags, mode_t m), (p, flags, m))
OPEN(openat, d, (int d, const char *p, int flags, mode_t m), (d, p, flags, m))
OPEN(openat64, d, (int d, const char *p, int flags, mode_t m), (d, p, flags, m))

static void
written(int fd, const void *bytes, ssize_t n, off_t at)
{
	ino_t inode;

	if (n > 0 && inode_of(fd, &inode))
		note("write", inode, at, bytes, (size_t)n);
}

REAL(ssize_t, write, (int fd, const void *b, size_t n))
ssize_t
record_write(int fd, const void *b, size_t n)
{
	off_t end;
	ssize_t done;

	if (real_write == NULL)
		find_write();
	done = real_write(fd, b, n);
	end = done > 0 && folder_len > 0 ? lseek(fd, 0, SEEK_CUR) : -1;
	if (end >= done)
		written(fd, b, done, end - done);
	return done;
}

#define PWRITE(name)                                                                     \
	REAL(ssize_t, name, (int fd, const void *b, size_t n, off_t at))                 \
	ssize_t record_##name(int fd, const void *b, size_t n, off_t at)                 \
	{                                                                                \
		ssize_t done;                                                            \
		if (real_##name == NULL)                                                 \
			find_##name();                                                   \
		done = real_##name(fd, b, n, at);                                        \
		written(fd, b, done, at);                                                \
		return done;                                                             \
	}

PWRITE(pwrite)
PWRITE(pwrite64)

#define ON_INODE(name, operation, number, params, args)                                  \
	REAL(int, name, params)                                                          \
	int record_##name params                                                         \
	{                                                                                \
		ino_t inode;                                                             \
		int rc;                                                                  \
		if (real_##name == NULL)                                                 \
			find_##name();                                                   \
		rc = real_##name args;                                                   \
		if (rc == 0 && inode_of(fd, &inode))                                     \
			note(operation, inode, number, "", 0);                           \
		return rc;                                                               \
	}

ON_INODE(fsync, "sync", 0, (int fd), (fd))
ON_INODE(fdatasync, "sync", 0, (int fd), (fd))
ON_INODE(ftruncate, "size", n, (int fd, off_t n), (fd, n))
ON_INODE(ftruncate64, "size", n, (int fd, off_t n), (fd, n))

ON_INODE(posix_fallocate, "grow", at + n, (int fd, off_t at, off_t n), (fd, at, n))

/* Both paths, or NULL and one. */
static void
named(const char *operation, int from_dir, const char *from, int to_dir, const char *to)
{
	char paths[2 * PATH_MAX];
	size_t len = 0;

	if (from != NULL) {
		if (!path_of(from_dir, from, paths))
			return;
		len = strlen(paths) + 1;
	}
	if (path_of(to_dir, to, paths + len))
		note(operation, 0, 0, paths, len + strlen(paths + len));
}

#define ON_NAMES(name, operation, from_dir, from, to_dir, to, params, args)              \
	REAL(int, name, params)                                                          \
	int record_##name params                                                         \
	{                                                                                \
		int rc;                                                                  \
		if (real_##name == NULL)                                                 \
			find_##name();                                                   \
		rc = real_##name args;                                                   \
		if (rc == 0)                                                             \
			named(operation, from_dir, from, to_dir, to);                    \
		return rc;                                                               \
	}

ON_NAMES(
    rename, "rename", AT_FDCWD, a, AT_FDCWD, b, (const char *a, const char *b), (a, b))
ON_NAMES(renameat2, "rename", d, a, e, b,
    (int d, const char *a, int e, const char *b, unsigned f), (d, a, e, b, f))
ON_NAMES(link, "link", AT_FDCWD, a, AT_FDCWD, b, (const char *a, const char *b), (a, b))
ON_NAMES(linkat, "link", d, a, e, b, (int d, const char *a, int e, const char *b, int f),
    (d, a, e, b, f))
ON_NAMES(unlink, "unlink", 0, NULL, AT_FDCWD, a, (const char *a), (a))
ON_NAMES(unlinkat, "unlink", 0, NULL, d, a, (int d, const char *a, int f), (d, a, f))
