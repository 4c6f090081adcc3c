#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/mem.h"
#include "photo/photo.h"
#include "photo/source.h"

#define PIECE       (32 * 1024)
#define PIECE_QUICK 4096
#define TYPE_BYTES  4096 /* for libmagic */

/* For smaller files a thread costs more than it saves. */
#define SIZE_APART ((uint64_t)2 << 20)

/* Pieces of a header at most: no header ends so late. */
#define PIECES_QUICK 256

static const char *const mime[] = {
    [IMAGE_JPEG] = "image/jpeg",
    [IMAGE_PNG] = "image/png",
    [IMAGE_WEBP] = "image/webp",
};

/* One pass over a file, a piece at a time. */
struct pass {
	int fd;
	uint64_t size, at;
	uint8_t *piece;
	size_t n;
	struct image_reader *image; /* NULL: not JPEG, PNG or WebP */
};

bool
photo_is_quick(const struct photo_options *options, uint64_t size)
{
	return options->depth == PHOTO_QUICK || size > PHOTO_MAX_BYTES ||
	       (options->max_bytes > 0 && size > options->max_bytes);
}

int
photo_unreadable(enum code code, struct err *e)
{
	return code == CODE_FILE_UNREADABLE
	           ? err_set(e, code, "cannot read the photo:")
	           : err_set(e, CODE_CHANGED_WHILE_READ,
	                 "the photo's file became shorter while it was read");
}

/* Reads the next max bytes, or what is left of the file. */
static int
next_piece(struct pass *pass, size_t max, struct err *e)
{
	uint64_t left = pass->size - pass->at;
	size_t want = left < max ? (size_t)left : max;

	for (pass->n = 0; pass->n < want;) {
		ssize_t got = TEMP_FAILURE_RETRY(pread(
		    pass->fd, pass->piece + pass->n, want - pass->n, (off_t)pass->at));
		if (got < 0)
			return photo_unreadable(CODE_FILE_UNREADABLE, e);
		if (got == 0)
			return photo_unreadable(CODE_CHANGED_WHILE_READ, e);
		pass->n += (size_t)got;
		pass->at += (uint64_t)got;
	}
	return 0;
}

/* Where a JPEG begins behind other bytes, such as the head of a response; or 0. */
static uint64_t
find_jpeg(const uint8_t *p, size_t n)
{
	for (size_t i = 1; i + 3 < n; i++)
		if (p[i] == 0xff && p[i + 1] == 0xd8 && p[i + 2] == 0xff &&
		    p[i + 3] >= 0xc0 && p[i + 3] < 0xff)
			return i;
	return 0;
}

/* Sets the type from the first piece. */
static void
identify(struct pass *pass, const struct photo_options *options, struct filetype *types,
    struct photo *photo)
{
	enum image_type type = image_detect(pass->piece, pass->n);
	size_t n = pass->n < TYPE_BYTES ? pass->n : TYPE_BYTES;
	const char *name =
	    type != IMAGE_OTHER ? mime[type] : filetype_of(types, pass->piece, n);

	snprintf(photo->type, sizeof photo->type, "%s", name);
	photo->facts.type = type;
	if (type != IMAGE_OTHER)
		pass->image = image_new(type, options->max_pixels, options->at_once);
	else
		photo->facts.end = find_jpeg(pass->piece, pass->n);
}

static int
read_header(struct pass *pass, struct err *e)
{
	for (unsigned n = 0; pass->image != NULL && n < PIECES_QUICK; n++) {
		const struct image_facts *f = image_facts(pass->image);
		image_feed(pass->image, pass->piece, pass->n);
		if (f->header_end || f->state != IMAGE_OPEN)
			break;
		pass->at += image_skip(pass->image, pass->size - pass->at);
		if (pass->at == pass->size) {
			image_finish(pass->image);
			break;
		}
		if (next_piece(pass, 8 * PIECE_QUICK, e) != 0)
			return -1;
	}
	return 0;
}

/* Reads the rest of the file. sha gets all bytes; it may be NULL. */
static int
read_pieces(struct pass *pass, struct sha256 *sha, struct err *e)
{
	for (;;) {
		if (sha != NULL)
			sha256_add(sha, pass->piece, pass->n);
		if (pass->image != NULL)
			image_feed(pass->image, pass->piece, pass->n);
		if (pass->at == pass->size)
			break;
		if (next_piece(pass, PIECE, e) != 0)
			return -1;
	}
	if (pass->image != NULL)
		image_finish(pass->image);
	return 0;
}

/* The digest of the file, computed by a thread of its own. */
struct digest {
	pthread_t thread;
	int fd;
	char hex[SHA256_HEX];
	bool made;
	int error; /* errno */
};

static void *
make_digest(void *arg)
{
	struct digest *d = arg;

	errno = 0;
	d->made = sha256_file(d->fd, d->hex);
	d->error = errno;
	return NULL;
}

static int
read_all(struct pass *pass, const struct photo_options *options, char hex[SHA256_HEX],
    struct err *e)
{
	struct digest d = {.fd = pass->fd};
	bool apart = options->spare_core && pass->size >= SIZE_APART &&
	             pthread_create(&d.thread, NULL, make_digest, &d) == 0;
	struct sha256 sha;
	int status;

	sha256_init(&sha);
	status = read_pieces(pass, apart ? NULL : &sha, e);
	if (!apart) {
		sha256_hex(&sha, hex);
		return status;
	}
	(void)pthread_join(d.thread, NULL);
	memcpy(hex, d.hex, SHA256_HEX);
	if (status == 0 && !d.made) {
		errno = d.error;
		status = photo_unreadable(CODE_FILE_UNREADABLE, e);
	}
	return status;
}

void
photo_display(const struct photo *photo, uint32_t *width, uint32_t *height)
{
	bool swap = photo->orientation >= 5;

	*width = swap ? photo->height : photo->width;
	*height = swap ? photo->width : photo->height;
}

#define CONVERTS "av-fit converts it"
/* av-fit leaves a photo alone that is acceptable */
#define CONVERTS_ALWAYS "av-fit --always converts it"

/* Neither JPEG, PNG nor WebP: another picture, or no picture at all. */
static void
find_other_type(struct photo *photo)
{
	const char *type = photo->type;
	bool text = strncmp(type, "text/", 5) == 0 ||
	            strcmp(type, "application/json") == 0 ||
	            strcmp(type, "application/xml") == 0;
	uintmax_t jpeg = photo->facts.end;
	char fix[64];

	snprintf(fix, sizeof fix, "tail -c +%ju cuts off what is before it", jpeg + 1);
	if (strncmp(type, "image/", 6) == 0)
		finding_add(&photo->findings, CODE_NOT_JUDGED, SEVERITY_RISKY, type,
		    "image/jpeg, image/png, image/webp", filetype_fix(type),
		    "only JPEG, PNG and WebP can be checked; this photo is %s", type);
	else if (jpeg > 0)
		finding_add(&photo->findings, CODE_NOT_A_PICTURE, SEVERITY_REFUSED, type,
		    "a picture", fix,
		    "the file is not a picture, it is %s; a JPEG begins at byte %ju",
		    type, jpeg);
	else
		finding_add(&photo->findings, CODE_NOT_A_PICTURE, SEVERITY_REFUSED, type,
		    "a picture",
		    text
		        ? "open it in an editor: it may be the error message of a failed download"
		        : NULL,
		    "the file is not a picture, it is %s", type);
}

bool
photo_needs_decoder(const struct photo *photo)
{
	const struct image_facts *f = &photo->facts;

	return (f->type == IMAGE_JPEG || f->type == IMAGE_WEBP) && f->header &&
	       f->state >= IMAGE_ODD && photo->pixels == PHOTO_NOT_DECODED;
}

/* The structure breaks rules, and the pixels are sound all the same: a decoder has told,
 * or (PNG) every byte of them was inflated. */
static bool
is_acquitted(const struct photo *photo)
{
	return photo->pixels != PHOTO_NOT_DECODED ||
	       (photo->facts.type == IMAGE_PNG && photo->facts.state == IMAGE_ODD);
}

static bool
is_shown(const struct photo *photo)
{
	return photo->facts.state == IMAGE_COMPLETE ||
	       (photo->facts.state >= IMAGE_ODD && is_acquitted(photo));
}

/* A decoder said nothing: a note. It warned, or (PNG) libpng would: risky. */
static void
find_odd_structure(struct photo *photo, const char *name, const char *got)
{
	const struct image_facts *f = &photo->facts;
	bool silent = photo->pixels == PHOTO_SOUND;

	if (f->odd || f->state == IMAGE_DAMAGED)
		finding_add(&photo->findings, CODE_ODD_STRUCTURE,
		    silent ? SEVERITY_NOTE : SEVERITY_RISKY, got,
		    "a picture without faults",
		    silent ? "av-fit --always writes it anew" : "av-fit writes it anew",
		    "the %s is odd at byte %ju, but its pixels are sound: %s", name,
		    (uintmax_t)f->odd_at, f->reason);
}

static void
find_damage(struct photo *photo)
{
	static const char *const names[] = {
	    [IMAGE_JPEG] = "JPEG", [IMAGE_PNG] = "PNG", [IMAGE_WEBP] = "WebP"};
	const struct image_facts *f = &photo->facts;
	const char *name = names[f->type];
	char got[64];

	if (f->state == IMAGE_TRUNCATED) {
		snprintf(got, sizeof got, "%ju bytes", (uintmax_t)photo->bytes);
		finding_add(&photo->findings, CODE_TRUNCATED, SEVERITY_REFUSED, got,
		    "a complete picture", "copy or download it again",
		    "the %s is incomplete: %s", name, f->reason);
	}
	if (f->state < IMAGE_ODD)
		return;
	snprintf(got, sizeof got, "byte %ju", (uintmax_t)f->odd_at);
	if (is_acquitted(photo))
		find_odd_structure(photo, name, got);
	else
		finding_add(&photo->findings, CODE_DAMAGED, SEVERITY_REFUSED, got,
		    "a picture without damage", "copy or download it again",
		    "the %s is damaged at byte %ju: %s", name, (uintmax_t)f->odd_at,
		    f->reason);
}

static void
find_scans_missing(struct photo *photo)
{
	if (photo->facts.scans_missing && is_shown(photo))
		finding_add(&photo->findings, CODE_SCANS_MISSING, SEVERITY_RISKY, NULL,
		    "all scans", CONVERTS, "the progressive JPEG lacks its last details");
}

static void
find_bytes_after(struct photo *photo)
{
	static const char *const what[] = {[TRAILER_UNKNOWN] = "",
	    [TRAILER_ZEROS] = " (all zero)",
	    [TRAILER_PICTURE] = " (another picture)",
	    [TRAILER_GAIN_MAP] = " (a gain map for HDR screens)",
	    [TRAILER_MOVIE] = " (the movie of a Motion Photo)",
	    [TRAILER_SAMSUNG] = " (data of a Samsung phone, SEF)",
	    [TRAILER_LISTED] = " (what the photo's own metadata lists)",
	    [TRAILER_HDR_PLUS] = " (notes of Google's camera, HDR+)",
	    [TRAILER_VENDOR] = " (data of the camera's or a photo program)"};
	const struct image_facts *f = &photo->facts;
	bool harmless = f->trailer != TRAILER_UNKNOWN;
	char got[64];

	if (!is_shown(photo) || f->after == 0)
		return;
	snprintf(got, sizeof got, "%ju bytes after byte %ju", (uintmax_t)f->after,
	    (uintmax_t)f->end);
	finding_add(&photo->findings, CODE_BYTES_AFTER_END,
	    harmless ? SEVERITY_NOTE : SEVERITY_RISKY, got, "none",
	    harmless ? "av-fit --always drops them" : "av-fit drops them",
	    "%ju bytes follow the end of the picture%s", (uintmax_t)f->after,
	    what[f->trailer]);
}

static void
find_too_many_bytes(struct photo *photo)
{
	char got[64], wanted[64];

	if (photo->bytes <= PHOTO_MAX_BYTES)
		return;
	snprintf(got, sizeof got, "%ju bytes", (uintmax_t)photo->bytes);
	snprintf(wanted, sizeof wanted, "at most %ju bytes", (uintmax_t)PHOTO_MAX_BYTES);
	finding_add(&photo->findings, CODE_TOO_MANY_BYTES, SEVERITY_REFUSED, got, wanted,
	    NULL, "the file is too large to be read: it has %s", got);
}

static void
find_too_many_pixels(struct photo *photo, const struct photo_options *options)
{
	uint64_t pixels = (uint64_t)photo->width * photo->height;
	char got[64], wanted[64];

	if (options->max_pixels == 0 || pixels <= options->max_pixels)
		return;
	snprintf(got, sizeof got, "%ux%u", photo->width, photo->height);
	snprintf(
	    wanted, sizeof wanted, "at most %ju pixels", (uintmax_t)options->max_pixels);
	finding_add(&photo->findings, CODE_TOO_MANY_PIXELS, SEVERITY_REFUSED, got, wanted,
	    "raise --max-pixels if the picture is really so large",
	    "the picture has %ju pixels; at most %ju are decoded", (uintmax_t)pixels,
	    (uintmax_t)options->max_pixels);
}

static void
find_unusual_coding(struct photo *photo)
{
	const struct image_facts *f = &photo->facts;
	struct findings *fs = &photo->findings;

	if (f->exotic)
		finding_add(fs, CODE_UNUSUAL_CODING, SEVERITY_REFUSED,
		    "lossless or hierarchical", "baseline or progressive", NULL,
		    "this kind of JPEG is so rare that hardly any program reads it");
	else if (f->type == IMAGE_JPEG && f->depth == 12)
		finding_add(fs, CODE_UNUSUAL_CODING, SEVERITY_REFUSED, "12 bits",
		    "8 bits", NULL,
		    "hardly any program reads a JPEG with 12 bits a channel");
	else if (f->arithmetic)
		finding_add(fs, CODE_UNUSUAL_CODING, SEVERITY_RISKY, "arithmetic coding",
		    "Huffman coding", CONVERTS,
		    "few programs read a JPEG with arithmetic coding");
	else if (f->no_tables && is_shown(photo))
		finding_add(fs, CODE_UNUSUAL_CODING, SEVERITY_RISKY, "no Huffman tables",
		    "a JPEG with its tables", CONVERTS,
		    "few programs read a JPEG without Huffman tables; webcams make them");
	if (f->cmyk)
		finding_add(fs, CODE_CMYK, SEVERITY_RISKY, "CMYK", "RGB", CONVERTS,
		    "the colours are for print (CMYK); a service may show them wrong or refuse them");
	if (f->animated)
		finding_add(fs, CODE_ANIMATED, SEVERITY_RISKY, "animation",
		    "a still picture", CONVERTS,
		    "the picture is an animation; a service may take any frame of it, or none");
	if (f->type == IMAGE_PNG && f->depth == 16)
		finding_add(fs, CODE_DEPTH_16, SEVERITY_NOTE, "16 bits", "8 bits",
		    CONVERTS_ALWAYS, "the picture has 16 bits a channel; services use 8");
	if (f->palette)
		finding_add(fs, CODE_PALETTE, SEVERITY_NOTE, "palette", "RGB",
		    CONVERTS_ALWAYS, "the picture has a palette of at most 256 colours");
	if (f->alpha)
		finding_add(fs, CODE_ALPHA, SEVERITY_NOTE, "transparency", "none",
		    CONVERTS_ALWAYS,
		    "the picture has transparent parts; the service decides what shows there");
}

static void
find_orientation_unclear(struct photo *photo)
{
	const struct image_facts *f = &photo->facts;
	char got[64] = "Exif that cannot be read";

	if (!f->exif_unread && (f->orientation > 0 || f->other_orientation < 2))
		return;
	if (!f->exif_unread)
		snprintf(got, sizeof got, "orientation %u beside the first Exif",
		    f->other_orientation);
	finding_add(&photo->findings, CODE_ORIENTATION_UNCLEAR, SEVERITY_RISKY, got,
	    "an orientation in the first Exif",
	    "av-fit --orientation N turns it; 1: as it is stored",
	    f->exif_unread
	        ? "which way up the photo is cannot be read: its Exif is malformed"
	        : "programs disagree which way up the photo is: not all look where it says %u",
	    f->other_orientation);
}

static void
find_metadata(struct photo *photo)
{
	char got[80];
	uint32_t width, height;

	find_orientation_unclear(photo);
	if (photo->orientation > 1) {
		photo_display(photo, &width, &height);
		snprintf(got, sizeof got, "orientation %u, stored %ux%u, shown %ux%u",
		    photo->orientation, photo->width, photo->height, width, height);
		finding_add(&photo->findings, CODE_TURNED, SEVERITY_RISKY, got,
		    "orientation 1", "av-fit turns it",
		    "the picture is stored turned; a service that ignores Exif shows it turned");
	}
	if (photo->facts.gps)
		finding_add(&photo->findings, CODE_GPS, SEVERITY_NOTE, "a place", "none",
		    "av-fit --always removes it",
		    "the metadata tells where the picture was taken");
}

void
photo_find(struct photo *photo, const struct photo_options *options)
{
	find_too_many_bytes(photo);
	if (photo->facts.type == IMAGE_OTHER) {
		find_other_type(photo);
		return;
	}
	find_damage(photo);
	find_scans_missing(photo);
	find_bytes_after(photo);
	find_too_many_pixels(photo, options);
	find_unusual_coding(photo);
	find_metadata(photo);
}

int
photo_check(int fd, uint64_t size, const struct photo_options *options,
    struct filetype *types, struct photo *photo, struct err *e)
{
	bool quick = photo_is_quick(options, size);
	struct pass pass = {.fd = fd, .size = size};
	int status;

	memset(photo, 0, sizeof *photo);
	photo->bytes = size;
	pass.piece = mem_new(PIECE, 1);
	status = next_piece(&pass, quick ? PIECE_QUICK : PIECE, e);
	if (status == 0) {
		identify(&pass, options, types, photo);
		status = quick ? read_header(&pass, e)
		               : read_all(&pass, options, photo->sha256, e);
	}
	if (status == 0) {
		if (pass.image != NULL)
			photo->facts = *image_facts(pass.image);
		photo->width = photo->facts.width;
		photo->height = photo->facts.height;
		photo->orientation =
		    photo->facts.orientation > 0 ? photo->facts.orientation : 1;
		photo_find(photo, options);
	}
	image_free(pass.image);
	free(pass.piece);
	return status;
}

/* Extensions, and the type that each stands for; the usual one of a type first. */
static const struct {
	const char *ext, *type;
} extensions[] = {{"jpg", "image/jpeg"}, {"jpeg", "image/jpeg"}, {"jpe", "image/jpeg"},
    {"jfif", "image/jpeg"}, {"png", "image/png"}, {"apng", "image/png"},
    {"webp", "image/webp"}, {"gif", "image/gif"}, {"heic", "image/heic"},
    {"heif", "image/heic"}, {"hif", "image/heic"}, {"avif", "image/avif"},
    {"tif", "image/tiff"}, {"tiff", "image/tiff"}, {"bmp", "image/bmp"},
    {"txt", "text/plain"}, {"pdf", "application/pdf"}};

#define EXTENSIONS (sizeof extensions / sizeof *extensions)

/* The type that the extension of a path stands for, or NULL. *dot: where it begins, or
 * NULL. */
static const char *
type_of_path(const char *path, const char **dot)
{
	const char *base = strrchr(path, '/');

	*dot = strrchr(base != NULL ? base : path, '.');
	for (size_t i = 0; *dot != NULL && i < EXTENSIONS; i++)
		if (strcasecmp(*dot + 1, extensions[i].ext) == 0)
			return extensions[i].type;
	return NULL;
}

char *
photo_name(const char *path, const char *type)
{
	const char *slash = strrchr(path, '/'), *dot;
	const char *name = slash != NULL ? slash + 1 : path;
	const char *found = type_of_path(name, &dot);
	size_t len = found != NULL ? (size_t)(dot - name) : strlen(name), i = 0;

	while (i < EXTENSIONS && strcmp(extensions[i].type, type) != 0)
		i++;
	if (i == EXTENSIONS || (found != NULL && strcmp(found, type) == 0))
		return mem_str(name);
	return mem_printf("%.*s.%s", (int)len, name, extensions[i].ext);
}

void
photo_check_name(struct photo *photo, const char *path)
{
	const char *dot, *expected = type_of_path(path, &dot);

	if (expected == NULL || strcmp(expected, photo->type) == 0)
		return;
	/* HEIC and AVIF may have the general brands of HEIF, such as mif1 */
	if (strncmp(photo->type, "image/hei", 9) == 0 &&
	    (strcmp(expected, "image/heic") == 0 ||
	        (strcmp(expected, "image/avif") == 0 && photo->type[9] == 'f')))
		return;
	finding_add(&photo->findings, CODE_EXTENSION_LIES, SEVERITY_NOTE, photo->type,
	    expected, "rename it", "the name ends in '%s' but the file is %s", dot,
	    photo->type);
}

int
photo_check_file(const char *path, const struct photo_options *options,
    struct filetype *types, struct photo *photo, struct err *e)
{
	struct stat st;
	int fd = -1, status;

	if (photo_open(path, &fd, &st, e) != 0)
		return -1;
	status = photo_check(fd, (uint64_t)st.st_size, options, types, photo, e);
	if (status == 0)
		status = photo_unchanged(fd, &st, e);
	close(fd);
	if (status == 0)
		photo_check_name(photo, path);
	return status;
}
