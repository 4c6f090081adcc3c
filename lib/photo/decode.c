#include "photo/decode.h"

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

void
decode_pixels(int fd, struct photo *photo)
{
	if (photo->facts.type == IMAGE_JPEG)
		decode_jpeg(fd, photo);
	else if (photo->facts.type == IMAGE_WEBP)
		decode_webp(fd, photo);
}
