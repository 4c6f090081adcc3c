#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

void
buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){.max = max};
}

void
buf_release(struct buf *b)
{
	free(b->data);
	buf_init(b, b->max);
}

void
buf_clear(struct buf *b)
{
	b->len = 0;
	b->full = false;
	if (b->data != NULL)
		b->data[0] = '\0';
}

void
buf_large(struct buf *b, size_t size)
{
	b->data = mem_large(size);
	b->size = b->data != NULL ? size : 0;
}

char *
buf_room(struct buf *b, size_t extra)
{
	size_t size = b->size < SIZE_MAX / 2 ? b->size * 2 : SIZE_MAX;

	if (extra > SIZE_MAX - b->len - 1 || (b->max > 0 && b->len + extra > b->max)) {
		b->full = true;
		return NULL;
	}
	if (b->len + extra >= b->size) {
		if (size < b->len + extra + 1)
			size = b->len + extra + 1;
		b->size = size < 128 ? 128 : size;
		b->data = mem_resize(b->data, b->size);
	}
	return b->data + b->len;
}

bool
buf_add(struct buf *b, const void *data, size_t len)
{
	char *room = buf_room(b, len);

	if (room == NULL)
		return false;
	if (len > 0)
		memcpy(room, data, len);
	b->len += len;
	b->data[b->len] = '\0';
	return true;
}

bool
buf_str(struct buf *b, const char *s)
{
	return buf_add(b, s, strlen(s));
}

bool
buf_chr(struct buf *b, char c)
{
	return buf_add(b, &c, 1);
}

bool
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;
	char *room;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	room = n >= 0 ? buf_room(b, (size_t)n) : NULL;
	if (room == NULL)
		return false;
	va_start(ap, fmt);
	vsnprintf(room, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
	return true;
}

void
buf_eat(struct buf *b, size_t n)
{
	if (n == 0)
		return;
	b->len -= n;
	memmove(b->data, b->data + n, b->len + 1);
}

char *
buf_take(struct buf *b)
{
	char *data;

	buf_add(b, "", 0);
	data = b->data;
	buf_init(b, b->max);
	return data;
}
