#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/child.h"

#define SOCK 3

pid_t
child_start(int *sock, void (*life)(int sock, const void *arg), const void *arg)
{
	pid_t parent = getpid(), pid;
	int pair[2], error;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() == parent)
			life(pair[1], arg);
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
child_order(int sock, const void *order, size_t len, int fd)
{
	union control control = {0};
	struct iovec iov = {.iov_base = (void *)order, .iov_len = len};
	struct msghdr msg = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = &control,
	    .msg_controllen = sizeof control};
	struct cmsghdr *head = CMSG_FIRSTHDR(&msg);
	ssize_t n;

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(head), &fd, sizeof fd);
	do
		n = sendmsg(sock, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n >= 0;
}

int
child_end(pid_t pid, int sock)
{
	int status = 0;

	close(sock);
	/* for one that only closed its socket; a dead one does not mind */
	kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

int
child_settle(int sock)
{
	static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE};
	sigset_t none;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

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
child_receive(int sock, void *order, size_t len, int *fd)
{
	union control control;
	struct iovec iov = {.iov_base = order, .iov_len = len};
	struct msghdr msg = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = &control,
	    .msg_controllen = sizeof control};
	struct cmsghdr *head;
	ssize_t n;

	do
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)len)
		return false;
	head = CMSG_FIRSTHDR(&msg);
	if (head == NULL || head->cmsg_type != SCM_RIGHTS)
		return false;
	memcpy(fd, CMSG_DATA(head), sizeof *fd);
	return true;
}

void
child_answer(int sock, const void *data, size_t len)
{
	ssize_t n;

	do
		n = send(sock, data, len, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)len)
		_exit(EX_IOERR);
}
