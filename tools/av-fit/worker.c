#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "fit.h"
#include "os/child.h"

/* A picture of PHOTO_MAX_PIXELS takes 300 MB, and libvips holds several copies of it. */
#define MEMORY ((uint64_t)3 << 30)

enum fit_need
fit_need(const struct photo *photo, const struct fit_request *request)
{
	struct findings fs = photo->findings;

	if (findings_worst(&fs) == SEVERITY_REFUSED)
		return FIT_HOPELESS;
	limits_check_image(photo, &request->limits.image, &fs);
	return !request->options.always && findings_worst(&fs) == SEVERITY_NOTE
	           ? FIT_NOT_NEEDED
	           : FIT_NEEDED;
}

static void
fit(int fd, const struct fit_request *request, const struct photo *photo,
    struct fit_reply *reply, void **made)
{
	size_t size = (size_t)request->photo.size;
	void *data = mem_new(size, 1);

	*made = NULL;
	reply->outcome = FIT_CHANGED;
	if (TEMP_FAILURE_RETRY(pread(fd, data, size, 0)) == (ssize_t)size)
		fit_mend(data, size, photo, request, reply, made);
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
fit_worker(int sock, const void *arg)
{
	struct filetype *types = (struct filetype *)arg;
	struct fit_request request;
	struct photo photo;
	void *made;
	int fd;

	sock = child_prepare(sock);
	workers_confine(sock, MEMORY, true);
	while (child_receive(sock, &request, sizeof request, &fd)) {
		struct fit_reply reply = {0};
		fit_bind(&request.limits);
		if (photo_reply_send(sock, fd, &request.photo, types, &photo) &&
		    fit_need(&photo, &request) == FIT_NEEDED) {
			fit(fd, &request, &photo, &reply, &made);
			send_reply(sock, &reply, made);
			free(made); /* g_malloc is malloc */
		}
		close(fd);
	}
	_exit(0);
}
