#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "picture/gif.h"

enum { CLEAR = 256, STOP = 257, FIRST_CODE = 258, CODES = 4096, TABLE = 16384 };

static void
add16(struct buf *out, int n)
{
	buf_chr(out, (char)(n & 255));
	buf_chr(out, (char)(n >> 8));
}

void
gif_begin(struct buf *out, int width, int height)
{
	buf_str(out, "GIF89a");
	add16(out, width);
	add16(out, height);
	buf_add(out, "\xf7\0\0", 3); /* 256 colours for all frames */
	for (int i = 0; i < 256; i++) {
		int n = i < 216 ? i : 0;
		char rgb[3] = {
		    (char)(n / 36 * 51), (char)(n / 6 % 6 * 51), (char)(n % 6 * 51)};

		buf_add(out, rgb, 3);
	}
	buf_add(
	    out, "\x21\xff\x0bNETSCAPE2.0\x03\x01\0\0\0", 19); /* repeat without end */
}

/* Packs codes of growing width, lowest bit first, into blocks of 255 bytes. */
struct packer {
	struct buf *out;
	unsigned char block[255];
	size_t n;
	uint32_t bits;
	int held;
};

static void
flush_block(struct packer *p)
{
	if (p->n == 0)
		return;
	buf_chr(p->out, (char)p->n);
	buf_add(p->out, p->block, p->n);
	p->n = 0;
}

static void
pack(struct packer *p, int code, int width)
{
	p->bits |= (uint32_t)code << p->held;
	for (p->held += width; p->held >= 8; p->held -= 8) {
		p->block[p->n++] = (unsigned char)p->bits;
		p->bits >>= 8;
		if (p->n == sizeof p->block)
			flush_block(p);
	}
}

/* LZW's dictionary: maps a code and the next byte to a code. Open addressing. */
struct dictionary {
	int32_t key[TABLE];
	int16_t code[TABLE];
	int next, width;
};

static void
dictionary_clear(struct dictionary *d)
{
	memset(d->key, -1, sizeof d->key);
	d->next = FIRST_CODE;
	d->width = 9;
}

static unsigned
slot_of(const struct dictionary *d, int32_t key)
{
	unsigned i = ((uint32_t)key * 2654435761u) >> 18;

	while (d->key[i] != -1 && d->key[i] != key)
		i = (i + 1) % TABLE;
	return i;
}

static void
compress(struct buf *out, const unsigned char *data, size_t len)
{
	struct dictionary *d = mem_new(1, sizeof *d);
	struct packer p = {.out = out};
	int code = data[0];

	dictionary_clear(d);
	pack(&p, CLEAR, d->width);
	for (size_t i = 1; i < len; i++) {
		int32_t key = (int32_t)code << 8 | data[i];
		unsigned slot = slot_of(d, key);

		if (d->key[slot] == key) {
			code = d->code[slot];
			continue;
		}
		pack(&p, code, d->width);
		code = data[i];
		if (d->next == CODES) {
			pack(&p, CLEAR, d->width);
			dictionary_clear(d);
			continue;
		}
		if (d->next == 1 << d->width)
			d->width++;
		d->key[slot] = key;
		d->code[slot] = (int16_t)d->next++;
	}
	pack(&p, code, d->width);
	/* The decoder adds one more entry here, which may widen its codes. */
	if (d->next == 1 << d->width && d->width < 12)
		d->width++;
	pack(&p, STOP, d->width);
	pack(&p, 0, 7);
	flush_block(&p);
	buf_chr(out, '\0');
	free(d);
}

void
gif_frame(struct buf *out, const struct canvas *frame, int delay)
{
	size_t n = (size_t)frame->width * (size_t)frame->height;
	unsigned char *index = mem_new(n, 1);

	for (size_t i = 0; i < n; i++) {
		const unsigned char *p = frame->rgba + i * 4;

		index[i] = (unsigned char)((p[0] + 25) / 51 * 36 + (p[1] + 25) / 51 * 6 +
		                           (p[2] + 25) / 51);
	}
	buf_add(out, "\x21\xf9\x04\x04", 4);
	add16(out, delay);
	buf_add(out, "\0\0", 2);
	buf_chr(out, '\x2c');
	add16(out, 0);
	add16(out, 0);
	add16(out, frame->width);
	add16(out, frame->height);
	buf_add(out, "\0\x08", 2);
	compress(out, index, n);
	free(index);
}

void
gif_end(struct buf *out)
{
	buf_chr(out, '\x3b');
}
