#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "photo/filetype.h"
#include "photo/limits.h"

/* The service's title, for messages. */
static const char *
service_of(const struct image_limits *limits)
{
	return limits->service != NULL ? limits->service : "the service";
}

static void
check_type(
    const struct photo *photo, const struct image_limits *limits, struct findings *fs)
{
	char wanted[96] = "";
	size_t len = 0;

	if (limits->types == NULL ||
	    finding_get(&photo->findings, CODE_NOT_A_PICTURE) != NULL)
		return;
	for (const char *const *t = limits->types; *t != NULL; t++) {
		if (strcmp(*t, photo->type) == 0)
			return;
		if (len < sizeof wanted)
			len += (size_t)snprintf(wanted + len, sizeof wanted - len, "%s%s",
			    len > 0 ? ", " : "", *t);
	}
	finding_add(fs, CODE_TYPE_REFUSED, SEVERITY_REFUSED, photo->type, wanted,
	    filetype_fix(photo->type), "%s does not take %s", service_of(limits),
	    photo->type);
}

static void
check_bytes(
    const struct photo *photo, const struct image_limits *limits, struct findings *fs)
{
	uint64_t max = limits->max_bytes;
	bool near = photo->bytes <= limits->max_bytes_lenient;
	char got[64], wanted[96];

	if (max == 0 || photo->bytes <= max || photo->bytes > PHOTO_MAX_BYTES)
		return; /* above PHOTO_MAX_BYTES the finding is there already */
	snprintf(got, sizeof got, "%ju bytes", (uintmax_t)photo->bytes);
	snprintf(wanted, sizeof wanted, "at most %ju bytes (1 MB being 1,000,000 bytes)",
	    (uintmax_t)max);
	if (near)
		finding_add(fs, CODE_NEAR_BYTE_LIMIT, SEVERITY_RISKY, got, wanted,
		    "av-fit makes it smaller",
		    "the file may be too large: it is within the limit of %s only if a MB there is 1,048,576 bytes",
		    service_of(limits));
	else
		finding_add(fs, CODE_TOO_MANY_BYTES, SEVERITY_REFUSED, got, wanted,
		    "av-fit makes it smaller",
		    "the file is too large for %s: by %ju bytes", service_of(limits),
		    (uintmax_t)(photo->bytes - max));
}

static void
check_size(uint32_t w, uint32_t h, const struct image_limits *limits, struct findings *fs)
{
	bool swap = limits->either_orientation && h > w;
	uint32_t min_w = swap ? limits->min_height : limits->min_width;
	uint32_t min_h = swap ? limits->min_width : limits->min_height;
	uint32_t max_w = swap ? limits->max_height : limits->max_width;
	uint32_t max_h = swap ? limits->max_width : limits->max_height;
	char got[64], wanted[64];

	snprintf(got, sizeof got, "%ux%u", w, h);
	if (w < min_w || h < min_h) {
		snprintf(wanted, sizeof wanted, "at least %ux%u", min_w, min_h);
		finding_add(fs, CODE_TOO_SMALL, SEVERITY_REFUSED, got, wanted,
		    "use a larger photo, or let av-fit --max-upscale enlarge it",
		    "the picture is too small: %s takes %s, this photo is %s",
		    service_of(limits), wanted, got);
	}
	if ((max_w > 0 && w > max_w) || (max_h > 0 && h > max_h)) {
		snprintf(wanted, sizeof wanted, "at most %ux%u", max_w, max_h);
		finding_add(fs, CODE_TOO_LARGE, SEVERITY_REFUSED, got, wanted,
		    "av-fit scales it",
		    "the picture is too large: %s takes %s, this photo is %s",
		    service_of(limits), wanted, got);
	} else if (limits->max_pixels > 0 && (uint64_t)w * h > limits->max_pixels) {
		snprintf(wanted, sizeof wanted, "at most %ju pixels",
		    (uintmax_t)limits->max_pixels);
		finding_add(fs, CODE_TOO_LARGE, SEVERITY_REFUSED, got, wanted,
		    "av-fit scales it",
		    "the picture has too many pixels: %s takes %s, this photo is %s",
		    service_of(limits), wanted, got);
	}
}

/* True if the shape is the wanted one: exactly or, if it is only advised, to the hundredth. */
static bool
has_aspect(uint32_t w, uint32_t h, const struct aspect *a, bool advice)
{
	uint64_t got = (uint64_t)w * a->height, wanted = (uint64_t)h * a->width,
	         off = got > wanted ? got - wanted : wanted - got;

	return off <= (advice ? wanted / 100 : 0);
}

static void
check_aspect(
    uint32_t w, uint32_t h, const struct image_limits *limits, struct findings *fs)
{
	char got[64], wanted[96] = "";
	size_t len = 0;

	if (limits->n_aspects == 0)
		return;
	for (size_t i = 0; i < limits->n_aspects; i++) {
		const struct aspect *a = &limits->aspects[i];
		if (has_aspect(w, h, a, limits->advice))
			return;
		if (len < sizeof wanted)
			len += (size_t)snprintf(wanted + len, sizeof wanted - len,
			    "%s%u:%u", len > 0 ? " or " : "", a->width, a->height);
	}
	if (len < sizeof wanted && !limits->advice)
		snprintf(wanted + len, sizeof wanted - len, " exactly");
	snprintf(got, sizeof got, "%ux%u (%.4f:1)", w, h, (double)w / h);
	finding_add(fs, CODE_ASPECT_REFUSED, SEVERITY_REFUSED, got, wanted,
	    "av-fit crops it", "%s takes the shape %s; this photo is %ux%u",
	    service_of(limits), wanted, w, h);
}

static void
check_image(
    const struct photo *photo, const struct image_limits *limits, struct findings *fs)
{
	uint32_t w, h;

	check_type(photo, limits, fs);
	check_bytes(photo, limits, fs);
	photo_display(photo, &w, &h);
	if (w == 0 || h == 0)
		return;
	check_size(w, h, limits, fs);
	check_aspect(w, h, limits, fs);
}

/* Says of a photo that is not as advised what the service advises. */
static void
advise(const struct finding *f, const struct image_limits *limits, struct findings *fs)
{
	char fix[sizeof f->fix];
	const char *tool = "av-fit ";
	size_t len = strlen(tool);

	if (strncmp(f->fix, tool, len) == 0)
		snprintf(fix, sizeof fix, "%s--advice %.100s", tool, f->fix + len);
	else
		snprintf(fix, sizeof fix, "%s", f->fix);
	finding_add(fs, CODE_NOT_ADVISED, SEVERITY_NOTE, f->got, f->wanted, fix,
	    "%s advises %s; this photo is %s", service_of(limits), f->wanted, f->got);
}

void
limits_check_image(
    const struct photo *photo, const struct image_limits *limits, struct findings *fs)
{
	struct findings advice;

	advice.n = 0; /* the list is large, and mostly stays empty */
	check_image(photo, limits, limits->advice ? &advice : fs);
	for (unsigned i = 0; i < advice.n; i++)
		if (finding_get(fs, advice.list[i].code) == NULL)
			advise(&advice.list[i], limits, fs);
}

void
limits_check_name(const char *name, unsigned min, unsigned max, struct findings *fs)
{
	size_t n = utf8_count(name);
	char got[64], wanted[64];

	snprintf(got, sizeof got, "%zu characters", n);
	if (n < min) {
		snprintf(wanted, sizeof wanted, "at least %u characters", min);
		finding_add(fs, CODE_NAME_TOO_SHORT, SEVERITY_REFUSED, got, wanted,
		    "give a longer name", "the name is too short: it has %zu characters",
		    n);
	} else if (max > 0 && n > max) {
		snprintf(wanted, sizeof wanted, "at most %u characters", max);
		finding_add(fs, CODE_NAME_TOO_LONG, SEVERITY_REFUSED, got, wanted,
		    "give a shorter name", "the name is too long: it has %zu characters",
		    n);
	}
}

/* True for control characters and U+2028, U+2029, which end a line. n: bytes of the
 * character. */
static bool
is_control(const char *s, size_t n)
{
	const unsigned char *u = (const unsigned char *)s;

	if (n == 1)
		return u[0] < 0x20 || u[0] == 0x7f;
	if (n == 2)
		return u[0] == 0xc2 && u[1] < 0xa0;
	return n == 3 && u[0] == 0xe2 && u[1] == 0x80 && (u[2] == 0xa8 || u[2] == 0xa9);
}

/* Appends the characters of s, until out has max of them. Writes each run of control
 * characters and spaces as one space. */
static void
add_clean(struct buf *out, const char *s, size_t len, unsigned max)
{
	bool space = false;

	for (size_t n; len > 0 && (n = utf8_char(s, len)) > 0; s += n, len -= n) {
		if (is_control(s, n) || *s == ' ') {
			space = out->len > 0;
			continue;
		}
		if (max > 0 && utf8_count(out->data) + (space ? 1 : 0) >= max)
			return;
		if (space)
			buf_chr(out, ' ');
		buf_add(out, s, n);
		space = false;
	}
}

char *
limits_name_from_path(const char *path, unsigned min, unsigned max)
{
	const char *base = strrchr(path, '/');
	const char *dot;
	struct buf mended = {0}, out = {0};

	if (base != NULL && base > path && base[1] == '\0' && base[-1] != '/') {
		dot = base;
		base = memrchr(path, '/', (size_t)(base - path));
		base = base != NULL ? base + 1 : path;
	} else {
		base = base != NULL ? base + 1 : path;
		dot = strrchr(base, '.');
	}
	utf8_mend(&mended, base,
	    dot != NULL && dot > base ? (size_t)(dot - base) : strlen(base));
	buf_add(&out, "", 0);
	if (mended.len > 0)
		add_clean(&out, mended.data, mended.len, max);
	if (out.len == 0)
		add_clean(&out, "avatar", 6, max);
	if (utf8_count(out.data) < min) {
		char *longer = mem_printf("%s avatar", out.data);
		buf_clear(&out);
		add_clean(&out, longer, strlen(longer), max);
		free(longer);
	}
	while (utf8_count(out.data) < min)
		buf_chr(&out, '_');
	buf_release(&mended);
	return buf_take(&out);
}
