/* What the facts that the readers gathered amount to. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "photo/photo.h"

#define CONVERTS "av-fit converts it"
#define CONVERTS_TOO                                                                     \
	"av-fit --always converts it" /* what is acceptable, it leaves alone */

static const char *
format_name(enum image_type type)
{
	static const char *const names[] = {[IMAGE_OTHER] = "file",
	    [IMAGE_JPEG] = "JPEG",
	    [IMAGE_PNG] = "PNG",
	    [IMAGE_WEBP] = "WebP"};

	return names[type];
}

/* None of the three formats: another picture, or none at all. */
static void
judge_other(struct photo *photo)
{
	const char *type = photo->type;
	bool text = strncmp(type, "text/", 5) == 0 ||
	            strcmp(type, "application/json") == 0 ||
	            strcmp(type, "application/xml") == 0;

	if (strncmp(type, "image/", 6) == 0)
		finding_add(&photo->findings, CODE_NOT_JUDGED, SEVERITY_RISKY, type,
		    "image/jpeg, image/png, image/webp", CONVERTS,
		    "only JPEG, PNG and WebP are looked into, this is %s", type);
	else
		finding_add(&photo->findings, CODE_NOT_A_PICTURE, SEVERITY_REFUSED, type,
		    "a picture",
		    text ? "look into it: a failed download leaves the server's message"
		         : NULL,
		    "the file is %s, no picture", type);
}

static void
judge_whole(struct photo *photo)
{
	const struct image_facts *f = &photo->facts;
	const char *name = format_name(f->type);
	char got[64];

	if (f->state == IMAGE_TRUNCATED) {
		snprintf(got, sizeof got, "%ju bytes", (uintmax_t)photo->bytes);
		finding_add(&photo->findings, CODE_TRUNCATED, SEVERITY_REFUSED, got,
		    "a complete picture", "copy or download it again",
		    "the %s is cut short: %s", name, f->reason);
	} else if (f->state == IMAGE_DAMAGED) {
		snprintf(got, sizeof got, "byte %ju", (uintmax_t)f->end);
		finding_add(&photo->findings, CODE_DAMAGED, SEVERITY_REFUSED, got,
		    "a sound picture", "copy or download it again",
		    "the %s is damaged at byte %ju: %s", name, (uintmax_t)f->end,
		    f->reason);
	}
	if (f->scans_missing && f->state == IMAGE_COMPLETE)
		finding_add(&photo->findings, CODE_SCANS_MISSING, SEVERITY_RISKY, NULL,
		    "all scans", CONVERTS,
		    "the progressive JPEG ends before its last refinements");
}

static void
judge_after(struct photo *photo)
{
	const struct image_facts *f = &photo->facts;
	bool harmless = f->zeros_after || f->picture_after;
	const char *what = f->zeros_after     ? " (all zero)"
	                   : f->picture_after ? " (another picture)"
	                                      : "";
	char got[64];

	if (f->state != IMAGE_COMPLETE || f->after == 0)
		return;
	snprintf(got, sizeof got, "%ju bytes after byte %ju", (uintmax_t)f->after,
	    (uintmax_t)f->end);
	finding_add(&photo->findings, CODE_BYTES_AFTER_END,
	    harmless ? SEVERITY_NOTE : SEVERITY_RISKY, got, "none", "av-fit drops them",
	    "%ju bytes follow the picture's end%s", (uintmax_t)f->after, what);
}

static void
judge_pixels(struct photo *photo, const struct photo_options *options)
{
	uint64_t pixels = (uint64_t)photo->width * photo->height;
	char got[64], wanted[64];

	if (options->max_pixels == 0 || pixels <= options->max_pixels)
		return;
	snprintf(got, sizeof got, "%ux%u", photo->width, photo->height);
	snprintf(
	    wanted, sizeof wanted, "at most %ju pixels", (uintmax_t)options->max_pixels);
	finding_add(&photo->findings, CODE_TOO_MANY_PIXELS, SEVERITY_REFUSED, got, wanted,
	    "raise --max-pixels if it is really meant",
	    "the picture claims %ju million pixels, which nobody decodes unasked",
	    (uintmax_t)(pixels / 1000000));
}

static void
judge_coding(struct photo *photo)
{
	const struct image_facts *f = &photo->facts;
	struct findings *fs = &photo->findings;

	if (f->exotic)
		finding_add(fs, CODE_UNUSUAL_CODING, SEVERITY_REFUSED,
		    "lossless or hierarchical", "baseline or progressive", NULL,
		    "hardly any program reads such a JPEG");
	else if (f->type == IMAGE_JPEG && f->depth == 12)
		finding_add(fs, CODE_UNUSUAL_CODING, SEVERITY_REFUSED, "12 bits",
		    "8 bits", NULL,
		    "hardly any program reads a JPEG of 12 bits a sample");
	else if (f->arithmetic)
		finding_add(fs, CODE_UNUSUAL_CODING, SEVERITY_RISKY, "arithmetic coding",
		    "Huffman coding", CONVERTS,
		    "few programs read a JPEG with arithmetic coding");
	if (f->cmyk)
		finding_add(fs, CODE_CMYK, SEVERITY_RISKY, "CMYK", "RGB", CONVERTS,
		    "the picture has the colours of print; services show them wrong or refuse");
	if (f->animated)
		finding_add(fs, CODE_ANIMATED, SEVERITY_RISKY, "animation",
		    "a still picture", CONVERTS,
		    "the picture is an animation; a service takes any or none of its frames");
	if (f->type == IMAGE_PNG && f->depth == 16)
		finding_add(fs, CODE_DEPTH_16, SEVERITY_NOTE, "16 bits", "8 bits",
		    CONVERTS_TOO, "the picture has 16 bits a channel");
	if (f->palette)
		finding_add(fs, CODE_PALETTE, SEVERITY_NOTE, "palette", "RGB",
		    CONVERTS_TOO, "the picture has a palette instead of true colours");
	if (f->alpha)
		finding_add(fs, CODE_ALPHA, SEVERITY_NOTE, "transparency", "none",
		    CONVERTS_TOO,
		    "the picture has transparency; what shows there is the service's choice");
}

static void
judge_metadata(struct photo *photo)
{
	char got[80];
	uint32_t width, height;

	if (photo->orientation > 1) {
		photo_display(photo, &width, &height);
		snprintf(got, sizeof got, "orientation %u, stored %ux%u, shown %ux%u",
		    photo->orientation, photo->width, photo->height, width, height);
		finding_add(&photo->findings, CODE_TURNED, SEVERITY_RISKY, got,
		    "orientation 1", "av-fit turns it",
		    "the picture is stored turned; a service that ignores Exif shows it so");
	}
	if (photo->facts.gps)
		finding_add(&photo->findings, CODE_GPS, SEVERITY_NOTE, "a place", "none",
		    "av-fit --always strips it",
		    "the metadata says where the picture was taken");
}

void
photo_findings(struct photo *photo, const struct photo_options *options)
{
	if (photo->facts.type == IMAGE_OTHER) {
		judge_other(photo);
		return;
	}
	judge_whole(photo);
	judge_after(photo);
	judge_pixels(photo, options);
	judge_coding(photo);
	judge_metadata(photo);
}

/* The type that an extension promises, or NULL where it promises nothing that we know. */
static const char *
type_of_extension(const char *ext)
{
	static const struct {
		const char *ext, *type;
	} known[] = {{"jpg", "image/jpeg"}, {"jpeg", "image/jpeg"}, {"jpe", "image/jpeg"},
	    {"jfif", "image/jpeg"}, {"png", "image/png"}, {"apng", "image/png"},
	    {"webp", "image/webp"}, {"gif", "image/gif"}, {"heic", "image/heic"},
	    {"avif", "image/avif"}, {"tif", "image/tiff"}, {"tiff", "image/tiff"},
	    {"bmp", "image/bmp"}, {"txt", "text/plain"}, {"pdf", "application/pdf"}};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (strcasecmp(ext, known[i].ext) == 0)
			return known[i].type;
	return NULL;
}

void
photo_check_name(struct photo *photo, const char *path)
{
	const char *base = strrchr(path, '/');
	const char *dot = strrchr(base != NULL ? base : path, '.');
	const char *promised = dot != NULL ? type_of_extension(dot + 1) : NULL;

	if (promised == NULL || strcmp(promised, photo->type) == 0)
		return;
	finding_add(&photo->findings, CODE_EXTENSION_LIES, SEVERITY_NOTE, photo->type,
	    promised, "rename it", "the name ends in '%s' and the file is %s", dot,
	    photo->type);
}
