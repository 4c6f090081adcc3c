#include "photo/decode.h"
#include "photo/decode_common.h"

void
decode_pixels(int fd, struct photo *photo)
{
	if (photo->facts.type == IMAGE_JPEG)
		decode_jpeg(fd, photo);
	else if (photo->facts.type == IMAGE_WEBP)
		decode_webp(fd, photo);
}
