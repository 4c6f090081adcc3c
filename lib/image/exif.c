#include <string.h>

#include "image/reader.h"

#define TAG_ORIENTATION 0x0112
#define TAG_GPS_IFD     0x8825
#define TAG_LATITUDE    2
#define TAG_LONGITUDE   4
#define TYPE_SHORT      3
#define ENTRIES_MAX     1024

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

/* Reads the directory (IFD) of 12-byte entries at that offset. Of the GPS directory,
 * which entries of the main one point to, it wants the position alone. */
static void
read_directory(struct image_facts *facts, const struct tiff *t, size_t at, bool gps)
{
	size_t count;

	if (at < 8 || at > t->n || t->n - at < 2)
		return;
	count = get16(t, at) < ENTRIES_MAX ? get16(t, at) : ENTRIES_MAX;
	for (at += 2; count > 0 && t->n - at >= 12; count--, at += 12) {
		uint32_t tag = get16(t, at), value = get16(t, at + 8);
		if (gps)
			facts->gps |= tag == TAG_LATITUDE || tag == TAG_LONGITUDE;
		else if (tag == TAG_GPS_IFD)
			read_directory(facts, t, get32(t, at + 8), true);
		else if (tag == TAG_ORIENTATION && get16(t, at + 2) == TYPE_SHORT &&
		         value >= 1 && value <= 8)
			facts->orientation = (uint8_t)value;
	}
}

void
exif_read(struct image_facts *facts, const uint8_t *p, size_t n)
{
	struct tiff t;

	if (n >= 6 && memcmp(p, "Exif\0", 5) == 0) {
		p += 6;
		n -= 6;
	}
	t = (struct tiff){.p = p, .n = n};
	if (n < 8)
		return;
	if (memcmp(p, "MM\0*", 4) == 0)
		t.big = true;
	else if (memcmp(p, "II*\0", 4) != 0)
		return;
	read_directory(facts, &t, get32(&t, 4), false);
}

void
xmp_read(struct image_facts *facts, const uint8_t *p, size_t n)
{
	static const char latitude[] = "exif:GPSLatitude";

	if (memmem(p, n, latitude, sizeof latitude - 1) != NULL)
		facts->gps = true;
}
