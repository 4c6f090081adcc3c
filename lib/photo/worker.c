#include <string.h>
#include <unistd.h>

#include "os/child.h"
#include "os/workers.h"
#include "photo/worker.h"

static void
check(int sock, int fd, const struct photo_request *request,
    const struct photo_worker_options *options, struct filetype *types)
{
	static struct photo_reply reply;
	struct photo *photo = &reply.photo;

	memset(&reply, 0, sizeof reply);
	reply.status =
	    photo_check(fd, request->size, &request->options, types, photo, &reply.err);
	if (reply.status == 0 && request->options.depth == PHOTO_DECODE &&
	    photo->facts.type != IMAGE_OTHER &&
	    findings_worst(&photo->findings) < SEVERITY_REFUSED) {
		child_reply(sock, &reply, photo_reply_len(photo->findings.n));
		options->decode(fd, photo);
	}
	reply.last = true;
	child_reply(sock, &reply, photo_reply_len(photo->findings.n));
}

void
photo_worker(int sock, const void *arg)
{
	const struct photo_worker_options *options = arg;
	struct photo_request request;
	struct filetype *types;
	int fd;

	sock = child_prepare(sock);
	types = filetype_new();
	workers_confine(sock, options->memory, false);
	while (child_receive(sock, &request, sizeof request, &fd)) {
		check(sock, fd, &request, options, types);
		close(fd);
	}
	_exit(0);
}
