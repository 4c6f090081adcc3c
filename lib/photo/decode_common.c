#include <errno.h>
#include <unistd.h>

#include "photo/decode_common.h"

void
decode_damaged(
    struct photo *photo, enum severity severity, const char *decoder, const char *reason)
{
	finding_add(&photo->findings, CODE_DAMAGED, severity, reason,
	    "pixels without damage", "copy or download it again",
	    "the picture is damaged: %s says '%s'", decoder, reason);
}

void
decode_no_memory(struct photo *photo)
{
	finding_add(&photo->findings, CODE_DECODER_CRASHED, SEVERITY_REFUSED,
	    "out of memory", "a picture that decodes", NULL,
	    "decoding the picture takes more memory than is allowed");
}

size_t
decode_read(int fd, void *p, size_t n, uint64_t at)
{
	ssize_t got;

	do
		got = pread(fd, p, n, (off_t)at);
	while (got < 0 && errno == EINTR);
	return got > 0 ? (size_t)got : 0;
}
