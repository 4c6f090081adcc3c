#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
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

	if (request->options.thumbnail > 0)
		return FIT_NEEDED;
	if (findings_worst(&fs) == SEVERITY_REFUSED)
		return FIT_HOPELESS;
	if (request->options.orientation == 0 &&
	    finding_get(&fs, CODE_ORIENTATION_UNCLEAR) != NULL)
		return FIT_UNCLEAR;
	limits_check_image(photo, &request->limits.image, &fs);
	return request->options.always || request->options.orientation > 1 ||
	               findings_worst(&fs) > SEVERITY_NOTE
	           ? FIT_NEEDED
	           : FIT_NOT_NEEDED;
}

/* libvips takes any warning for an error, as some tell of lost pixels. True when the
 * warning of this photo tells of none. */
static bool
is_only_odd(int fd, const struct photo *photo, const struct fit_reply *reply)
{
	struct decoded d = {0};

	if (photo->facts.type != IMAGE_JPEG ||
	    (reply->outcome != FIT_UNREADABLE && reply->outcome != FIT_UNDECODABLE))
		return false;
	decode_pixels(fd, photo, &d);
	return decode_is_sound(&d, IMAGE_JPEG);
}

static void
fit(int fd, const struct fit_request *request, const struct photo *photo,
    struct fit_reply *reply, void **made)
{
	size_t size = (size_t)request->photo.size;
	void *data = mem_new(size, 1);
	ssize_t n = TEMP_FAILURE_RETRY(pread(fd, data, size, 0));

	if (n < 0)
		_exit(EX_IOERR);
	*made = NULL;
	reply->outcome = FIT_CHANGED;
	if (n == (ssize_t)size) {
		fit_mend(data, size, photo, request, true, reply, made);
		if (request->options.thumbnail == 0 && is_only_odd(fd, photo, reply)) {
			memset(reply, 0, sizeof *reply);
			fit_mend(data, size, photo, request, false, reply, made);
		}
	}
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

/* What photo_check says, sent; and what the decoder says, if it has to be asked. False
 * when no new photo is needed. */
static bool
check(int sock, int fd, const struct fit_request *request, struct filetype *types,
    struct photo *photo)
{
	const struct photo_options *options = &request->photo.options;
	struct decoded d = {0};

	if (!photo_reply_send(sock, fd, &request->photo, types, photo))
		return false;
	if (decode_wanted(photo, options)) {
		decode_pixels(fd, photo, &d);
		child_reply(sock, &d, sizeof d);
		decode_findings(&d, options, photo);
	}
	return fit_need(photo, request) == FIT_NEEDED;
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
		if (check(sock, fd, &request, types, &photo)) {
			fit(fd, &request, &photo, &reply, &made);
			send_reply(sock, &reply, made);
			free(made); /* g_malloc is malloc */
		}
		close(fd);
	}
	_exit(0);
}
