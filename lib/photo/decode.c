#include <errno.h>
#include <unistd.h>

#include "photo/decode.h"

void
decode_damaged(
    struct photo *photo, enum severity severity, const char *decoder, const char *reason)
{
	finding_add(&photo->findings, CODE_DAMAGED, severity, reason, "a sound picture",
	    "copy or download it again",
	    "the pixels cannot be decoded soundly: %s says '%s'", decoder, reason);
}

void
decode_no_memory(struct photo *photo)
{
	finding_add(&photo->findings, CODE_DECODER_CRASHED, SEVERITY_REFUSED,
	    "out of memory", "a picture that decodes", NULL,
	    "the decoder needs more memory than it may have");
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

void
decode_pixels(int fd, uint64_t memory, struct photo *photo)
{
	switch (photo->facts.type) {
	case IMAGE_JPEG:
		decode_jpeg(fd, photo);
		break;
	case IMAGE_PNG:
		decode_png(fd, memory, photo);
		break;
	case IMAGE_WEBP:
		decode_webp(fd, photo);
		break;
	case IMAGE_OTHER:
		break;
	}
}
