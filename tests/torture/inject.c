/*
 * inject: a preload library that makes one call of a program fail.
 *
 * AV_INJECT=KIND:N:ERROR[:child]
 *	The Nth call of the kind fails with this error. ERROR is a number of errno, or
 *	`short`: the call moves one byte where more were asked for. N 0: no call fails,
 *	calls are only counted. With `child` only the calls of forked children count,
 *	otherwise only the calls of the program itself.
 * AV_INJECT_COUNTS=FILE
 *	For each kind: its name in 16 bytes, then the number of calls and the number of
 *	failures in four bytes each.
 *
 * Programs that these processes start by exec are left alone. The library calls nothing
 * that is forbidden to a confined child.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

enum kind {
	OPEN,
	READ,
	WRITE,
	SEND,
	RECV,
	DESCRIPTOR,
	CONNECT,
	WAIT,
	CONTROL,
	SYNC,
	RENAME,
	UNLINK,
	SIZE,
	MAP,
	STAT,
	MKDIR,
	DIRECTORY,
	RANDOM,
	PROCESS,
	THREAD,
	CLOSE,
	MEMORY,
	KINDS
};

static const char *const names[KINDS] = {"open", "read", "write", "send", "recv",
    "descriptor", "connect", "wait", "control", "sync", "rename", "unlink", "size", "map",
    "stat", "mkdir", "directory", "random", "process", "thread", "close", "memory"};

/* In the mapped file, which the children share. */
static struct counts {
	char name[16];
	atomic_uint calls, failures;
} * counts;

static enum kind wanted;
static unsigned nth;
static int error;
static bool of_child, in_child, shortly;

enum decision { PASS, FAIL, SHORT };

static enum decision
decide(enum kind kind)
{
	unsigned n;

	if (counts == NULL || in_child != of_child)
		return PASS;
	n = atomic_fetch_add(&counts[kind].calls, 1) + 1;
	if (kind != wanted || n != nth)
		return PASS;
	atomic_fetch_add(&counts[kind].failures, 1);
	if (shortly)
		return SHORT;
	errno = error;
	return FAIL;
}

/* Finds the library's function and declares the function that replaces it. The C name
 * inject_... avoids a clash with the declarations in the headers. */
#define REAL(type, name, params)                                                         \
	type inject_##name params __asm__(#name);                                        \
	static type(*real_##name) params;                                                \
	__attribute__((constructor)) static void find_##name(void)                       \
	{                                                                                \
		void *found = dlsym(RTLD_NEXT, #name);                                   \
		memcpy(&real_##name, &found, sizeof found);                              \
	}

/* A call that fails with `failure`. */
#define CALL(kind, type, failure, name, params, args)                                    \
	REAL(type, name, params)                                                         \
	type inject_##name params                                                        \
	{                                                                                \
		if (real_##name == NULL)                                                 \
			find_##name();                                                   \
		if (decide(kind) == FAIL)                                                \
			return failure;                                                  \
		return real_##name args;                                                 \
	}

static bool may_cut(enum kind kind, int fd);

/* A call that moves n bytes. */
#define MOVE(kind, name, params, args)                                                   \
	REAL(ssize_t, name, params)                                                      \
	ssize_t inject_##name params                                                     \
	{                                                                                \
		enum decision v = decide(kind);                                          \
		if (real_##name == NULL)                                                 \
			find_##name();                                                   \
		if (v == FAIL)                                                           \
			return -1;                                                       \
		if (v == SHORT && n > 1 && may_cut(kind, fd))                            \
			n = 1;                                                           \
		return real_##name args;                                                 \
	}

CALL(OPEN, int, -1, open, (const char *p, int flags, mode_t m), (p, flags, m))
CALL(OPEN, int, -1, open64, (const char *p, int flags, mode_t m), (p, flags, m))
CALL(OPEN, int, -1, openat, (int d, const char *p, int flags, mode_t m), (d, p, flags, m))
CALL(OPEN, int, -1, openat64, (int d, const char *p, int flags, mode_t m),
    (d, p, flags, m))
CALL(OPEN, int, -1, __open_2, (const char *p, int flags), (p, flags))
CALL(OPEN, int, -1, __open64_2, (const char *p, int flags), (p, flags))
CALL(OPEN, int, -1, __openat_2, (int d, const char *p, int flags), (d, p, flags))
CALL(OPEN, int, -1, __openat64_2, (int d, const char *p, int flags), (d, p, flags))
CALL(OPEN, FILE *, NULL, fopen, (const char *p, const char *m), (p, m))
CALL(OPEN, FILE *, NULL, fopen64, (const char *p, const char *m), (p, m))

MOVE(READ, read, (int fd, void *b, size_t n), (fd, b, n))
MOVE(READ, __read_chk, (int fd, void *b, size_t n, size_t max), (fd, b, n, max))
MOVE(READ, pread, (int fd, void *b, size_t n, off_t at), (fd, b, n, at))
MOVE(READ, pread64, (int fd, void *b, size_t n, off_t at), (fd, b, n, at))
MOVE(READ, __pread_chk, (int fd, void *b, size_t n, off_t at, size_t max),
    (fd, b, n, at, max))
MOVE(READ, __pread64_chk, (int fd, void *b, size_t n, off_t at, size_t max),
    (fd, b, n, at, max))
MOVE(WRITE, write, (int fd, const void *b, size_t n), (fd, b, n))
MOVE(WRITE, pwrite, (int fd, const void *b, size_t n, off_t at), (fd, b, n, at))
MOVE(WRITE, pwrite64, (int fd, const void *b, size_t n, off_t at), (fd, b, n, at))
MOVE(SEND, send, (int fd, const void *b, size_t n, int flags), (fd, b, n, flags))
MOVE(SEND, sendto,
    (int fd, const void *b, size_t n, int flags, const struct sockaddr *to,
        socklen_t len),
    (fd, b, n, flags, to, len))
CALL(SEND, ssize_t, -1, sendmsg, (int fd, const struct msghdr *m, int flags),
    (fd, m, flags))
MOVE(RECV, recv, (int fd, void *b, size_t n, int flags), (fd, b, n, flags))
MOVE(RECV, __recv_chk, (int fd, void *b, size_t n, size_t max, int flags),
    (fd, b, n, max, flags))
MOVE(RECV, recvfrom,
    (int fd, void *b, size_t n, int flags, struct sockaddr *from, socklen_t *len),
    (fd, b, n, flags, from, len))
CALL(RECV, ssize_t, -1, recvmsg, (int fd, struct msghdr *m, int flags), (fd, m, flags))

CALL(DESCRIPTOR, int, -1, socket, (int domain, int type, int protocol),
    (domain, type, protocol))
CALL(DESCRIPTOR, int, -1, socketpair, (int domain, int type, int protocol, int *pair),
    (domain, type, protocol, pair))
CALL(DESCRIPTOR, int, -1, pipe2, (int *pair, int flags), (pair, flags))
CALL(DESCRIPTOR, int, -1, eventfd, (unsigned from, int flags), (from, flags))
CALL(DESCRIPTOR, int, -1, epoll_create1, (int flags), (flags))
CALL(DESCRIPTOR, int, -1, signalfd, (int fd, const sigset_t *set, int flags),
    (fd, set, flags))
CALL(DESCRIPTOR, int, -1, accept4,
    (int fd, struct sockaddr *a, socklen_t *len, int flags), (fd, a, len, flags))
CALL(DESCRIPTOR, int, -1, dup, (int fd), (fd))
CALL(DESCRIPTOR, int, -1, dup2, (int fd, int to), (fd, to))
CALL(CONNECT, int, -1, connect, (int fd, const struct sockaddr *a, socklen_t len),
    (fd, a, len))
CALL(WAIT, int, -1, poll, (struct pollfd * fds, nfds_t n, int ms), (fds, n, ms))
CALL(WAIT, int, -1, __poll_chk, (struct pollfd * fds, nfds_t n, int ms, size_t max),
    (fds, n, ms, max))
CALL(WAIT, int, -1, epoll_wait, (int fd, struct epoll_event *at, int n, int ms),
    (fd, at, n, ms))
CALL(CONTROL, int, -1, epoll_ctl, (int fd, int op, int of, struct epoll_event *event),
    (fd, op, of, event))
CALL(CONTROL, int, -1, fcntl, (int fd, int op, long arg), (fd, op, arg))
CALL(CONTROL, int, -1, fcntl64, (int fd, int op, long arg), (fd, op, arg))
CALL(CONTROL, int, -1, flock, (int fd, int op), (fd, op))
CALL(CONTROL, int, -1, bind, (int fd, const struct sockaddr *a, socklen_t len),
    (fd, a, len))
CALL(CONTROL, int, -1, listen, (int fd, int n), (fd, n))
CALL(CONTROL, int, -1, setsockopt,
    (int fd, int of, int name, const void *v, socklen_t len), (fd, of, name, v, len))
CALL(CONTROL, int, -1, getsockopt, (int fd, int of, int name, void *v, socklen_t *len),
    (fd, of, name, v, len))
CALL(CONTROL, int, -1, getsockname, (int fd, struct sockaddr *a, socklen_t *len),
    (fd, a, len))
/* Only a stream gives bytes in parts; the messages of a child are always complete. */
static bool
may_cut(enum kind kind, int fd)
{
	int type = 0;
	socklen_t len = sizeof type;

	return (kind != SEND && kind != RECV) ||
	       (!in_child && real_getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
	           type == SOCK_STREAM);
}

CALL(SYNC, int, -1, fsync, (int fd), (fd))
CALL(SYNC, int, -1, fdatasync, (int fd), (fd))
CALL(SYNC, int, -1, sync_file_range, (int fd, off_t at, off_t n, unsigned flags),
    (fd, at, n, flags))
CALL(RENAME, int, -1, rename, (const char *from, const char *to), (from, to))
CALL(RENAME, int, -1, renameat2,
    (int a, const char *from, int b, const char *to, unsigned flags),
    (a, from, b, to, flags))
CALL(RENAME, int, -1, link, (const char *from, const char *to), (from, to))
CALL(RENAME, int, -1, linkat, (int a, const char *from, int b, const char *to, int flags),
    (a, from, b, to, flags))
CALL(UNLINK, int, -1, unlink, (const char *p), (p))
CALL(UNLINK, int, -1, unlinkat, (int d, const char *p, int flags), (d, p, flags))
CALL(SIZE, int, -1, ftruncate, (int fd, off_t n), (fd, n))
CALL(SIZE, int, -1, ftruncate64, (int fd, off_t n), (fd, n))
CALL(SIZE, int, error, posix_fallocate, (int fd, off_t at, off_t n), (fd, at, n))
CALL(SIZE, off_t, -1, lseek, (int fd, off_t at, int from), (fd, at, from))
CALL(MAP, void *, MAP_FAILED, mmap,
    (void *a, size_t n, int p, int flags, int fd, off_t at), (a, n, p, flags, fd, at))
CALL(MAP, void *, MAP_FAILED, mmap64,
    (void *a, size_t n, int p, int flags, int fd, off_t at), (a, n, p, flags, fd, at))
CALL(STAT, int, -1, stat, (const char *p, struct stat *s), (p, s))
CALL(STAT, int, -1, lstat, (const char *p, struct stat *s), (p, s))
CALL(STAT, int, -1, fstat, (int fd, struct stat *s), (fd, s))
CALL(STAT, int, -1, stat64, (const char *p, struct stat64 *s), (p, s))
CALL(STAT, int, -1, lstat64, (const char *p, struct stat64 *s), (p, s))
CALL(STAT, int, -1, fstat64, (int fd, struct stat64 *s), (fd, s))
CALL(STAT, int, -1, fstatat, (int d, const char *p, struct stat *s, int flags),
    (d, p, s, flags))
CALL(STAT, int, -1, access, (const char *p, int mode), (p, mode))
CALL(STAT, char *, NULL, realpath, (const char *p, char *to), (p, to))
CALL(MKDIR, int, -1, mkdir, (const char *p, mode_t m), (p, m))
CALL(MKDIR, int, -1, fchmod, (int fd, mode_t m), (fd, m))
CALL(DIRECTORY, DIR *, NULL, opendir, (const char *p), (p))
CALL(DIRECTORY, DIR *, NULL, fdopendir, (int fd), (fd))
CALL(DIRECTORY, struct dirent *, NULL, readdir, (DIR * d), (d))
CALL(RANDOM, ssize_t, -1, getrandom, (void *b, size_t n, unsigned flags), (b, n, flags))
CALL(PROCESS, pid_t, -1, fork, (void), ())
CALL(PROCESS, pid_t, -1, waitpid, (pid_t p, int *status, int flags), (p, status, flags))
CALL(THREAD, int, error, pthread_create,
    (pthread_t * t, const pthread_attr_t *a, void *(*run)(void *), void *arg),
    (t, a, run, arg))

/* A close that fails still closes the descriptor. */
REAL(int, close, (int fd))
int
inject_close(int fd)
{
	bool fail = decide(CLOSE) == FAIL;

	if (real_close == NULL)
		find_close();
	if (real_close(fd) != 0 || !fail)
		return fail ? -1 : 0;
	errno = error;
	return -1;
}

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);

void *
malloc(size_t n)
{
	return decide(MEMORY) == FAIL ? NULL : __libc_malloc(n);
}

void *
calloc(size_t n, size_t size)
{
	return decide(MEMORY) == FAIL ? NULL : __libc_calloc(n, size);
}

void *
realloc(void *p, size_t n)
{
	return decide(MEMORY) == FAIL ? NULL : __libc_realloc(p, n);
}

static void
forked(void)
{
	in_child = true;
}

static void
parse(char *order)
{
	char *kind = strsep(&order, ":"), *n = strsep(&order, ":"),
	     *how = strsep(&order, ":");

	if (how == NULL)
		abort();
	for (wanted = OPEN; wanted < KINDS && strcmp(names[wanted], kind) != 0;)
		wanted++;
	nth = (unsigned)atoi(n);
	error = atoi(how);
	shortly = strcmp(how, "short") == 0;
	of_child = order != NULL && strcmp(order, "child") == 0;
	if (wanted == KINDS || (error == 0 && !shortly && nth > 0))
		abort();
}

/* The counts are in a mapped file, so that they outlive the program. */
__attribute__((constructor)) static void
begin(void)
{
	char *order = getenv("AV_INJECT");
	const char *file = getenv("AV_INJECT_COUNTS");
	struct counts *shared;
	int fd;

	if (order == NULL || file == NULL)
		return;
	parse(order);
	fd = real_open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || real_ftruncate(fd, KINDS * sizeof *counts) != 0)
		abort();
	shared = real_mmap(
	    NULL, KINDS * sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	real_close(fd);
	if (shared == MAP_FAILED)
		abort();
	for (size_t i = 0; i < KINDS; i++)
		strcpy(shared[i].name, names[i]);
	unsetenv("LD_PRELOAD");
	pthread_atfork(NULL, NULL, forked);
	counts = shared;
}
