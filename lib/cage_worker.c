#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "cage_wire.h"
#include "decode.h"
#include "fence.h"

#define SOCK 3

/* Waits for the next order; false when the parent is gone. */
static bool
receive(struct cage_order *order, int *fd)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = {.iov_base = order, .iov_len = sizeof *order};
	struct msghdr msg = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = &control,
	    .msg_controllen = sizeof control};
	struct cmsghdr *head;
	ssize_t n;

	do
		n = recvmsg(SOCK, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof *order)
		return false;
	head = CMSG_FIRSTHDR(&msg);
	if (head == NULL || head->cmsg_type != SCM_RIGHTS)
		return false;
	memcpy(fd, CMSG_DATA(head), sizeof *fd);
	return true;
}

static void
answer(const struct cage_reply *reply)
{
	size_t len = cage_reply_len(reply->photo.findings.n);
	ssize_t n;

	do
		n = send(SOCK, reply, len, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)len)
		_exit(EX_IOERR);
}

static void
serve(int fd, const struct cage_order *order, const struct cage_options *options,
    struct filetype *types, struct cage_reply *reply)
{
	memset(reply, 0, sizeof *reply);
	reply->status = photo_judge(
	    fd, order->size, &order->options, types, &reply->photo, &reply->err);
	if (reply->status == 0 && order->options.depth == PHOTO_DECODE &&
	    reply->photo.facts.type != IMAGE_OTHER &&
	    findings_worst(&reply->photo.findings) < SEVERITY_REFUSED) {
		answer(reply);
		options->decode(fd, options->memory, &reply->photo);
	}
	reply->last = true;
	answer(reply);
}

/* Leaves one socket of all descriptors, and takes no part in the signals of the terminal. */
static void
settle(int sock)
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
			_exit(CAGE_NOT_READY);
	if (sock != SOCK && dup2(sock, SOCK) < 0)
		_exit(CAGE_NOT_READY);
	if (close_range(SOCK + 1, ~0U, 0) != 0)
		_exit(CAGE_NOT_READY);
}

void
cage_worker(int sock, const struct cage_options *options)
{
	static struct cage_reply reply;
	struct cage_order order;
	struct filetype *types;
	int fd;

	settle(sock);
	types = filetype_new();
	if (fence(options->memory) != 0)
		_exit(CAGE_NOT_READY);
	while (receive(&order, &fd)) {
		serve(fd, &order, options, types, &reply);
		close(fd);
	}
	_exit(0);
}
