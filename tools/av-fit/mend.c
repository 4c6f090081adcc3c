#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <vips/vips.h>

#include <vips/vector.h> /* needs vips.h */

#include "fit.h"

/* The next size, when no quality fits the limit of bytes. */
#define SHRINK 0.85

/* libvips may use these loaders alone. */
static const char *const loaders[] = {"VipsForeignLoadJpeg", "VipsForeignLoadPng",
    "VipsForeignLoadWebp", "VipsForeignLoadHeif", "VipsForeignLoadTiff",
    "VipsForeignLoadNsgif", "VipsForeignLoadJp2k", "VipsForeignLoadJxl"};

static const char *const mime[] = {
    [IMAGE_JPEG] = "image/jpeg", [IMAGE_PNG] = "image/png", [IMAGE_WEBP] = "image/webp"};

int
fit_init(void)
{
	/* Avoid what a confined process may not do: large pictures stay in memory, not in
	 * files, and liborc makes no machine code. */
	if (setenv("VIPS_DISC_THRESHOLD", "1024g", 1) != 0 ||
	    setenv("ORC_CODE", "emulate", 1) != 0 || VIPS_INIT("av-fit") != 0)
		return -1;
	vips_vector_set_enabled(FALSE);
	vips_concurrency_set(1); /* each core has a worker of its own */
	vips_cache_set_max(0);
	vips_operation_block_set("VipsForeignLoad", TRUE);
	for (size_t i = 0; i < sizeof loaders / sizeof *loaders; i++)
		if (g_type_from_name(loaders[i]) != 0)
			vips_operation_block_set(loaders[i], FALSE);
	return 0;
}

/* Replaces the picture with the result of a call, which failed or set *next. */
static int
advance(VipsImage **image, VipsImage **next, int failed)
{
	if (failed)
		return -1;
	g_object_unref(*image);
	*image = *next;
	return 0;
}

static int
load_bmp(VipsImage **image, const void *data, size_t len, uint64_t max_pixels,
    struct fit_reply *reply)
{
	VipsImage *next;
	bool too_many;
	int size[3];
	void *pixels = fit_read_bmp(data, len, max_pixels, size, &too_many);

	reply->outcome = too_many ? FIT_TOO_MANY_PIXELS : FIT_UNREADABLE;
	if (pixels != NULL)
		*image = vips_image_new_from_memory_copy(pixels,
		    (size_t)size[0] * (size_t)size[1] * (size_t)size[2], size[0], size[1],
		    size[2], VIPS_FORMAT_UCHAR);
	free(pixels);
	return *image == NULL ? -1
	                      : advance(image, &next,
	                            vips_copy(*image, &next, "interpretation",
	                                VIPS_INTERPRETATION_sRGB, NULL));
}

/* How many times smaller libjpeg decodes a photo for a thumbnail: 1, 2, 4 or 8. */
static int
shrink_of(const struct photo *photo, const struct fit_request *request)
{
	uint32_t size = request->options.thumbnail, w = photo->facts.width,
	         h = photo->facts.height;
	int shrink = 1;

	if (size > 0 && photo->facts.type == IMAGE_JPEG)
		while (shrink < 8 && (w > h ? w : h) / (2 * (unsigned)shrink) >= size)
			shrink *= 2;
	return shrink;
}

static VipsImage *
open_source(VipsSource *source, const struct photo *photo,
    const struct fit_request *request, bool strict)
{
	bool jpeg = photo->facts.type == IMAGE_JPEG;
	int shrink = shrink_of(photo, request);
	/* libjpeg only warns when data ends too early; libpng warns of harmless things */
	VipsFailOn fail_on = request->options.thumbnail > 0 ? VIPS_FAIL_ON_NONE
	                     : strict && jpeg               ? VIPS_FAIL_ON_WARNING
	                                                    : VIPS_FAIL_ON_ERROR;

	if (shrink > 1) /* an option of JPEG alone */
		return vips_image_new_from_source(source, "", "memory", TRUE, "fail_on",
		    fail_on, "shrink", shrink, NULL);
	return vips_image_new_from_source(
	    source, "", "memory", TRUE, "fail_on", fail_on, NULL);
}

static int
load(VipsImage **image, const void *data, size_t len, const struct photo *photo,
    const struct fit_request *request, bool strict, struct fit_reply *reply)
{
	uint64_t max_pixels = request->photo.options.max_pixels;
	int orientation = request->options.orientation;
	VipsSource *source = vips_source_new_from_memory(data, len);
	VipsImage *next;
	uint64_t pixels, shrink;

	if (strcmp(photo->type, "image/bmp") == 0 ||
	    strcmp(photo->type, "image/x-ms-bmp") == 0) {
		g_object_unref(source);
		return load_bmp(image, data, len, max_pixels, reply);
	}
	*image = open_source(source, photo, request, strict);
	g_object_unref(source);
	reply->outcome = FIT_UNREADABLE;
	if (*image == NULL)
		return -1;
	pixels = (uint64_t)(*image)->Xsize * (uint64_t)(*image)->Ysize;
	shrink = (uint64_t)shrink_of(photo, request);
	pixels *= shrink * shrink;
	if (max_pixels > 0 && pixels > max_pixels) {
		reply->outcome = FIT_TOO_MANY_PIXELS;
		return -1;
	}
	if (advance(image, &next, vips_copy(*image, &next, NULL)) < 0)
		return -1;
	/* as av-validate reads it, wherever the file has it */
	if (orientation == 0 && photo->facts.type != IMAGE_OTHER)
		orientation = photo->orientation;
	if (orientation > 0)
		vips_image_set_int(*image, VIPS_META_ORIENTATION, orientation);
	return 0;
}

static int
turn(VipsImage **image, struct fit_done *done)
{
	int orientation = vips_image_get_orientation(*image);
	VipsImage *next;

	if (orientation > 1)
		done->orientation = (uint8_t)orientation;
	return advance(image, &next, vips_autorot(*image, &next, NULL));
}

/* Converts to 8 bits of gray or sRGB, with alpha. A colour profile stays when it still
 * holds. */
static int
to_screen(VipsImage **image, struct fit_done *done)
{
	VipsInterpretation from = vips_image_guess_interpretation(*image);
	VipsInterpretation to =
	    from == VIPS_INTERPRETATION_GREY16 || from == VIPS_INTERPRETATION_B_W
	        ? VIPS_INTERPRETATION_B_W
	        : VIPS_INTERPRETATION_sRGB;
	bool profile_holds =
	    to == VIPS_INTERPRETATION_B_W || from == VIPS_INTERPRETATION_sRGB ||
	    from == VIPS_INTERPRETATION_RGB16 || from == VIPS_INTERPRETATION_RGB;
	VipsImage *next;

	if (from == VIPS_INTERPRETATION_CMYK) {
		done->rgb = true;
		return advance(image, &next,
		    vips_icc_transform(*image, &next, "srgb", "embedded", TRUE,
		        "input_profile", "cmyk", "depth", 8, NULL));
	}
	if (from != to &&
	    advance(image, &next, vips_colourspace(*image, &next, to, NULL)) < 0)
		return -1;
	if (!profile_holds) {
		if (advance(image, &next, vips_copy(*image, &next, NULL)) < 0)
			return -1;
		vips_image_remove(*image, VIPS_META_ICC_NAME);
	}
	if ((*image)->BandFmt == VIPS_FORMAT_UCHAR)
		return 0;
	return advance(image, &next, vips_cast(*image, &next, VIPS_FORMAT_UCHAR, NULL));
}

static int
crop_at(VipsImage *in, VipsImage **out, const struct fit_plan *plan, enum gravity gravity)
{
	int w = (int)plan->crop_w, h = (int)plan->crop_h;
	int left = (in->Xsize - w) / 2, top = (in->Ysize - h) / 2;

	switch (gravity) {
	case GRAVITY_ATTENTION:
		return vips_smartcrop(
		    in, out, w, h, "interesting", VIPS_INTERESTING_ATTENTION, NULL);
	case GRAVITY_ENTROPY:
		return vips_smartcrop(
		    in, out, w, h, "interesting", VIPS_INTERESTING_ENTROPY, NULL);
	case GRAVITY_CENTRE:
		break;
	case GRAVITY_NORTH:
		top = 0;
		break;
	case GRAVITY_SOUTH:
		top = in->Ysize - h;
		break;
	case GRAVITY_EAST:
		left = in->Xsize - w;
		break;
	case GRAVITY_WEST:
		left = 0;
		break;
	}
	return vips_extract_area(in, out, left, top, w, h, NULL);
}

static int
crop(VipsImage **image, const struct fit_plan *plan, const struct fit_options *options,
    struct fit_done *done)
{
	VipsImage *next;

	memset(done->crop, 0, sizeof done->crop);
	if ((*image)->Xsize == (int)plan->crop_w && (*image)->Ysize == (int)plan->crop_h)
		return 0;
	if (advance(image, &next, crop_at(*image, &next, plan, options->gravity)) < 0)
		return -1;
	done->crop[0] = (uint32_t) - (*image)->Xoffset;
	done->crop[1] = (uint32_t) - (*image)->Yoffset;
	done->crop[2] = plan->crop_w;
	done->crop[3] = plan->crop_h;
	return 0;
}

static int
resize(VipsImage **image, const struct fit_plan *plan)
{
	double across = (double)plan->inner_w / (*image)->Xsize;
	double down = (double)plan->inner_h / (*image)->Ysize;
	VipsImage *next;

	return advance(
	    image, &next, vips_resize(*image, &next, across, "vscale", down, NULL));
}

/* Scales; premultiplied, so that transparent pixels do not colour their neighbours. */
static int
scale(VipsImage **image, const struct fit_plan *plan, struct fit_done *done)
{
	VipsImage *next;

	memset(done->scaled, 0, sizeof done->scaled);
	if ((*image)->Xsize == (int)plan->inner_w &&
	    (*image)->Ysize == (int)plan->inner_h)
		return 0;
	done->scaled[0] = plan->inner_w;
	done->scaled[1] = plan->inner_h;
	if (!vips_image_hasalpha(*image))
		return resize(image, plan);
	if (advance(image, &next, vips_premultiply(*image, &next, NULL)) < 0 ||
	    resize(image, plan) < 0 ||
	    advance(image, &next, vips_unpremultiply(*image, &next, NULL)) < 0)
		return -1;
	return advance(image, &next, vips_cast(*image, &next, VIPS_FORMAT_UCHAR, NULL));
}

/* The colour in the bands of the picture: gray or RGB, and opaque. */
static VipsArrayDouble *
colour_of(VipsImage *image, const struct fit_options *options)
{
	const double *c = options->colour;
	bool gray = image->Bands < 3;
	double v[4] = {gray ? 0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2] : c[0],
	    gray ? 255 : c[1], c[2], 255};

	return vips_array_double_new(v, image->Bands);
}

static int
pad(VipsImage **image, const struct fit_plan *plan, const struct fit_options *options,
    struct fit_done *done)
{
	int left = ((int)plan->width - (*image)->Xsize) / 2;
	int top = ((int)plan->height - (*image)->Ysize) / 2;
	const double *c = options->colour;
	VipsArrayDouble *colour;
	VipsImage *next;
	int result;

	memset(done->padded, 0, sizeof done->padded);
	if ((*image)->Xsize == (int)plan->width && (*image)->Ysize == (int)plan->height)
		return 0;
	done->padded[0] = plan->width;
	done->padded[1] = plan->height;
	if ((*image)->Bands < 3 && (c[0] != c[1] || c[1] != c[2]) &&
	    advance(image, &next,
	        vips_colourspace(*image, &next, VIPS_INTERPRETATION_sRGB, NULL)) < 0)
		return -1;
	colour = colour_of(*image, options);
	result = vips_embed(*image, &next, left, top, (int)plan->width, (int)plan->height,
	    "extend", VIPS_EXTEND_BACKGROUND, "background", colour, NULL);
	vips_area_unref(VIPS_AREA(colour));
	return advance(image, &next, result);
}

/* Removes the fields of an animation and, unless they are to be kept, all metadata but
 * the colour profile; of a thumbnail, whose profile may be larger than its pixels, that
 * as well. */
static int
strip(VipsImage **image, const struct fit_options *options, struct fit_done *done)
{
	static const char *const film[] = {"n-pages", "page-height", "loop", "delay",
	    "gif-loop", "gif-delay", "background", "palette-bit-depth",
	    "bits-per-sample"};
	VipsImage *next;
	char **fields;

	if (options->thumbnail > 0 &&
	    vips_image_get_typeof(*image, VIPS_META_ICC_NAME) != 0)
		(void)advance(image, &next,
		    vips_icc_transform(
		        *image, &next, "srgb", "embedded", TRUE, "depth", 8, NULL));
	if (advance(image, &next, vips_copy(*image, &next, NULL)) < 0)
		return -1;
	for (size_t i = 0; i < sizeof film / sizeof *film; i++)
		vips_image_remove(*image, film[i]);
	if (options->keep_metadata)
		return 0;
	done->stripped = vips_image_get_typeof(*image, VIPS_META_EXIF_NAME) != 0 ||
	                 vips_image_get_typeof(*image, VIPS_META_XMP_NAME) != 0 ||
	                 vips_image_get_typeof(*image, VIPS_META_IPTC_NAME) != 0;
	fields = vips_image_get_fields(*image);
	for (char **f = fields; f != NULL && *f != NULL; f++)
		if (options->thumbnail > 0 || strcmp(*f, VIPS_META_ICC_NAME) != 0)
			vips_image_remove(*image, *f);
	g_strfreev(fields);
	return 0;
}

/* Carries out the plan, into memory. */
static VipsImage *
follow(VipsImage *whole, const struct fit_plan *plan, const struct fit_options *options,
    struct fit_done *done)
{
	VipsImage *image = g_object_ref(whole), *next;

	if (crop(&image, plan, options, done) == 0 && scale(&image, plan, done) == 0 &&
	    pad(&image, plan, options, done) == 0 && strip(&image, options, done) == 0 &&
	    (next = vips_image_copy_memory(image)) != NULL) {
		g_object_unref(image);
		return next;
	}
	g_object_unref(image);
	return NULL;
}

static bool
allowed(const struct image_limits *limits, enum image_type type)
{
	const char *const *t = limits->types;

	if (t == NULL)
		return true;
	while (*t != NULL)
		if (strcmp(*t++, mime[type]) == 0)
			return true;
	return false;
}

/* The types to try, in order, then IMAGE_OTHER. A PNG stays one if the limits allow. */
static void
choose_types(const struct image_limits *limits, const struct fit_options *options,
    enum image_type from, enum image_type types[4])
{
	static const enum image_type usual[] = {IMAGE_JPEG, IMAGE_WEBP, IMAGE_PNG};
	size_t n = 0;

	if (options->type != IMAGE_OTHER) {
		if (allowed(limits, options->type))
			types[n++] = options->type;
		types[n] = IMAGE_OTHER;
		return;
	}
	if (from == IMAGE_PNG && allowed(limits, IMAGE_PNG))
		types[n++] = IMAGE_PNG;
	for (size_t i = 0; i < 3; i++)
		if (allowed(limits, usual[i])) {
			types[n++] = usual[i];
			break;
		}
	types[n] = IMAGE_OTHER;
}

/* Encodes as one type, without transparency for JPEG. 0, 1 when it has too many bytes, or
 * -1. */
static int
encode_as(VipsImage *image, enum image_type type, const struct fit_request *request,
    struct fit_reply *reply, void **made)
{
	VipsImage *flat = g_object_ref(image), *next;
	bool flatten = type == IMAGE_JPEG && vips_image_hasalpha(image);
	size_t len = 0;
	int result = 0;

	if (flatten) {
		VipsArrayDouble *colour =
		    vips_array_double_new(request->options.colour, 3);
		if (image->Bands < 3)
			result = advance(&flat, &next,
			    vips_colourspace(
			        flat, &next, VIPS_INTERPRETATION_sRGB, NULL));
		if (result == 0)
			result = advance(&flat, &next,
			    vips_flatten(flat, &next, "background", colour, NULL));
		vips_area_unref(VIPS_AREA(colour));
	}
	if (result == 0)
		result =
		    fit_encode(flat, type, request, made, &len, &reply->done.quality);
	g_object_unref(flat);
	if (result != 0)
		return result;
	reply->outcome = FIT_MADE;
	reply->type = type;
	reply->bytes = len;
	reply->done.flat = flatten;
	return 0;
}

/* Makes one size, in the first type that fits. Returns as encode_as. */
static int
attempt(VipsImage *whole, const struct fit_plan *plan, const enum image_type *types,
    const struct fit_request *request, struct fit_reply *reply, void **made)
{
	VipsImage *image = follow(whole, plan, &request->options, &reply->done);
	int result = 1;

	reply->outcome = FIT_UNDECODABLE;
	if (image == NULL)
		return -1;
	reply->outcome = FIT_UNENCODABLE;
	while (result > 0 && *types != IMAGE_OTHER)
		result = encode_as(image, *types++, request, reply, made);
	g_object_unref(image);
	return result;
}

/* Makes the photo smaller until its bytes fit. */
static void
shrink_to_fit(VipsImage *whole, enum image_type from, const struct fit_request *request,
    struct fit_reply *reply, void **made)
{
	enum image_type types[4];
	struct fit_plan plan, last = {0};
	struct err e;
	int result = 1;

	reply->width = (uint32_t)whole->Xsize;
	reply->height = (uint32_t)whole->Ysize;
	choose_types(&request->limits.image, &request->options, from, types);
	reply->outcome = FIT_NO_TYPE;
	if (types[0] == IMAGE_OTHER)
		return;
	reply->shrink = 1;
	while (result > 0) {
		reply->outcome = FIT_NO_SIZE;
		if (fit_plan(&request->limits.image, &request->options, reply->width,
		        reply->height, reply->shrink, &plan, &e) < 0)
			return;
		reply->outcome = FIT_TOO_MANY_BYTES;
		if (memcmp(&plan, &last, sizeof plan) == 0)
			return;
		last = plan;
		result = attempt(whole, &plan, types, request, reply, made);
		reply->shrink *= SHRINK;
	}
}

/* Turns and converts the picture, and decodes it once. */
static int
prepare(VipsImage **image, struct fit_reply *reply)
{
	VipsImage *next;

	reply->outcome = FIT_UNDECODABLE;
	if (turn(image, &reply->done) < 0 || to_screen(image, &reply->done) < 0 ||
	    (next = vips_image_copy_memory(*image)) == NULL)
		return -1;
	g_object_unref(*image);
	*image = next;
	return 0;
}

void
fit_mend(const void *data, size_t len, const struct photo *photo,
    const struct fit_request *request, bool strict, struct fit_reply *reply, void **made)
{
	VipsImage *image = NULL;

	*made = NULL;
	if (load(&image, data, len, photo, request, strict, reply) == 0 &&
	    prepare(&image, reply) == 0)
		shrink_to_fit(image, photo->facts.type, request, reply, made);
	if (image != NULL)
		g_object_unref(image);
}
