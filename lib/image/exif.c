#include <string.h>

#include "image/reader.h"

#define TAG_ORIENTATION 0x0112
#define TAG_GPS_IFD     0x8825
#define TAG_LATITUDE    2
#define TAG_LONGITUDE   4

/* The TIFF structure. Offsets count from its first byte. */
struct tiff {
	const uint8_t *p;
	size_t n;
	bool big; /* big-endian */
};

static uint32_t
get16(const struct tiff *t, size_t at)
{
	return t->big ? be16(t->p + at) : le16(t->p + at);
}

static uint32_t
get32(const struct tiff *t, size_t at)
{
	return t->big ? be32(t->p + at) : le32(t->p + at);
}

/* The number in an entry, of any type of whole numbers or a digit as text; -1: it holds
 * none. */
static int64_t
number(const struct tiff *t, size_t at)
{
	enum { BYTE = 1, TEXT, SHORT, LONG, SBYTE = 6, SSHORT = 8, SLONG };
	uint32_t count = get32(t, at + 4);

	switch (get16(t, at + 2)) {
	case BYTE:
	case SBYTE:
		return count >= 1 && count <= 4 ? t->p[at + 8] : -1;
	case TEXT:
		return count == 2 && t->p[at + 8] > '0' && t->p[at + 8] <= '8'
		           ? t->p[at + 8] - '0'
		           : -1;
	case SHORT:
	case SSHORT:
		return count >= 1 && count <= 2 ? get16(t, at + 8) : 0;
	case LONG:
	case SLONG:
		return count == 1 ? (int64_t)get32(t, at + 8) : -1;
	}
	return -1;
}

/* What a directory (IFD) says. */
struct directory {
	bool orientation_found, orientation_unread;
	uint8_t orientation;
	uint32_t gps; /* offset of the GPS directory; 0: none */
	bool position;
};

/* Reads the directory of 12-byte entries at that offset; the first entry of a tag counts.
 * False when it is not all there. */
static bool
read_directory(const struct tiff *t, size_t at, struct directory *d)
{
	size_t count;

	if (at < 8 || at > t->n || t->n - at < 2)
		return false;
	count = get16(t, at);
	for (at += 2; count > 0 && t->n - at >= 12; count--, at += 12) {
		uint32_t tag = get16(t, at);
		int64_t value;
		d->position |= tag == TAG_LATITUDE || tag == TAG_LONGITUDE;
		if (tag == TAG_GPS_IFD && d->gps == 0)
			d->gps = get32(t, at + 8);
		if (tag != TAG_ORIENTATION || d->orientation_found)
			continue;
		value = number(t, at);
		d->orientation_found = true;
		/* 0 is written for "unknown"; all programs ignore what is above 8 */
		d->orientation_unread = value < 0;
		d->orientation = value > 0 && value <= 8 ? (uint8_t)value : 0;
	}
	return count == 0;
}

static bool
is_blank(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != 0)
			return false;
	return true;
}

void
exif_read(struct image_facts *facts, const uint8_t *p, size_t n)
{
	struct directory main = {0}, gps = {0};
	struct tiff t;
	bool whole = false;

	if (n >= 6 && memcmp(p, "Exif\0", 5) == 0) {
		p += 6;
		n -= 6;
	}
	t = (struct tiff){.p = p, .n = n, .big = n >= 4 && memcmp(p, "MM\0*", 4) == 0};
	if (n >= 8 && (t.big || memcmp(p, "II*\0", 4) == 0)) {
		whole = read_directory(&t, get32(&t, 4), &main);
		if (main.gps > 0)
			read_directory(&t, main.gps, &gps);
	} else if (is_blank(p, n)) { /* it states nothing */
		whole = true;
	}
	facts->gps |= gps.position;
	if (facts->exif && facts->other_orientation == 0)
		facts->other_orientation = main.orientation;
	if (facts->exif)
		return;
	facts->exif = true;
	facts->orientation = main.orientation;
	facts->exif_unread =
	    main.orientation_unread || (!whole && !main.orientation_found);
}

/* The value of tiff:Orientation, an attribute or an element; 0: none. */
static uint8_t
xmp_orientation(const uint8_t *p, size_t n)
{
	static const char name[] = "tiff:Orientation";
	const uint8_t *at = memmem(p, n, name, sizeof name - 1), *end = p + n;

	if (at == NULL)
		return 0;
	for (at += sizeof name - 1; at < end && strchr("=\"'> \t\r\n", *at) != NULL; at++)
		if (*at == '\0')
			return 0;
	return at < end && *at >= '1' && *at <= '8' ? (uint8_t)(*at - '0') : 0;
}

static bool
has(const uint8_t *p, size_t n, const char *text)
{
	return memmem(p, n, text, strlen(text)) != NULL;
}

void
xmp_read(struct image_reader *r, const uint8_t *p, size_t n)
{
	struct image_facts *f = &r->facts;

	f->gps |= has(p, n, "exif:GPSLatitude");
	r->listed |= has(p, n, "Container:Directory") || has(p, n, "GCamera:Micro") ||
	             has(p, n, "GCamera:MotionPhoto");
	r->gain_map |= has(p, n, "hdrgm:") || has(p, n, "HDRGainMap");
	if (f->other_orientation == 0)
		f->other_orientation = xmp_orientation(p, n);
}
