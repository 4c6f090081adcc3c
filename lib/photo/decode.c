#include <stdio.h>
#include <webp/decode.h>

#include <jpeglib.h>

#include "photo/decode.h"

void
decode_prepare(void)
{
	struct jpeg_error_mgr unused;

	jpeg_std_error(&unused);
	WebPGetDecoderVersion();
}

/* True when a finding refuses the photo, other than for its structure. */
static bool
is_hopeless(const struct photo *photo)
{
	const struct findings *fs = &photo->findings;
	bool open = photo_needs_decoder(photo);

	for (unsigned i = 0; i < fs->n; i++)
		if (fs->list[i].severity == SEVERITY_REFUSED &&
		    !(open && fs->list[i].code == CODE_DAMAGED))
			return true;
	return false;
}

bool
decode_wanted(const struct photo *photo, const struct photo_options *options)
{
	return (options->depth == PHOTO_DECODE || photo_needs_decoder(photo)) &&
	       !photo_is_quick(options, photo->bytes) &&
	       (photo->facts.type == IMAGE_JPEG || photo->facts.type == IMAGE_WEBP) &&
	       !is_hopeless(photo);
}

void
decode_pixels(int fd, const struct photo *photo, struct decoded *d)
{
	if (photo->facts.type == IMAGE_JPEG)
		decode_jpeg(fd, photo, d);
	else
		decode_webp(fd, photo, d);
}

/* The decoder's words, or NULL when it cannot have said that. */
static const char *
words_of(const struct decoded *d, enum image_type type, char text[DECODE_TEXT],
    enum severity *severity)
{
	*severity = SEVERITY_REFUSED;
	return type == IMAGE_JPEG ? decode_jpeg_words(d, text, severity)
	                          : decode_webp_words(d);
}

bool
decode_is_sound(const struct decoded *d, enum image_type type)
{
	enum severity severity;
	char text[DECODE_TEXT];

	return d->result == DECODED_WELL ||
	       (d->result == DECODED_DAMAGED &&
	           words_of(d, type, text, &severity) != NULL &&
	           severity < SEVERITY_REFUSED);
}

/* The findings again, now that the pixels are known to be sound. */
static void
acquit(struct photo *photo, const struct photo_options *options, enum photo_pixels pixels)
{
	photo->pixels = pixels;
	photo->findings.n = 0;
	photo_find(photo, options);
}

static bool
find_damage(
    const struct decoded *d, const struct photo_options *options, struct photo *photo)
{
	bool open = photo_needs_decoder(photo);
	enum severity severity;
	char text[DECODE_TEXT];
	const char *words = words_of(d, photo->facts.type, text, &severity);

	if (words == NULL)
		return false;
	if (open && severity < SEVERITY_REFUSED)
		acquit(photo, options, PHOTO_SHAKY);
	if (open && (severity == SEVERITY_REFUSED || photo->facts.odd))
		return true; /* its structure says why */
	finding_add(&photo->findings, CODE_DAMAGED, severity, words,
	    "pixels without damage",
	    severity < SEVERITY_REFUSED ? "av-fit writes it anew"
	                                : "copy or download it again",
	    "the picture is damaged: %s says '%s'",
	    photo->facts.type == IMAGE_JPEG ? "libjpeg" : "libwebp", words);
	return true;
}

bool
decode_findings(
    const struct decoded *d, const struct photo_options *options, struct photo *photo)
{
	switch (d->result) {
	case DECODED_WELL:
		if (photo_needs_decoder(photo))
			acquit(photo, options, PHOTO_SOUND);
		return true;
	case DECODED_NO_MEMORY:
		finding_add(&photo->findings, CODE_DECODER_CRASHED, SEVERITY_REFUSED,
		    "out of memory", "a picture that decodes", NULL,
		    "decoding the picture takes more memory than is allowed");
		return true;
	case DECODED_DAMAGED:
		return find_damage(d, options, photo);
	}
	return false;
}
