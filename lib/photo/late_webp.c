#include <webp/decode.h>
#include <webp/demux.h>

#include "base/late.h"

#define VALUES(F)                                                                        \
	F(int, WebPInitDecoderConfigInternal, (WebPDecoderConfig * config, int version), \
	    (config, version))                                                           \
	F(VP8StatusCode, WebPGetFeaturesInternal,                                        \
	    (const uint8_t *data, size_t len, WebPBitstreamFeatures *features,           \
	        int version),                                                            \
	    (data, len, features, version))                                              \
	F(VP8StatusCode, WebPDecode,                                                     \
	    (const uint8_t *data, size_t len, WebPDecoderConfig *config),                \
	    (data, len, config))                                                         \
	F(uint8_t *, WebPDecodeRGB,                                                      \
	    (const uint8_t *data, size_t len, int *width, int *height),                  \
	    (data, len, width, height))                                                  \
	F(WebPAnimDecoder *, WebPAnimDecoderNewInternal,                                 \
	    (const WebPData *data, const WebPAnimDecoderOptions *options, int version),  \
	    (data, options, version))                                                    \
	F(int, WebPAnimDecoderHasMoreFrames, (const WebPAnimDecoder *d), (d))            \
	F(int, WebPAnimDecoderGetNext,                                                   \
	    (WebPAnimDecoder * d, uint8_t * *pixels, int *ms), (d, pixels, ms))          \
	F(int, WebPGetDecoderVersion, (void), ())

#define VOIDS(F)                                                                         \
	F(void, WebPFreeDecBuffer, (WebPDecBuffer * buffer), (buffer))                   \
	F(void, WebPAnimDecoderDelete, (WebPAnimDecoder * d), (d))

/* It needs libwebp, whose functions are found through it. */
LATE(VALUES, VOIDS, "libwebpdemux.so.2", "libwebpdemux2")
