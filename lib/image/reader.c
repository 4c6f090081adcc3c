#include <stdarg.h>
#include <stdio.h>

#include "image/reader.h"

size_t
image_next(struct image_reader *r, size_t n, image_step *step, size_t need)
{
	r->step = step;
	r->need = need;
	return n;
}

void
image_odd(struct image_reader *r, uint64_t at, const char *fmt, ...)
{
	va_list ap;

	if (r->facts.odd)
		return;
	r->facts.odd = true;
	r->facts.odd_at = at;
	va_start(ap, fmt);
	vsnprintf(r->facts.reason, sizeof r->facts.reason, fmt, ap);
	va_end(ap);
}

size_t
image_damage_at(struct image_reader *r, size_t n, uint64_t at, const char *fmt, ...)
{
	va_list ap;

	r->facts.state = IMAGE_DAMAGED;
	r->facts.end = r->facts.odd_at = at;
	va_start(ap, fmt);
	vsnprintf(r->facts.reason, sizeof r->facts.reason, fmt, ap);
	va_end(ap);
	return n;
}

size_t
image_complete(struct image_reader *r, size_t n, uint64_t len)
{
	r->facts.state = IMAGE_COMPLETE;
	r->facts.header_end = true;
	r->facts.end = len;
	return n;
}

bool
image_size(struct image_reader *r, uint32_t width, uint32_t height)
{
	if (width == 0 || height == 0) {
		image_damage(r, 0, "its size is %u x %u pixels", width, height);
		return false;
	}
	r->facts.width = width;
	r->facts.height = height;
	r->facts.header = true;
	return true;
}
