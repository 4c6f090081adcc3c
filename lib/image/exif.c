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

/* The number of 12-byte entries of the directory (IFD) at that offset that lie within the
 * data; 0 when there is no directory. */
static size_t
entries(const struct tiff *t, size_t at)
{
	size_t count, room;

	if (at < 8 || at > t->n || t->n - at < 2)
		return 0;
	count = get16(t, at);
	room = (t->n - at - 2) / 12;
	if (count > room)
		count = room;
	return count < ENTRIES_MAX ? count : ENTRIES_MAX;
}

static bool
has_location(const struct tiff *t, size_t at)
{
	size_t count = entries(t, at);

	for (size_t i = 0; i < count; i++) {
		uint32_t tag = get16(t, at + 2 + 12 * i);
		if (tag == TAG_LATITUDE || tag == TAG_LONGITUDE)
			return true;
	}
	return false;
}

static void
read_entry(struct image_facts *facts, const struct tiff *t, size_t at)
{
	uint32_t value;

	switch (get16(t, at)) {
	case TAG_ORIENTATION:
		if (get16(t, at + 2) != TYPE_SHORT)
			return;
		value = get16(t, at + 8);
		if (value >= 1 && value <= 8)
			facts->orientation = (uint8_t)value;
		break;
	case TAG_GPS_IFD:
		if (has_location(t, get32(t, at + 8)))
			facts->gps = true;
		break;
	default:
		break;
	}
}

void
exif_read(struct image_facts *facts, const uint8_t *p, size_t n)
{
	struct tiff t;
	size_t first, count;

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
	first = get32(&t, 4);
	count = entries(&t, first);
	for (size_t i = 0; i < count; i++)
		read_entry(facts, &t, first + 2 + 12 * i);
}

void
xmp_read(struct image_facts *facts, const uint8_t *p, size_t n)
{
	static const char latitude[] = "exif:GPSLatitude";

	if (memmem(p, n, latitude, sizeof latitude - 1) != NULL)
		facts->gps = true;
}
