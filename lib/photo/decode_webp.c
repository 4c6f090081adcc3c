#include <stdlib.h>

#include <webp/decode.h>
#include <webp/demux.h>

#include "photo/decode_common.h"

static void
add_finding(struct photo *photo, VP8StatusCode status)
{
	if (status == VP8_STATUS_OUT_OF_MEMORY)
		decode_no_memory(photo);
	else if (status == VP8_STATUS_NOT_ENOUGH_DATA || status == VP8_STATUS_SUSPENDED)
		decode_damaged(
		    photo, SEVERITY_REFUSED, "libwebp", "the coded data is cut off");
	else if (status != VP8_STATUS_OK)
		decode_damaged(
		    photo, SEVERITY_REFUSED, "libwebp", "the coded data is broken");
}

static void
decode_still(const uint8_t *data, size_t len, struct photo *photo)
{
	WebPDecoderConfig config;
	VP8StatusCode status;

	if (!WebPInitDecoderConfig(&config))
		return;
	config.output.colorspace = photo->facts.alpha ? MODE_RGBA : MODE_RGB;
	status = WebPGetFeatures(data, len, &config.input);
	if (status == VP8_STATUS_OK &&
	    ((uint32_t)config.input.width != photo->width ||
	        (uint32_t)config.input.height != photo->height))
		status = VP8_STATUS_BITSTREAM_ERROR;
	if (status == VP8_STATUS_OK)
		status = WebPDecode(data, len, &config);
	WebPFreeDecBuffer(&config.output);
	add_finding(photo, status);
}

static void
decode_frames(const uint8_t *data, size_t len, struct photo *photo)
{
	WebPData all = {data, len};
	WebPAnimDecoder *decoder = WebPAnimDecoderNew(&all, NULL);
	VP8StatusCode status = VP8_STATUS_OK;

	if (decoder == NULL) {
		add_finding(photo, VP8_STATUS_BITSTREAM_ERROR);
		return;
	}
	while (status == VP8_STATUS_OK && WebPAnimDecoderHasMoreFrames(decoder)) {
		uint8_t *pixels; /* the decoder's own */
		int ms;
		if (!WebPAnimDecoderGetNext(decoder, &pixels, &ms))
			status = VP8_STATUS_BITSTREAM_ERROR;
	}
	WebPAnimDecoderDelete(decoder);
	add_finding(photo, status);
}

void
decode_webp(int fd, struct photo *photo)
{
	size_t len = (size_t)photo->bytes, have = 0, n;
	uint8_t *data = malloc(len);

	if (data == NULL) {
		decode_no_memory(photo);
		return;
	}
	while (have < len && (n = decode_read(fd, data + have, len - have, have)) > 0)
		have += n;
	if (photo->facts.animated)
		decode_frames(data, have, photo);
	else
		decode_still(data, have, photo);
	free(data);
}
