#include "photo/decode.h"

bool
decode_wanted(const struct photo *photo, const struct photo_options *options)
{
	return options->depth == PHOTO_DECODE && !photo_is_quick(options, photo->bytes) &&
	       (photo->facts.type == IMAGE_JPEG || photo->facts.type == IMAGE_WEBP) &&
	       findings_worst(&photo->findings) < SEVERITY_REFUSED;
}

void
decode_pixels(int fd, const struct photo *photo, struct decoded *d)
{
	if (photo->facts.type == IMAGE_JPEG)
		decode_jpeg(fd, photo, d);
	else
		decode_webp(fd, photo, d);
}

static bool
find_damage(const struct decoded *d, struct photo *photo)
{
	bool jpeg = photo->facts.type == IMAGE_JPEG;
	enum severity severity = SEVERITY_REFUSED;
	char text[DECODE_TEXT];
	const char *words =
	    jpeg ? decode_jpeg_words(d, text, &severity) : decode_webp_words(d);

	if (words == NULL)
		return false;
	finding_add(&photo->findings, CODE_DAMAGED, severity, words,
	    "pixels without damage", "copy or download it again",
	    "the picture is damaged: %s says '%s'", jpeg ? "libjpeg" : "libwebp", words);
	return true;
}

bool
decode_findings(const struct decoded *d, struct photo *photo)
{
	switch (d->result) {
	case DECODED_WELL:
		return true;
	case DECODED_NO_MEMORY:
		finding_add(&photo->findings, CODE_DECODER_CRASHED, SEVERITY_REFUSED,
		    "out of memory", "a picture that decodes", NULL,
		    "decoding the picture takes more memory than is allowed");
		return true;
	case DECODED_DAMAGED:
		return find_damage(d, photo);
	}
	return false;
}
