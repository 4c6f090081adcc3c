#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "os/child.h"
#include "os/workers.h"
#include "photo/worker.h"

#define REPLY_LEN offsetof(struct photo_reply, photo.findings)

bool
photo_reply_send(int sock, int fd, const struct photo_request *request,
    struct filetype *types, struct photo *photo)
{
	struct photo_reply reply = {0};
	struct err e;

	if (photo_check(fd, request->size, &request->options, types, photo, &e) < 0) {
		reply.error = errno;
		reply.failed =
		    e.code == CODE_CHANGED_WHILE_READ ? e.code : CODE_FILE_UNREADABLE;
	}
	memcpy(&reply.photo, photo, PHOTO_KNOWN);
	child_reply(sock, &reply, REPLY_LEN);
	return reply.failed == CODE_NONE;
}

/* A NUL-terminated text of these characters. */
static bool
has_only(const char *text, size_t size, const char *characters)
{
	return memchr(text, '\0', size) != NULL &&
	       strspn(text, characters) == strlen(text);
}

static bool
is_line(const char *text, size_t size)
{
	if (memchr(text, '\0', size) == NULL)
		return false;
	while (*text >= ' ' && *text <= '~')
		text++;
	return *text == '\0';
}

static bool
is_valid(const struct photo *p, const struct photo_request *request)
{
	bool quick = photo_is_quick(&request->options, request->size);

	return has_only(p->type, sizeof p->type,
	           "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/.+-_") &&
	       has_only(p->sha256, sizeof p->sha256, "0123456789abcdef") &&
	       strlen(p->sha256) == (quick ? 0 : SHA256_HEX - 1) &&
	       p->bytes == request->size && p->orientation >= 1 && p->orientation <= 8 &&
	       (unsigned)p->facts.type <= IMAGE_WEBP &&
	       (unsigned)p->facts.state <= IMAGE_DAMAGED &&
	       (unsigned)p->facts.trailer <= TRAILER_LAST &&
	       is_line(p->facts.reason, sizeof p->facts.reason);
}

bool
photo_reply_take(const void *message, size_t len, const struct photo_request *request,
    struct photo *photo, int *status, struct err *e)
{
	const struct photo_reply *r = message;

	if (len != REPLY_LEN)
		return false;
	if (r->failed != CODE_NONE) {
		errno = r->error;
		*status = photo_unreadable(r->failed, e);
		return r->failed == CODE_FILE_UNREADABLE ||
		       r->failed == CODE_CHANGED_WHILE_READ;
	}
	if (!is_valid(&r->photo, request))
		return false;
	memset(photo, 0, sizeof *photo);
	memcpy(photo, &r->photo, PHOTO_KNOWN);
	photo->pixels = PHOTO_NOT_DECODED;
	photo_find(photo, &request->options);
	*status = 0;
	return true;
}

void
photo_worker(int sock, const void *arg)
{
	const struct photo_worker_options *options = arg;
	struct photo_request request;
	struct photo photo;
	int fd;

	sock = child_prepare(sock);
	workers_confine(sock, options->memory, false);
	while (child_receive(sock, &request, sizeof request, &fd)) {
		photo_reply_send(sock, fd, &request, options->types, &photo);
		close(fd);
	}
	_exit(0);
}

void
photo_decoder(int sock, const void *arg)
{
	const struct photo_worker_options *options = arg;
	struct photo photo = {0};
	int fd;

	sock = child_prepare(sock);
	workers_confine(sock, options->memory, false);
	while (child_receive(sock, &photo, PHOTO_KNOWN, &fd)) {
		struct decoded decoded = {0};
		options->decode(fd, &photo, &decoded);
		child_reply(sock, &decoded, sizeof decoded);
		close(fd);
	}
	_exit(0);
}
