#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/err.h"
#include "base/failpoint.h"
#include "os/out.h"

/* Compact the buffer once the written part is at least this long and not shorter than the
 * rest. */
#define COMPACT ((size_t)1 << 16)

void
out_release(struct out *out)
{
	loop_undefer(out->loop, &out->flush);
	if (out->must_ask)
		loop_unwatch(out->loop, STDOUT_FILENO);
	buf_release(&out->buf);
}

size_t
out_backlog(const struct out *out)
{
	return out->buf.len - out->at;
}

static bool
ready(short *events, int timeout)
{
	struct pollfd p = {.fd = STDOUT_FILENO, .events = *events};

	if (poll(&p, 1, timeout) < 0)
		p.revents = 0;
	*events = p.revents;
	return p.revents != 0;
}

bool
out_broken(struct out *out)
{
	short events = 0;

	if (out->failed == 0 && out->must_ask && ready(&events, 0) &&
	    (events & (POLLERR | POLLHUP)) != 0)
		out->failed = EPIPE;
	return out->failed != 0;
}

/* How much to write at once: a pipe that polls as writable has space for PIPE_BUF bytes.
 * Stops at the end of a line if there is one within. */
static size_t
portion(const struct out *out)
{
	const char *start = out->buf.data + out->at, *end;
	size_t left = out_backlog(out);

	if (!out->must_ask || left <= PIPE_BUF)
		return left;
	end = memrchr(start, '\n', PIPE_BUF);
	return end != NULL ? (size_t)(end - start) + 1 : PIPE_BUF;
}

/* A failed write may have left the first part of a line in a file: takes it back, unless
 * another process has written since. */
static void
drop_partial_line(struct out *out)
{
	const char *start = out->buf.data, *end;
	off_t at = lseek(STDOUT_FILENO, 0, SEEK_CUR);
	struct stat st;
	size_t n;

	if (out->must_ask || out->at == 0 || at < 0)
		return;
	end = memrchr(start, '\n', out->at);
	n = end != NULL ? out->at - (size_t)(end + 1 - start) : out->at;
	if (n > 0 && fstat(STDOUT_FILENO, &st) == 0 && S_ISREG(st.st_mode) &&
	    st.st_size == at && ftruncate(STDOUT_FILENO, at - (off_t)n) == 0)
		(void)lseek(STDOUT_FILENO, at - (off_t)n, SEEK_SET);
}

/* Writes the next portion. On a terminal, what removes the progress goes in front of it, in
 * one write, so that no other process draws in between. */
static ssize_t
write_portion(struct out *out)
{
	const char *start = out->buf.data + out->at, *lead;
	struct iovec parts[2];
	ssize_t n;

	lead = out->terminal ? err_lead() : "";
	if (*lead == '\0')
		return write(STDOUT_FILENO, start, portion(out));
	parts[0] = (struct iovec){.iov_base = (void *)lead, .iov_len = strlen(lead)};
	parts[1] = (struct iovec){.iov_base = (void *)start, .iov_len = portion(out)};
	n = writev(STDOUT_FILENO, parts, 2);
	return n <= 0                         ? n
	       : (size_t)n > parts[0].iov_len ? n - (ssize_t)parts[0].iov_len
	                                      : 0;
}

/* Writes while there is space (with wait: until all is written). */
static void
write_out(struct out *out, bool wait)
{
	while (out_backlog(out) > 0 && out->failed == 0) {
		short events = POLLOUT;
		ssize_t n;

		if (out->must_ask && !ready(&events, wait ? -1 : 0)) {
			if (wait)
				continue;
			return;
		}
		failpoint("write");
		n = write_portion(out);
		failpoint("written");
		if (n >= 0)
			out->at += (size_t)n;
		else if (errno == EAGAIN && !wait)
			return;
		else if (errno != EINTR && errno != EAGAIN) {
			out->failed = errno;
			drop_partial_line(out);
		}
	}
	out->at = 0;
	buf_clear(&out->buf);
}

static void on_ready(void *arg, int fd, uint32_t events);

/* Waits for space if there is a backlog, and always for the reader to close. */
static void
update_watch(struct out *out)
{
	if (out->must_ask && out->failed == 0)
		loop_watch(out->loop, STDOUT_FILENO, out_backlog(out) > 0 ? EPOLLOUT : 0,
		    on_ready, out);
	else if (out->must_ask)
		loop_unwatch(out->loop, STDOUT_FILENO);
}

static void
flush(void *arg)
{
	struct out *out = arg;

	write_out(out, false);
	update_watch(out);
	if (out_backlog(out) == 0)
		out->drained(out->arg);
}

static void
on_ready(void *arg, int fd, uint32_t events)
{
	struct out *out = arg;

	(void)fd;
	if (events & (EPOLLERR | EPOLLHUP))
		out->failed = EPIPE;
	flush(out);
}

void
out_init(struct out *out, struct loop *loop, void (*drained)(void *arg), void *arg)
{
	struct stat st = {0};

	*out = (struct out){.loop = loop, .drained = drained, .arg = arg};
	out->must_ask = fstat(STDOUT_FILENO, &st) == 0 &&
	                (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode));
	out->terminal = S_ISCHR(st.st_mode) && isatty(STDOUT_FILENO);
	update_watch(out);
}

struct buf *
out_buf(struct out *out)
{
	if (out->at >= COMPACT && out->at >= out_backlog(out)) {
		buf_eat(&out->buf, out->at);
		out->at = 0;
	}
	return &out->buf;
}

void
out_added(struct out *out)
{
	if (out->failed != 0) {
		buf_clear(&out->buf);
		out->at = 0;
		return;
	}
	loop_defer(out->loop, &out->flush, flush, out);
}

int
out_close(struct out *out)
{
	write_out(out, true);
	if (close(STDOUT_FILENO) < 0 && out->failed == 0)
		out->failed = errno;
	errno = out->failed;
	return out->failed == 0 ? 0 : -1;
}
