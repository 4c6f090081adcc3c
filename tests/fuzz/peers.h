/*
 * peers: what libjpeg-turbo, libpng and libwebp say of a picture, by no code of
 * ours. A picture is sound when the library decodes it at its full size without
 * an error or a warning, and it is whole: the scans of a JPEG bring the first
 * coefficient of each component down to its last bit, and all of a WebP's
 * container is there. One of more than PEERS_PIXELS is not decoded, nor called
 * sound.
 */
#ifndef AV_FUZZ_PEERS_H
#define AV_FUZZ_PEERS_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <png.h>
#include <webp/decode.h>
#include <webp/demux.h>

#define PEERS_PIXELS 200000
#define PEERS_SCANS  100

struct peer_jpeg {
	struct jpeg_decompress_struct cinfo;
	struct jpeg_error_mgr errors;
	jmp_buf failed;
	bool last[MAX_COMPONENTS]; /* the last bit of DC has come */
	JSAMPLE *row;
};

_Noreturn static inline void
peer_jpeg_fail(j_common_ptr cinfo)
{
	longjmp(((struct peer_jpeg *)cinfo->client_data)->failed, 1);
}

static inline void
peer_jpeg_message(j_common_ptr cinfo, int level)
{
	if (level < 0)
		peer_jpeg_fail(cinfo);
}

/* Notes of which components a scan brings the last bit of the first coefficient (DC). */
static inline void
peer_jpeg_scan(struct peer_jpeg *j)
{
	const struct jpeg_decompress_struct *cinfo = &j->cinfo;

	if (cinfo->input_scan_number > PEERS_SCANS)
		longjmp(j->failed, 1);
	for (int i = 0; i < cinfo->comps_in_scan; i++)
		if (!cinfo->progressive_mode || cinfo->Ss == 0)
			j->last[cinfo->cur_comp_info[i]->component_index] =
			    !cinfo->progressive_mode || cinfo->Al == 0;
}

static inline bool
peer_jpeg_decode(struct peer_jpeg *j, const uint8_t *data, size_t size)
{
	struct jpeg_decompress_struct *cinfo = &j->cinfo;
	bool whole = true;
	int status;

	jpeg_create_decompress(cinfo);
	jpeg_mem_src(cinfo, data, size);
	jpeg_read_header(cinfo, TRUE);
	if ((uint64_t)cinfo->image_width * cinfo->image_height > PEERS_PIXELS)
		return false;
	cinfo->buffered_image = TRUE;
	jpeg_start_decompress(cinfo);
	peer_jpeg_scan(j);
	while ((status = jpeg_consume_input(cinfo)) != JPEG_REACHED_EOI)
		if (status == JPEG_REACHED_SOS)
			peer_jpeg_scan(j);
	jpeg_start_output(cinfo, cinfo->input_scan_number);
	j->row = malloc(
	    (size_t)cinfo->output_width * (size_t)cinfo->output_components);
	while (j->row != NULL && cinfo->output_scanline < cinfo->output_height)
		jpeg_read_scanlines(cinfo, &j->row, 1);
	jpeg_finish_output(cinfo);
	jpeg_finish_decompress(cinfo);
	for (int i = 0; i < cinfo->num_components; i++)
		whole &= j->last[i];
	return whole;
}

static inline bool
peer_jpeg_is_sound(const uint8_t *data, size_t size)
{
	struct peer_jpeg *j = calloc(1, sizeof *j);
	volatile bool sound = false;

	if (j == NULL)
		abort();
	j->cinfo.err = jpeg_std_error(&j->errors);
	j->cinfo.client_data = j;
	j->errors.error_exit = peer_jpeg_fail;
	j->errors.emit_message = peer_jpeg_message;
	if (setjmp(j->failed) == 0)
		sound = peer_jpeg_decode(j, data, size);
	jpeg_destroy_decompress(&j->cinfo);
	free(j->row);
	free(j);
	return sound;
}

struct peer_png {
	png_structp png;
	png_infop info;
	const uint8_t *next;
	size_t left;
	uint8_t *row;
};

/* Also for a warning. */
_Noreturn static inline void
peer_png_fail(png_structp png, png_const_charp message)
{
	(void)message;
	png_longjmp(png, 1);
}

static inline void
peer_png_read(png_structp png, png_bytep to, size_t n)
{
	struct peer_png *p = png_get_io_ptr(png);

	if (n > p->left)
		png_longjmp(png, 1);
	memcpy(to, p->next, n);
	p->next += n;
	p->left -= n;
}

static inline bool
peer_png_decode(struct peer_png *p)
{
	uint64_t height;
	int passes;

	png_set_read_fn(p->png, p, peer_png_read);
	png_read_info(p->png, p->info);
	height = png_get_image_height(p->png, p->info);
	if (png_get_image_width(p->png, p->info) * height > PEERS_PIXELS)
		return false;
	passes = png_set_interlace_handling(p->png);
	png_read_update_info(p->png, p->info);
	p->row = calloc(1, png_get_rowbytes(p->png, p->info));
	while (passes-- > 0)
		for (uint64_t y = 0; y < height; y++)
			png_read_row(p->png, p->row, NULL);
	png_read_end(p->png, p->info);
	return true;
}

static inline bool
peer_png_is_sound(const uint8_t *data, size_t size)
{
	struct peer_png *p = calloc(1, sizeof *p);
	volatile bool sound = false;

	if (p == NULL)
		abort();
	p->next = data;
	p->left = size;
	p->png = png_create_read_struct(
	    PNG_LIBPNG_VER_STRING, NULL, peer_png_fail, peer_png_fail);
	p->info = png_create_info_struct(p->png);
	if (setjmp(png_jmpbuf(p->png)) == 0)
		sound = peer_png_decode(p);
	png_destroy_read_struct(&p->png, &p->info, NULL);
	free(p->row);
	free(p);
	return sound;
}

static inline bool
peer_webp_frames(const WebPData *data)
{
	WebPAnimDecoder *decoder = WebPAnimDecoderNew(data, NULL);
	bool ok = decoder != NULL;
	uint8_t *pixels;
	int ms;

	while (ok && WebPAnimDecoderHasMoreFrames(decoder))
		ok = WebPAnimDecoderGetNext(decoder, &pixels, &ms);
	WebPAnimDecoderDelete(decoder);
	return ok;
}

static inline bool
peer_webp_is_sound(const uint8_t *data, size_t size)
{
	WebPData all = {data, size};
	WebPDemuxer *demuxer = WebPDemux(&all);
	WebPBitstreamFeatures f;
	uint64_t pixels, frames;
	uint8_t *rgba;
	int width, height;

	if (demuxer == NULL)
		return false;
	pixels = (uint64_t)WebPDemuxGetI(demuxer, WEBP_FF_CANVAS_WIDTH) *
	         WebPDemuxGetI(demuxer, WEBP_FF_CANVAS_HEIGHT);
	frames = WebPDemuxGetI(demuxer, WEBP_FF_FRAME_COUNT);
	WebPDemuxDelete(demuxer);
	if (pixels * frames > PEERS_PIXELS ||
	    WebPGetFeatures(data, size, &f) != VP8_STATUS_OK)
		return false;
	if (f.has_animation)
		return peer_webp_frames(&all);
	rgba = WebPDecodeRGBA(data, size, &width, &height);
	WebPFree(rgba);
	return rgba != NULL;
}

#endif
