#include <errno.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include <webp/decode.h>
#include <webp/demux.h>

#include "photo/decode.h"

static VP8StatusCode
decode_still(const uint8_t *data, size_t len, const struct photo *photo)
{
	WebPDecoderConfig config;
	VP8StatusCode status;

	if (!WebPInitDecoderConfig(&config))
		return VP8_STATUS_OK; /* another version of libwebp: nothing is known */
	if (photo->facts.lossless)
		config.output.colorspace = photo->facts.alpha ? MODE_RGBA : MODE_RGB;
	else
		config.output.colorspace = photo->facts.alpha ? MODE_YUVA : MODE_YUV;
	config.options.bypass_filtering = 1;
	status = WebPGetFeatures(data, len, &config.input);
	if (status == VP8_STATUS_OK &&
	    ((uint32_t)config.input.width != photo->width ||
	        (uint32_t)config.input.height != photo->height))
		status = VP8_STATUS_BITSTREAM_ERROR;
	if (status == VP8_STATUS_OK)
		status = WebPDecode(data, len, &config);
	WebPFreeDecBuffer(&config.output);
	return status;
}

static VP8StatusCode
decode_frames(const uint8_t *data, size_t len)
{
	WebPAnimDecoder *decoder = WebPAnimDecoderNew(&(WebPData){data, len}, NULL);
	bool ok = decoder != NULL;
	uint8_t *pixels; /* the decoder's own */
	int ms;

	while (ok && WebPAnimDecoderHasMoreFrames(decoder))
		ok = WebPAnimDecoderGetNext(decoder, &pixels, &ms);
	WebPAnimDecoderDelete(decoder);
	return ok ? VP8_STATUS_OK : VP8_STATUS_BITSTREAM_ERROR;
}

void
decode_webp(int fd, const struct photo *photo, struct decoded *d)
{
	size_t len = (size_t)photo->bytes, have = 0;
	uint8_t *data = malloc(len);
	VP8StatusCode status;
	ssize_t n = 1;

	if (data == NULL) {
		d->result = DECODED_NO_MEMORY;
		return;
	}
	for (; have < len && n > 0; have += n > 0 ? (size_t)n : 0)
		n = TEMP_FAILURE_RETRY(pread(fd, data + have, len - have, (off_t)have));
	if (n < 0)
		_exit(EX_IOERR); /* the file's fault, not the picture's */
	status = photo->facts.frames ? decode_frames(data, have)
	                             : decode_still(data, have, photo);
	free(data);
	d->code = (int)status;
	if (status == VP8_STATUS_OUT_OF_MEMORY)
		d->result = DECODED_NO_MEMORY;
	else if (status != VP8_STATUS_OK)
		d->result = DECODED_DAMAGED;
}

const char *
decode_webp_words(const struct decoded *d)
{
	if (d->code == VP8_STATUS_NOT_ENOUGH_DATA || d->code == VP8_STATUS_SUSPENDED)
		return "the coded data is cut off";
	return "the coded data is broken";
}
