#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <jpeglib.h>

#include <jerror.h>

#include "base/mem.h"
#include "photo/decode.h"

/* Near the end of a piece libjpeg decodes at half the speed. */
#define PIECE ((size_t)1 << 20)

/* The state of one decoding, as client_data of libjpeg's callbacks. */
struct decoding {
	struct jpeg_decompress_struct cinfo;
	struct jpeg_error_mgr errors;
	struct jpeg_source_mgr source;
	jmp_buf failed;
	int fd;
	uint64_t at;
	JSAMPLE *row;
	struct decoded *result; /* code: of the worst message; 0: none */
	uint8_t *piece;
	size_t size;
};

/* Rows that are skipped are decoded, but no pixels are made of them. The last ones are read:
 * libjpeg does not decode rows if all that are left are skipped. */
#define LAST_ROWS 16

/* No message of libjpeg has this number. */
#define OTHER_SIZE INT_MAX

static void
keep_message(struct decoding *d, const struct jpeg_error_mgr *errors)
{
	d->result->code = errors->msg_code;
	memcpy(d->result->args, errors->msg_parm.i, sizeof d->result->args);
}

_Noreturn static void
on_error(j_common_ptr cinfo)
{
	struct decoding *d = cinfo->client_data;

	keep_message(d, cinfo->err);
	longjmp(d->failed, 1);
}

/* Warnings that tell of an odd file, but of no pixel that is lost. */
static bool
is_harmless(int code)
{
	return code == JWRN_EXTRANEOUS_DATA || code == JWRN_BOGUS_PROGRESSION ||
	       code == JWRN_NOT_SEQUENTIAL;
}

/* Keeps the first warning (level -1); any other replaces a harmless one. An odd Adobe marker says nothing about the data. */
static void
on_message(j_common_ptr cinfo, int level)
{
	struct decoding *d = cinfo->client_data;
	int code = cinfo->err->msg_code;

	if (level >= 0 || code == JWRN_ADOBE_XFORM)
		return;
	if (d->result->code != 0 && (!is_harmless(d->result->code) || is_harmless(code)))
		return;
	keep_message(d, cinfo->err);
}

static void
init_source(j_decompress_ptr cinfo)
{
	(void)cinfo;
}

static boolean
fill_input(j_decompress_ptr cinfo)
{
	struct decoding *d = cinfo->client_data;
	ssize_t n = TEMP_FAILURE_RETRY(pread(d->fd, d->piece, d->size, (off_t)d->at));

	if (n < 0)
		_exit(EX_IOERR); /* the file's fault, not the picture's */
	if (n == 0) {            /* as libjpeg's own source: warn and end the picture */
		d->piece[0] = 0xff;
		d->piece[1] = JPEG_EOI;
		n = 2;
		WARNMS(cinfo, JWRN_JPEG_EOF);
	}
	d->at += (size_t)n;
	d->source.next_input_byte = d->piece;
	d->source.bytes_in_buffer = (size_t)n;
	return TRUE;
}

static void
skip_input(j_decompress_ptr cinfo, long count)
{
	struct decoding *d = cinfo->client_data;
	size_t n = count > 0 ? (size_t)count : 0;

	if (n > d->source.bytes_in_buffer) {
		d->at += n - d->source.bytes_in_buffer;
		n = d->source.bytes_in_buffer;
	}
	d->source.next_input_byte += n;
	d->source.bytes_in_buffer -= n;
}

/* True when the colours need not become pixels: their coded data is decoded all the same.
 * False for a sampling that libjpeg cannot decode in colour. */
static bool
is_gray_enough(const struct jpeg_decompress_struct *cinfo)
{
	for (int i = 0; i < cinfo->num_components; i++)
		if (cinfo->max_h_samp_factor % cinfo->comp_info[i].h_samp_factor != 0 ||
		    cinfo->max_v_samp_factor % cinfo->comp_info[i].v_samp_factor != 0)
			return false;
	return cinfo->jpeg_color_space == JCS_YCbCr;
}

/* Each call of libjpeg may end in on_error, which jumps to decode_jpeg. */
static void
run(struct decoding *d, const struct photo *photo)
{
	struct jpeg_decompress_struct *cinfo = &d->cinfo;

	jpeg_create_decompress(cinfo);
	cinfo->src = &d->source;
	jpeg_read_header(cinfo, TRUE);
	if (cinfo->image_width != photo->width || cinfo->image_height != photo->height) {
		d->result->code = OTHER_SIZE;
		return;
	}
	cinfo->scale_num = 1;
	cinfo->scale_denom = 8;
	cinfo->out_color_space =
	    is_gray_enough(cinfo) ? JCS_GRAYSCALE : cinfo->jpeg_color_space;
	cinfo->dct_method = JDCT_IFAST;
	cinfo->do_fancy_upsampling = FALSE;
	jpeg_start_decompress(cinfo);
	d->row = mem_new(cinfo->output_width, (size_t)cinfo->output_components);
	if (cinfo->output_height > LAST_ROWS)
		jpeg_skip_scanlines(cinfo, cinfo->output_height - LAST_ROWS);
	while (cinfo->output_scanline < cinfo->output_height)
		jpeg_read_scanlines(cinfo, &d->row, 1);
	jpeg_finish_decompress(cinfo);
}

void
decode_jpeg(int fd, const struct photo *photo, struct decoded *result)
{
	struct decoding *d = mem_new(1, sizeof *d);

	d->fd = fd;
	d->size = photo->bytes < PIECE ? (size_t)photo->bytes + 2 : PIECE;
	d->piece = mem_resize(NULL, d->size);
	d->result = result;
	d->cinfo.err = jpeg_std_error(&d->errors);
	d->cinfo.client_data = d;
	d->errors.error_exit = on_error;
	d->errors.emit_message = on_message;
	d->source = (struct jpeg_source_mgr){.init_source = init_source,
	    .fill_input_buffer = fill_input,
	    .skip_input_data = skip_input,
	    .resync_to_restart = jpeg_resync_to_restart,
	    .term_source = init_source};
	if (setjmp(d->failed) == 0)
		run(d, photo);
	jpeg_destroy_decompress(&d->cinfo);
	if (result->code == JERR_OUT_OF_MEMORY)
		result->result = DECODED_NO_MEMORY;
	else if (result->code != 0)
		result->result = DECODED_DAMAGED;
	free(d->row);
	free(d->piece);
	free(d);
}

const char *
decode_jpeg_words(
    const struct decoded *d, char text[DECODE_TEXT], enum severity *severity)
{
	struct jpeg_error_mgr errors;
	struct jpeg_common_struct cinfo = {.err = jpeg_std_error(&errors)};

	if (d->code == OTHER_SIZE)
		return "the header has another size";
	if (d->code <= 0 || d->code > errors.last_jpeg_message ||
	    strstr(errors.jpeg_message_table[d->code], "%s") != NULL)
		return NULL; /* only numbers come from the decoder */
	if (is_harmless(d->code))
		*severity = SEVERITY_RISKY;
	errors.msg_code = d->code;
	memcpy(errors.msg_parm.i, d->args, sizeof d->args);
	errors.format_message(&cinfo, text);
	return text;
}
