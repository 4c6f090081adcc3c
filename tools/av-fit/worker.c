#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "fit.h"
#include "os/child.h"

/* A picture of PHOTO_MAX_PIXELS takes 300 MB, and libvips holds several copies of it. */
#define MEMORY ((uint64_t)3 << 30)

#define BYTES_MAX ((uint64_t)512 << 20) /* of a photo */

/* True when nothing worse than a note is to be said about the photo. */
static bool
is_acceptable(const struct photo *photo, const struct fit_request *request)
{
	struct findings fs = photo->findings;

	limits_check_image(photo, &request->limits.image, &fs);
	return findings_worst(&fs) == SEVERITY_NOTE;
}

/* Damage cannot be repaired: the missing data is unknown. */
static bool
is_damaged(const struct photo *photo, struct fit_reply *reply)
{
	const struct findings *fs = &photo->findings;

	for (unsigned i = 0; i < fs->n; i++) {
		if (fs->list[i].severity != SEVERITY_REFUSED)
			continue;
		reply->outcome = FIT_FAILED;
		reply->findings = *fs;
		err_set(&reply->err, CODE_CANNOT_FIT, "%s", fs->list[i].message);
		return true;
	}
	return false;
}

static void *
read_whole(int fd, uint64_t size, struct err *e)
{
	char *data;

	if (size > BYTES_MAX) {
		err_set(e, CODE_CANNOT_FIT,
		    "the file is too large to convert: it has more than %ju bytes",
		    (uintmax_t)BYTES_MAX);
		return NULL;
	}
	data = mem_new((size_t)size, 1);
	if (TEMP_FAILURE_RETRY(pread(fd, data, (size_t)size, 0)) == (ssize_t)size)
		return data;
	free(data);
	err_set(e, CODE_CHANGED_WHILE_READ, "the photo became shorter while it was read");
	return NULL;
}

static void
fit(int fd, const struct fit_request *request, struct filetype *types,
    struct fit_reply *reply, void **made)
{
	const struct photo_options options = {PHOTO_READ, request->options.max_pixels};
	struct photo photo;
	void *data;

	*made = NULL;
	reply->outcome = FIT_FAILED;
	if (photo_check(fd, request->size, &options, types, &photo, &reply->err) < 0 ||
	    is_damaged(&photo, reply))
		return;
	if (!request->options.always && is_acceptable(&photo, request)) {
		reply->outcome = FIT_UNCHANGED;
		return;
	}
	data = read_whole(fd, request->size, &reply->err);
	if (data == NULL)
		return;
	fit_mend(data, (size_t)request->size, &photo, request, reply, made);
	free(data);
}

static void
send_reply(int sock, const struct fit_reply *reply, const char *made)
{
	child_reply(sock, reply, sizeof *reply);
	if (reply->outcome != FIT_MADE)
		return;
	for (uint64_t at = 0; at < reply->bytes; at += FIT_MESSAGE_MAX) {
		uint64_t left = reply->bytes - at;
		child_reply(sock, made + at,
		    left < FIT_MESSAGE_MAX ? (size_t)left : FIT_MESSAGE_MAX);
	}
}

void
fit_worker(int sock)
{
	static struct fit_reply reply;
	struct fit_request request;
	struct filetype *types;
	void *made;
	int fd;

	sock = child_prepare(sock);
	types = filetype_new();
	if (fit_init() != 0)
		_exit(CHILD_NOT_READY);
	workers_confine(sock, MEMORY, true);
	while (child_receive(sock, &request, sizeof request, &fd)) {
		memset(&reply, 0, sizeof reply);
		fit_bind(&request.limits);
		fit(fd, &request, types, &reply, &made);
		send_reply(sock, &reply, made);
		free(made); /* g_malloc is malloc */
		close(fd);
	}
	_exit(0);
}
