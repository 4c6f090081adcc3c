#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "os/lines.h"

#define CHUNK ((size_t)65536)

void
lines_init(struct lines *l, int fd, char end, size_t max)
{
	*l = (struct lines){.fd = fd, .end = end, .max = max};
}

void
lines_release(struct lines *l)
{
	buf_release(&l->buf);
}

/* Returns len bytes as a line, and skips `more` bytes after it. */
static bool
give(struct lines *l, struct line *line, size_t len, size_t more, bool too_long)
{
	*line =
	    (struct line){.text = l->buf.data + l->at, .len = len, .too_long = too_long};
	l->at += len + more;
	l->scanned = l->at;
	return true;
}

/* Skips the rest of a line that was too long. False when its end is not in memory yet. */
static bool
skip_rest(struct lines *l)
{
	char *end = memchr(l->buf.data + l->at, l->end, l->buf.len - l->at);

	l->at = end != NULL ? (size_t)(end - l->buf.data) + 1 : l->buf.len;
	l->scanned = l->at;
	l->skipping = end == NULL;
	return end != NULL;
}

bool
lines_next(struct lines *l, struct line *line)
{
	char *end;

	if (l->buf.data == NULL || (l->skipping && !skip_rest(l)))
		return false;
	end = memchr(l->buf.data + l->scanned, l->end, l->buf.len - l->scanned);
	if (end != NULL && (size_t)(end - l->buf.data) - l->at <= l->max)
		return give(l, line, (size_t)(end - l->buf.data) - l->at, 1, false);
	l->scanned = l->buf.len;
	if (l->buf.len - l->at > l->max) {
		l->skipping = true;
		return give(l, line, l->max, 0, true);
	}
	if (l->eof && l->at < l->buf.len)
		return give(l, line, l->buf.len - l->at, 0, false);
	return false;
}

int
lines_read(struct lines *l)
{
	char *space;
	ssize_t n;

	buf_eat(&l->buf, l->at);
	l->scanned -= l->at;
	l->at = 0;
	space = buf_room(&l->buf, CHUNK);
	n = TEMP_FAILURE_RETRY(read(l->fd, space, CHUNK));
	if (n < 0)
		return errno == EAGAIN ? 0 : -1;
	if (n == 0)
		l->eof = true;
	l->buf.len += (size_t)n;
	space[n] = '\0';
	return 0;
}
