#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "os/child.h"

#define SOCK 3

pid_t
child_start(int *sock, void (*run)(int sock, const void *arg), const void *arg)
{
	pid_t parent = getpid(), pid;
	int pair[2], error;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() == parent)
			run(pair[1], arg);
		_exit(0);
	}
	error = errno;
	close(pair[1]);
	if (pid > 0)
		*sock = pair[0];
	else
		close(pair[0]);
	errno = error;
	return pid;
}

/* A message with room for one descriptor. */
union control {
	struct cmsghdr head;
	char space[CMSG_SPACE(sizeof(int))];
};

bool
child_send(int sock, const void *request, size_t len, int fd)
{
	union control control = {0};
	struct iovec iov = {.iov_base = (void *)request, .iov_len = len};
	struct msghdr msg = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = &control,
	    .msg_controllen = sizeof control};
	struct cmsghdr *head = CMSG_FIRSTHDR(&msg);

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(head), &fd, sizeof fd);
	return TEMP_FAILURE_RETRY(sendmsg(sock, &msg, MSG_NOSIGNAL)) >= 0;
}

int
child_end(pid_t pid, int sock)
{
	int status = 0;

	close(sock);
	/* the child may have closed its socket and live on; killing a dead one is
	 * harmless */
	kill(pid, SIGKILL);
	(void)TEMP_FAILURE_RETRY(waitpid(pid, &status, 0));
	return status;
}

int
child_prepare(int sock)
{
	static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE};
	sigset_t none;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	mem_exit_with(CHILD_NOT_READY);
	for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
		signal(ignored[i], SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int i = 0; i < SOCK; i++)
		if (null < 0 || dup2(null, i) < 0)
			_exit(CHILD_NOT_READY);
	if (sock != SOCK && dup2(sock, SOCK) < 0)
		_exit(CHILD_NOT_READY);
	if (close_range(SOCK + 1, ~0U, 0) != 0)
		_exit(CHILD_NOT_READY);
	return SOCK;
}

bool
child_receive(int sock, void *request, size_t len, int *fd)
{
	union control control;
	struct iovec iov = {.iov_base = request, .iov_len = len};
	struct msghdr msg = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = &control,
	    .msg_controllen = sizeof control};
	struct cmsghdr *head;

	mem_exit_with(EX_OSERR);
	if (TEMP_FAILURE_RETRY(recvmsg(sock, &msg, MSG_CMSG_CLOEXEC)) != (ssize_t)len)
		return false;
	head = CMSG_FIRSTHDR(&msg);
	if (head == NULL || head->cmsg_type != SCM_RIGHTS)
		return false;
	memcpy(fd, CMSG_DATA(head), sizeof *fd);
	return true;
}

void
child_reply(int sock, const void *data, size_t len)
{
	if (TEMP_FAILURE_RETRY(send(sock, data, len, MSG_NOSIGNAL)) != (ssize_t)len)
		_exit(EX_IOERR);
}

/* The result of a detached child. Smaller than PIPE_BUF, so one write sends it whole. */
struct report {
	int result;
	struct err err;
};

static bool
is_single_threaded(void)
{
	struct stat st;

	/* one directory for each thread, beside "." and ".." */
	return stat("/proc/self/task", &st) == 0 && st.st_nlink == 3;
}

/* Closes all but stderr, keep and out: other processes may wait for the end of file of a
 * pipe that we hold. */
static void
close_others(int keep, int out)
{
	int low = keep < out ? keep : out, high = keep < out ? out : keep;
	int null = open("/dev/null", O_RDWR);

	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
	}
	if (low > STDERR_FILENO + 1)
		close_range(STDERR_FILENO + 1, (unsigned)low - 1, 0);
	if (high > low + 1)
		close_range((unsigned)low + 1, (unsigned)high - 1, 0);
	close_range((unsigned)high + 1, ~0U, 0);
}

_Noreturn static void
run_detached(int (*fn)(void *, struct err *), void *arg, int keep, int out)
{
	struct report report = {0};

	setsid();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	close_others(keep, out);
	report.result = fn(arg, &report.err);
	/* the parent may be gone by now; the work is done all the same */
	_exit(write(out, &report, sizeof report) == (ssize_t)sizeof report ? 0 : 1);
}

int
child_run_detached(
    int (*fn)(void *arg, struct err *e), void *arg, int keep, struct err *e)
{
	struct report report;
	int pipes[2];
	ssize_t n;
	pid_t pid;

	if (!is_single_threaded() || pipe2(pipes, O_CLOEXEC) != 0)
		return fn(arg, e);
	pid = fork();
	if (pid == 0)
		run_detached(fn, arg, keep, pipes[1]);
	close(pipes[1]);
	if (pid < 0) {
		close(pipes[0]);
		return fn(arg, e);
	}
	n = TEMP_FAILURE_RETRY(read(pipes[0], &report, sizeof report));
	close(pipes[0]);
	(void)TEMP_FAILURE_RETRY(waitpid(pid, NULL, 0));
	if (n != (ssize_t)sizeof report)
		return err_set(e, CODE_INTERRUPTED,
		    "the process that did the work was killed; run it again");
	if (report.result < 0)
		*e = report.err;
	return report.result;
}
