#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
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

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#endif

#define FILES 16 /* descriptors */

/* Bytes of address space now. */
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

/* Lowers a limit; one that is lower already stays. */
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
	return limit(RLIMIT_NOFILE, FILES);
}

/* The rights that each version of Landlock knows, all of them denied. Numbers of
 * <linux/landlock.h>, whose copy on the build machine may be older than the kernel. */
static void
deny_files(void)
{
	struct {
		uint64_t fs, net, scoped;
	} rules = {(1 << 13) - 1, 0, 0};
	size_t size = sizeof rules.fs;
	long abi = syscall(444, NULL, 0, 1); /* landlock_create_ruleset, version */
	int fd;

	if (abi < 1)
		return;
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
		return;
	syscall(446, fd, 0); /* landlock_restrict_self */
	close(fd);
}

#ifdef ARCH

/* What a worker needs: its socket, the photo, memory, the time, and an end. */
static const int allowed[] = {SYS_pread64, SYS_read, SYS_lseek, SYS_recvmsg, SYS_sendmsg,
    SYS_sendto, SYS_close, SYS_munmap, SYS_mremap, SYS_brk, SYS_madvise, SYS_futex,
    SYS_clock_gettime, SYS_getpid, SYS_gettid, SYS_getrandom, SYS_sched_yield,
    SYS_rt_sigreturn, SYS_rt_sigprocmask, SYS_sigaltstack, SYS_restart_syscall, SYS_exit,
    SYS_exit_group};

/* And with threads. */
static const int allowed_threads[] = {
    SYS_set_robust_list, SYS_rseq, SYS_sched_getaffinity, SYS_fstat, SYS_sysinfo};

#define N(list) (sizeof(list) / sizeof *(list))
#define LOAD(member)                                                                     \
	BPF_STMT(                                                                        \
	    BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, member))
#define IF_EQUAL(value, yes, no)                                                         \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(value), yes, no)
#define IF_BITS(value, yes, no)                                                          \
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (uint32_t)(value), yes, no)
#define RETURN(action) BPF_STMT(BPF_RET | BPF_K, (uint32_t)(action))

#define REFUSE(number) (SECCOMP_RET_ERRNO | (number))

static unsigned short
add_allowed(struct sock_filter *code, unsigned short n, const int *list, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		code[n++] = (struct sock_filter)IF_EQUAL(list[i], 0, 1);
		code[n++] = (struct sock_filter)RETURN(SECCOMP_RET_ALLOW);
	}
	return n;
}

/* A clone passes where it makes a thread. Its successor, whose flags are out of sight, is
 * called unknown, so that libc falls back to it. */
static unsigned short
add_threads(struct sock_filter *code, unsigned short n)
{
	n = add_allowed(code, n, allowed_threads, N(allowed_threads));
	code[n++] = (struct sock_filter)IF_EQUAL(SYS_clone3, 0, 1);
	code[n++] = (struct sock_filter)RETURN(REFUSE(ENOSYS));
	code[n++] = (struct sock_filter)IF_EQUAL(SYS_clone, 0, 4);
	code[n++] = (struct sock_filter)LOAD(args[0]);
	code[n++] = (struct sock_filter)IF_BITS(CLONE_THREAD, 0, 1);
	code[n++] = (struct sock_filter)RETURN(SECCOMP_RET_ALLOW);
	code[n++] = (struct sock_filter)RETURN(REFUSE(EPERM));
	return n;
}

/* mmap and mprotect pass unless they ask for executable memory; a write is refused instead of
 * fatal, so that a process without memory can still end in order. */
static void
deny_calls(bool threads)
{
	uint32_t denied = threads ? REFUSE(EPERM) : SECCOMP_RET_KILL_PROCESS;
	struct sock_filter code[20 + 2 * (N(allowed) + N(allowed_threads))];
	unsigned short n = 0;
	struct sock_fprog prog;

	code[n++] = (struct sock_filter)LOAD(arch);
	code[n++] = (struct sock_filter)IF_EQUAL(ARCH, 1, 0);
	code[n++] = (struct sock_filter)RETURN(SECCOMP_RET_KILL_PROCESS);
	code[n++] = (struct sock_filter)LOAD(nr);
	code[n++] = (struct sock_filter)IF_EQUAL(SYS_write, 0, 1);
	code[n++] = (struct sock_filter)RETURN(REFUSE(EPERM));
	n = add_allowed(code, n, allowed, N(allowed));
	if (threads)
		n = add_threads(code, n);
	code[n++] = (struct sock_filter)IF_EQUAL(SYS_mmap, 1, 0);
	code[n++] = (struct sock_filter)IF_EQUAL(SYS_mprotect, 0, 3);
	code[n++] = (struct sock_filter)LOAD(args[2]);
	code[n++] = (struct sock_filter)IF_BITS(PROT_EXEC, 1, 0);
	code[n++] = (struct sock_filter)RETURN(SECCOMP_RET_ALLOW);
	code[n++] = (struct sock_filter)RETURN(denied);
	prog = (struct sock_fprog){.len = n, .filter = code};
	prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
}

#else

static void
deny_calls(bool threads)
{
	(void)threads;
}

#endif

static int
shut(uint64_t memory, bool threads)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -1;
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (set_limits(memory, threads) != 0)
		return -1;
	deny_files();
	deny_calls(threads);
	return 0;
}

int
confine(uint64_t memory)
{
	return shut(memory, false);
}

int
confine_threads(uint64_t memory)
{
	return shut(memory, true);
}
