#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "photo/photo.h"
#include "photo/source.h"

/* A closed stream has fd -1, or 0 with nothing in it. */
void
photo_stream_close(struct photo_stream *s)
{
	if (s->bytes > 0 && s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	s->bytes = 0;
}

int
photo_stream_open(struct photo_stream *s, const char *path, uint64_t bytes,
    const char *sha256, struct err *e)
{
	memset(s, 0, sizeof *s);
	if (photo_open(path, &s->fd, &s->st, e) != 0)
		return -1;
	s->bytes = (uint64_t)s->st.st_size;
	if (bytes > 0 && bytes != s->bytes) {
		err_set(e, CODE_CHANGED_WHILE_READ,
		    "'%s' has %ju bytes and had %ju when it was judged", path,
		    (uintmax_t)s->bytes, (uintmax_t)bytes);
		photo_stream_close(s);
		return -1;
	}
	snprintf(s->want, sizeof s->want, "%s", sha256 != NULL ? sha256 : "");
	sha256_init(&s->sha);
	return 0;
}

void
photo_stream_rewind(struct photo_stream *s)
{
	s->at = 0;
	sha256_init(&s->sha);
}

/* All bytes were read: are they the photo that was meant? */
static int
settle(struct photo_stream *s, struct err *e)
{
	sha256_hex(&s->sha, s->got);
	if (photo_unchanged(s->fd, &s->st, e) != 0)
		return -1;
	if (s->want[0] != '\0' && strcmp(s->want, s->got) != 0)
		return err_set(e, CODE_CHANGED_WHILE_READ,
		    "the photo is not the one that was judged; its SHA-256 is now %s",
		    s->got);
	return 0;
}

ssize_t
photo_stream_read(struct photo_stream *s, void *p, size_t n, struct err *e)
{
	uint64_t left = s->bytes - s->at;
	ssize_t got;

	if (left == 0)
		return 0;
	if (n > left)
		n = (size_t)left;
	do
		got = pread(s->fd, p, n, (off_t)s->at);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return err_set(e, CODE_FILE_UNREADABLE, "cannot read the photo:");
	if (got == 0)
		return err_set(e, CODE_CHANGED_WHILE_READ,
		    "the photo became shorter while it was sent");
	sha256_add(&s->sha, p, (size_t)got);
	s->at += (uint64_t)got;
	if (s->at == s->bytes && settle(s, e) != 0)
		return -1;
	return got;
}
