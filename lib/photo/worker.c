#include <string.h>
#include <unistd.h>

#include "os/child.h"
#include "os/confine.h"
#include "photo/decode.h"
#include "photo/worker.h"

static void
answer(int sock, const struct pool_reply *reply)
{
	child_answer(sock, reply, pool_reply_len(reply->photo.findings.n));
}

static void
serve(int sock, int fd, const struct pool_request *order,
    const struct photo_pool_options *options, struct filetype *types,
    struct pool_reply *reply)
{
	memset(reply, 0, sizeof *reply);
	reply->status = photo_check(
	    fd, order->size, &order->options, types, &reply->photo, &reply->err);
	if (reply->status == 0 && order->options.depth == PHOTO_DECODE &&
	    reply->photo.facts.type != IMAGE_OTHER &&
	    findings_worst(&reply->photo.findings) < SEVERITY_REFUSED) {
		answer(sock, reply);
		options->decode(fd, options->memory, &reply->photo);
	}
	reply->last = true;
	answer(sock, reply);
}

void
photo_worker(int sock, const void *arg)
{
	static struct pool_reply reply;
	const struct photo_pool_options *options = arg;
	struct pool_request order;
	struct filetype *types;
	int fd;

	sock = child_settle(sock);
	types = filetype_new();
	if (confine(options->memory) != 0)
		_exit(CHILD_NOT_READY);
	while (child_receive(sock, &order, sizeof order, &fd)) {
		serve(sock, fd, &order, options, types, &reply);
		close(fd);
	}
	_exit(0);
}
