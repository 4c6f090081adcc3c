#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/confine.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

#define N(list) (sizeof(list) / sizeof *(list))

#define FILES_MAX 16 /* open descriptors */

/* The bytes of address space in use. */
static uint64_t
address_space(void)
{
	unsigned long pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (f == NULL)
		return 0;
	if (fscanf(f, "%lu", &pages) != 1)
		pages = 0;
	fclose(f);
	return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Lowers a limit; a lower one stays. */
static int
limit(__rlimit_resource_t what, uint64_t value)
{
	struct rlimit l;

	if (getrlimit(what, &l) != 0)
		return -1;
	if (value < l.rlim_max)
		l.rlim_max = value;
	l.rlim_cur = l.rlim_max;
	return setrlimit(what, &l);
}

static int
set_limits(uint64_t memory, bool threads)
{
#ifdef SANITIZED
	(void)memory;
	(void)address_space;
#else
	if (limit(RLIMIT_AS, address_space() + memory) != 0)
		return -1;
#endif
	if (limit(RLIMIT_FSIZE, 0) != 0 || limit(RLIMIT_CORE, 0) != 0)
		return -1;
	if (!threads && limit(RLIMIT_NPROC, 0) != 0) /* threads count as processes here */
		return -1;
	return limit(RLIMIT_NOFILE, FILES_MAX);
}

/* Denies all rights that the kernel's version of Landlock knows; false when it has no
 * Landlock. The numbers are those of <linux/landlock.h>; the build machine's copy may be
 * older than the kernel. */
static bool
deny_files(void)
{
	struct {
		uint64_t fs, net, scoped;
	} rules = {(1 << 13) - 1, 0, 0};
	size_t size = sizeof rules.fs;
	long abi = syscall(444, NULL, 0, 1); /* landlock_create_ruleset, version */
	bool denied;
	int fd;

	if (abi < 1)
		return false;
	if (abi >= 2)
		rules.fs |= 1 << 13; /* refer */
	if (abi >= 3)
		rules.fs |= 1 << 14; /* truncate */
	if (abi >= 5)
		rules.fs |= 1 << 15; /* ioctl on devices */
	if (abi >= 4) {
		rules.net = 3; /* TCP: bind, connect */
		size = 2 * sizeof rules.fs;
	}
	if (abi >= 6) {
		rules.scoped = 3; /* abstract sockets, signals */
		size = sizeof rules;
	}
	fd = (int)syscall(444, &rules, size, 0);
	if (fd < 0)
		return false;
	denied = syscall(446, fd, 0) == 0; /* landlock_restrict_self */
	close(fd);
	return denied;
}

/* What a worker needs: its socket, the photo, memory, the time, and an end. */
static const int allowed[] = {SCMP_SYS(pread64), SCMP_SYS(read), SCMP_SYS(lseek),
    SCMP_SYS(recvmsg), SCMP_SYS(sendmsg), SCMP_SYS(sendto), SCMP_SYS(close),
    SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(brk), SCMP_SYS(madvise), SCMP_SYS(futex),
    SCMP_SYS(clock_gettime), SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(getrandom),
    SCMP_SYS(sched_yield), SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(sigaltstack), SCMP_SYS(restart_syscall), SCMP_SYS(exit),
    SCMP_SYS(exit_group)};

/* What threads need beside that. */
static const int allowed_threads[] = {SCMP_SYS(set_robust_list), SCMP_SYS(rseq),
    SCMP_SYS(sched_getaffinity), SCMP_SYS(fstat), SCMP_SYS(sysinfo)};

static int
allow_all(scmp_filter_ctx filter, const int *calls, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, calls[i], 0, NULL) !=
		    0)
			return -1;
	return 0;
}

/* mmap and mprotect are allowed, except for executable memory, and clone for threads.
 * clone3 passes its flags in memory, which a filter cannot read: ENOSYS makes libc fall
 * back to clone. write fails with EPERM instead of ending the process, so that a process
 * without memory can still say so and exit. */
static int
build_filter(scmp_filter_ctx filter, bool threads)
{
	const struct scmp_arg_cmp thread =
	    SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD);
	const struct scmp_arg_cmp data = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
	const uint32_t allow = SCMP_ACT_ALLOW;
	int failed = allow_all(filter, allowed, N(allowed));

	failed |= seccomp_rule_add_array(filter, allow, SCMP_SYS(mmap), 1, &data);
	failed |= seccomp_rule_add_array(filter, allow, SCMP_SYS(mprotect), 1, &data);
	if (threads) {
		failed |= allow_all(filter, allowed_threads, N(allowed_threads));
		failed |=
		    seccomp_rule_add_array(filter, allow, SCMP_SYS(clone), 1, &thread);
		failed |= seccomp_rule_add_array(
		    filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0, NULL);
	} else {
		failed |= seccomp_rule_add_array(
		    filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(write), 0, NULL);
	}
	return failed;
}

/* With threads, any other call fails with EPERM, write too; without, it kills the
 * process. False on a kernel without seccomp. */
static bool
deny_calls(bool threads)
{
	scmp_filter_ctx filter =
	    seccomp_init(threads ? SCMP_ACT_ERRNO(EPERM) : SCMP_ACT_KILL_PROCESS);
	bool denied;

	if (filter == NULL)
		return false;
	denied = seccomp_attr_set(
	             filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) == 0 &&
	         build_filter(filter, threads) == 0 && seccomp_load(filter) == 0;
	seccomp_release(filter);
	return denied;
}

void
confine_prepare(void)
{
	seccomp_version();
}

int
confine(uint64_t memory, bool threads)
{
	int held;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -1;
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (set_limits(memory, threads) != 0)
		return -1;
	held = deny_files() ? CONFINED_FILES : 0;
	return deny_calls(threads) ? held | CONFINED_CALLS : held;
}
