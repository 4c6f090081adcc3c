#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "image/reader.h"

/* The second bytes of markers, ITU T.81 table B.1. Sections named below are of T.81. */
enum {
	M_TEM = 0x01,
	M_SOF0 = 0xc0,
	M_DHT = 0xc4,
	M_JPG = 0xc8,
	M_SOF15 = 0xcf,
	M_DAC = 0xcc,
	M_RST0 = 0xd0,
	M_RST7 = 0xd7,
	M_SOI = 0xd8,
	M_EOI = 0xd9,
	M_SOS = 0xda,
	M_DQT = 0xdb,
	M_DRI = 0xdd,
	M_APP1 = 0xe1,
	M_APP2 = 0xe2,
	M_APP15 = 0xef,
	M_COM = 0xfe,
};

#define COMPONENTS   4
#define COEFFICIENTS 64
#define NEVER        0xff

struct component {
	uint8_t id, h, v, table;
	/* the lowest bit of each coefficient that a scan has sent; NEVER: none */
	uint8_t low[COEFFICIENTS];
};

struct jpeg {
	uint8_t marker;
	bool progressive;
	unsigned n;
	struct component c[COMPONENTS];
	uint32_t hmax, vmax;
	uint32_t interval; /* MCUs between restart markers; 0: none */
	unsigned tables;   /* quantization tables defined, a bit each */
	/* length of the shortest code of each Huffman table, DC and AC; 0: it has none */
	uint8_t min[2][4];
	uint8_t huffman[2];  /* Huffman tables defined, a bit each */
	uint32_t left;       /* bytes of a segment after those that are read */
	uint64_t scan_bytes; /* coded bytes, without stuffing and markers */
	uint64_t scan_min;   /* the least bits that its blocks can take */
	uint64_t restarts, restarts_wanted;
};

static size_t marker(struct image_reader *r, const uint8_t *p, size_t n);
static size_t marker_code(struct image_reader *r, const uint8_t *p, size_t n);
static size_t scan(struct image_reader *r, const uint8_t *p, size_t n);

static uint32_t
ceil_div(uint32_t a, uint32_t b)
{
	return (uint32_t)(((uint64_t)a + b - 1) / b);
}

/* DQT (B.2.4.1): tables of 64 values, of one or two bytes each. */
static size_t
segment_dqt(struct image_reader *r, const uint8_t *p, size_t n)
{
	struct jpeg *j = r->own;
	size_t i = 0;

	while (i < n) {
		size_t size = p[i] >> 4 == 0 ? 65 : 129;
		if (p[i] >> 4 > 1 || (p[i] & 15) > 3 || n - i < size) {
			image_odd(
			    r, r->at + i, "a quantization table (DQT) is malformed");
			break;
		}
		j->tables |= 1U << (p[i] & 15);
		i += size;
	}
	return image_next(r, n, marker, 2);
}

/* The length of the shortest code of a Huffman table, by its counts of codes with 1 to 16
 * bits; 0: it has no codes. False when no such table exists: more than 256 symbols, or
 * more codes than fit. */
static bool
shortest_code(const uint8_t counts[16], size_t *symbols, uint8_t *shortest)
{
	uint32_t space = 0;
	uint8_t min = 0;

	*symbols = 0;
	for (unsigned i = 0; i < 16; i++) {
		*symbols += counts[i];
		space += (uint32_t)counts[i] << (15 - i);
		if (min == 0 && counts[i] > 0)
			min = (uint8_t)(i + 1);
	}
	*shortest = min;
	return *symbols <= 256 && space <= 0x10000;
}

/* DHT (B.2.4.2): 16 counts, then the symbols. A table without codes does no harm as long
 * as no scan uses it. */
static size_t
segment_dht(struct image_reader *r, const uint8_t *p, size_t n)
{
	struct jpeg *j = r->own;
	size_t i = 0, symbols = 0;

	while (i < n) {
		uint8_t min;
		if (n - i < 17 || p[i] >> 4 > 1 || (p[i] & 15) > 3 ||
		    !shortest_code(p + i + 1, &symbols, &min) || n - i - 17 < symbols) {
			image_odd(r, r->at + i, "a Huffman table (DHT) is malformed");
			break;
		}
		j->min[p[i] >> 4][p[i] & 15] = min;
		j->huffman[p[i] >> 4] |= (uint8_t)(1U << (p[i] & 15));
		i += 17 + symbols;
	}
	return image_next(r, n, marker, 2);
}

/* DRI (B.2.4.4): two bytes. */
static size_t
segment_dri(struct image_reader *r, const uint8_t *p, size_t n)
{
	struct jpeg *j = r->own;

	if (n != 2)
		image_odd(
		    r, r->at, "the restart interval (DRI) has %zu bytes instead of 2", n);
	if (n >= 2)
		j->interval = be16(p);
	return image_next(r, n, marker, 2);
}

/* APP1: Exif (DC-008, 4.7.2) or XMP, or anything else. */
static size_t
segment_app1(struct image_reader *r, const uint8_t *p, size_t n)
{
	static const char xmp[] = "http://ns.adobe.com/xap/1.0/";

	if (n > 6 && memcmp(p, "Exif\0", 5) == 0)
		exif_read(&r->facts, p, n);
	else if (n > sizeof xmp && memcmp(p, xmp, sizeof xmp) == 0)
		xmp_read(r, p + sizeof xmp, n - sizeof xmp);
	return image_next(r, n, marker, 2);
}

/* APP2: its first four bytes. MPF (CIPA DC-007) lists pictures that follow this one. */
static size_t
segment_app2(struct image_reader *r, const uint8_t *p, size_t n)
{
	struct jpeg *j = r->own;

	if (memcmp(p, "MPF", 4) == 0)
		r->listed = true;
	r->skip = j->left;
	return image_next(r, n, marker, 2);
}

/* SOF (B.2.2): precision, height, width, components with their sampling factors. */
static size_t
segment_sof(struct image_reader *r, const uint8_t *p, size_t n)
{
	struct jpeg *j = r->own;
	struct image_facts *f = &r->facts;
	/* table B.1: the low two bits are baseline, extended, progressive, lossless; 4
	 * more is hierarchical, 8 more arithmetic coding */
	unsigned kind = j->marker - M_SOF0;

	if (f->header)
		return image_damage(r, n, "there are two frame headers (SOF)");
	if (n < 6 || p[5] < 1 || p[5] > COMPONENTS || n != 6 + 3 * (size_t)p[5])
		return image_damage(r, n, "the frame header (SOF) is malformed");
	j->progressive = f->progressive = (kind & 3) == 2;
	f->arithmetic = kind >= 9;
	f->exotic = (kind & 3) == 3 || (kind & 7) >= 5;
	f->lossless = (kind & 3) == 3;
	if (p[0] != 8 && p[0] != 12 && !f->exotic)
		return image_damage(
		    r, n, "the frame header (SOF) has samples of %u bits", p[0]);
	f->depth = p[0];
	j->n = p[5];
	f->channels = (uint8_t)j->n;
	f->cmyk = j->n == 4;
	for (unsigned i = 0; i < j->n; i++) {
		const uint8_t *q = p + 6 + 3 * i;
		struct component *c = &j->c[i];
		*c = (struct component){q[0], q[1] >> 4, q[1] & 15, q[2] & 3, {0}};
		memset(c->low, NEVER, sizeof c->low);
		if (c->h < 1 || c->h > 4 || c->v < 1 || c->v > 4 || q[2] > 3)
			return image_damage_at(r, n, r->at + 6 + 3 * i,
			    "the frame header (SOF) is malformed");
		j->hmax = c->h > j->hmax ? c->h : j->hmax;
		j->vmax = c->v > j->vmax ? c->v : j->vmax;
	}
	f->header_end = true;
	return image_size(r, be16(p + 3), be16(p + 1)) ? image_next(r, n, marker, 2) : n;
}

/* The component that a scan names at that place of its list. Some files give the same id
 * to several components: they are taken in turn, as libjpeg does it. */
static struct component *
component_of(struct jpeg *j, const uint8_t *sos, unsigned place)
{
	uint8_t id = sos[1 + 2 * place];
	unsigned before = 0, last = COMPONENTS;

	for (unsigned i = 0; i < place; i++)
		before += sos[1 + 2 * i] == id;
	for (unsigned i = 0; i < j->n; i++)
		if (j->c[i].id == id) {
			last = i;
			if (before-- == 0)
				break;
		}
	return last < COMPONENTS ? &j->c[last] : NULL;
}

/* The number of MCUs of a scan (A.2): of all components, or of one alone, whose MCU is a
 * block. */
static uint64_t
scan_mcus(const struct image_reader *r, const struct component *only)
{
	const struct jpeg *j = r->own;
	uint32_t w = r->facts.width, h = r->facts.height;

	if (only == NULL)
		return (uint64_t)ceil_div(w, 8 * j->hmax) * ceil_div(h, 8 * j->vmax);
	return (uint64_t)ceil_div(ceil_div(w * only->h, j->hmax), 8) *
	       ceil_div(ceil_div(h * only->v, j->vmax), 8);
}

/* Computes what the scan must have at least: bits for its blocks, and restart markers. p is its
 * header (SOS; ITU T.81, B.2.3). */
static void
scan_expect(struct image_reader *r, const uint8_t *p, unsigned n)
{
	struct jpeg *j = r->own;
	const uint8_t *spectral = p + 1 + 2 * n;
	bool refines = j->progressive && spectral[2] >> 4 > 0;
	bool dc = !j->progressive || spectral[0] == 0;
	bool ac = !j->progressive;
	unsigned bits = 0;
	uint64_t mcus = scan_mcus(r, n == 1 ? component_of(j, p, 0) : NULL);
	bool huffman = !r->facts.arithmetic && !r->facts.exotic;

	for (unsigned i = 0; i < n; i++) {
		const struct component *c = component_of(j, p, i);
		unsigned blocks = n == 1 ? 1U : (unsigned)c->h * c->v;
		unsigned dc_table = p[2 + 2 * i] >> 4 & 3, ac_table = p[2 + 2 * i] & 3;
		if (dc)
			bits += blocks * (refines ? 1U : j->min[0][dc_table]);
		if (ac)
			bits += blocks * j->min[1][ac_table];
		if (huffman &&
		    ((dc && !refines && (j->huffman[0] >> dc_table & 1) == 0) ||
		        (ac && (j->huffman[1] >> ac_table & 1) == 0)))
			r->facts.no_tables = true;
	}
	j->scan_min = huffman ? mcus * bits : 0;
	j->restarts_wanted =
	    j->interval > 0 ? (mcus + j->interval - 1) / j->interval - 1 : 0;
}

/* SOS (B.2.3): the components of a scan with their tables; coded data follows. */
static size_t
segment_sos(struct image_reader *r, const uint8_t *p, size_t n)
{
	struct jpeg *j = r->own;
	unsigned count = n > 0 ? p[0] : 0;
	const uint8_t *spectral = p + 1 + 2 * count;

	if (!r->facts.header)
		return image_damage(
		    r, n, "a scan (SOS) comes before the frame header (SOF)");
	if (count < 1 || count > j->n || n != 4 + 2 * (size_t)count)
		return image_damage(r, n, "a scan header (SOS) is malformed");
	for (unsigned i = 0; i < count; i++) {
		struct component *c = component_of(j, p, i);
		if (c == NULL)
			return image_damage(
			    r, n, "a scan (SOS) names an unknown component");
		if ((j->tables >> c->table & 1) == 0 && !r->facts.lossless)
			image_odd(r, r->at, "a quantization table (DQT) is missing");
		/* the lowest bit of each coefficient after this scan (G.1.1.1) */
		if (!j->progressive)
			memset(c->low, 0, sizeof c->low);
		else
			for (unsigned k = spectral[0];
			     k <= spectral[1] && k < COEFFICIENTS; k++)
				c->low[k] = spectral[2] & 15;
	}
	scan_expect(r, p, count);
	j->scan_bytes = 0;
	j->restarts = 0;
	return image_next(r, n, scan, 0);
}

/* The length of a marker segment (B.1.1.4). The segment itself is read only when it
 * matters. */
static size_t
segment_length(struct image_reader *r, const uint8_t *p, size_t n)
{
	struct jpeg *j = r->own;
	image_step *step = NULL;
	uint32_t len = be16(p);

	if (len < 2) {
		image_odd(r, r->at, "a segment has a length of %u bytes", len);
		return image_next(r, n, marker, 2);
	}
	len -= 2;
	if (j->marker == M_DHT)
		step = segment_dht;
	else if (j->marker == M_DQT)
		step = segment_dqt;
	else if (j->marker == M_DRI)
		step = segment_dri;
	else if (j->marker == M_SOS)
		step = segment_sos;
	else if (j->marker == M_APP1)
		step = segment_app1;
	else if (j->marker >= M_SOF0 && j->marker <= M_SOF15 && j->marker != M_DAC)
		step = segment_sof;
	if (step != NULL && len > 0)
		return image_next(r, n, step, len);
	if (step == segment_sof || step == segment_sos)
		return image_damage(r, n, "a header (SOF, SOS) is empty");
	if (j->marker == M_APP2 && len >= 4) {
		j->left = len - 4;
		return image_next(r, n, segment_app2, 4);
	}
	r->skip = len; /* an empty DHT or DQT is harmless: WhatsApp writes some */
	return image_next(r, n, marker, 2);
}

/* EOI: every component must have its first coefficient (DC) down to the last bit. */
static size_t
end_of_image(struct image_reader *r, size_t n)
{
	struct jpeg *j = r->own;

	if (!r->facts.header)
		return image_damage(
		    r, n, "the end (EOI) comes before the frame header (SOF)");
	for (unsigned i = 0; i < j->n; i++) {
		if (r->facts.exotic)
			continue;
		if (j->c[i].low[0] != 0) {
			image_damage(r, n, "the end (EOI) comes before the last scan");
			r->facts.state = IMAGE_TRUNCATED;
			return n;
		}
		for (unsigned k = 1; k < COEFFICIENTS; k++)
			r->facts.scans_missing |= j->c[i].low[k] != 0;
	}
	return image_complete(r, n, r->at + n);
}

/* Markers that may not stand between segments: table B.1 reserves them, or they belong in
 * a scan. */
static bool
is_misplaced(uint8_t code)
{
	return code == 0x00 || code == M_SOI || code == M_JPG ||
	       (code > M_TEM && code < M_SOF0) || (code >= M_RST0 && code <= M_RST7) ||
	       (code > M_APP15 && code < M_COM);
}

/* Bytes between segments that do not belong there: skips to the next FF, as decoders. */
static size_t
stray(struct image_reader *r, const uint8_t *p, size_t n)
{
	const uint8_t *ff = memchr(p, 0xff, n);

	return ff != NULL ? image_next(r, (size_t)(ff - p) + 1, marker_code, 1) : n;
}

/* The second byte of a marker. Any number of FF may come before it (B.1.1.2). */
static size_t
marker_code(struct image_reader *r, const uint8_t *p, size_t n)
{
	struct jpeg *j = r->own;

	j->marker = p[n - 1];
	if (j->marker == 0xff)
		return image_next(r, n, marker_code, 1);
	if (j->marker == M_EOI)
		return end_of_image(r, n);
	if (is_misplaced(j->marker)) {
		image_odd(r, r->at, "the marker FF %02X is out of place", j->marker);
		return image_next(r, n, stray, 0);
	}
	if (j->marker == M_TEM)
		return image_next(r, n, marker, 2);
	return image_next(r, n, segment_length, 2);
}

static size_t
marker(struct image_reader *r, const uint8_t *p, size_t n)
{
	if (p[0] == 0xff)
		return marker_code(r, p, n);
	image_odd(r, r->at, "there is %02X %02X where a marker should be", p[0], p[1]);
	return p[1] == 0xff ? image_next(r, n, marker_code, 1)
	                    : image_next(r, n, stray, 0);
}

/* Any marker but RST ends the scan: compares it with what scan_expect computed. */
static size_t
scan_end(struct image_reader *r, const uint8_t *p, size_t n)
{
	struct jpeg *j = r->own;

	if (j->scan_bytes * 8 < j->scan_min)
		return image_damage_at(r, n, r->at - 1,
		    "a scan has %ju bytes and needs at least %ju",
		    (uintmax_t)j->scan_bytes, (uintmax_t)(j->scan_min + 7) / 8);
	/* some encoders write one restart marker too many, at the end */
	if (!r->facts.exotic && j->interval > 0 && j->restarts != j->restarts_wanted &&
	    j->restarts != j->restarts_wanted + 1)
		image_odd(r, r->at - 1, "a scan has %ju of %ju restart markers (RST)",
		    (uintmax_t)j->restarts, (uintmax_t)j->restarts_wanted);
	return marker_code(r, p, n);
}

/* The byte after FF in a scan (B.1.1.5): 00 is stuffing, FF is fill, RST0 to RST7 restart
 * in turn, anything else ends the scan. */
static size_t
scan_code(struct image_reader *r, const uint8_t *p, size_t n)
{
	struct jpeg *j = r->own;
	uint8_t code = p[0];

	if (code == 0xff)
		return n;
	if (code >= M_RST0 && code <= M_RST7) {
		if (j->interval == 0 || code - M_RST0 != (int)(j->restarts & 7))
			image_odd(r, r->at - 1, "a restart marker (RST) is out of order");
		j->restarts++;
	} else if (code != 0x00) {
		return scan_end(r, p, n);
	} else {
		j->scan_bytes++;
	}
	return image_next(r, n, scan, 0);
}

/* Coded data, up to the next FF that no 00 follows, with it. */
static size_t
scan(struct image_reader *r, const uint8_t *p, size_t n)
{
	struct jpeg *j = r->own;
	size_t i = 0;

	while (i < n) {
		const uint8_t *ff = memchr(p + i, 0xff, n - i);
		size_t at = ff != NULL ? (size_t)(ff - p) : n;
		j->scan_bytes += at - i;
		if (ff == NULL)
			return n;
		if (at + 1 == n || p[at + 1] != 0x00)
			return image_next(r, at + 1, scan_code, 1);
		j->scan_bytes++;
		i = at + 2;
	}
	return n;
}

static size_t
start(struct image_reader *r, const uint8_t *p, size_t n)
{
	if (p[0] != 0xff || p[1] != M_SOI)
		return image_damage(r, n, "the start (SOI) is missing");
	return image_next(r, n, marker, 2);
}

/* An EOI can stand within a scan, and the rest of the scan follow. */
static void
jpeg_finish(struct image_reader *r)
{
	struct image_facts *f = &r->facts;

	if (f->state != IMAGE_COMPLETE || f->trailer != TRAILER_UNKNOWN || f->odd)
		return;
	f->state = IMAGE_ODD;
	f->odd_at = f->end - 2;
	snprintf(f->reason, sizeof f->reason, "the end (EOI) stands within a scan");
}

static void *
jpeg_open(struct image_reader *r)
{
	image_next(r, 0, start, 2);
	return mem_new(1, sizeof(struct jpeg));
}

const struct image_format image_jpeg = {jpeg_open, jpeg_finish, free};
