#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/mem.h"

void *
mem_checked(void *p)
{
	if (p == NULL) {
		(void)!write(STDERR_FILENO, "out of memory\n", 14);
		exit(EX_OSERR);
	}
	return p;
}

void *
mem_new(size_t n, size_t size)
{
	return mem_checked(calloc(n > 0 ? n : 1, size > 0 ? size : 1));
}

void *
mem_resize(void *p, size_t size)
{
	return mem_checked(realloc(p, size > 0 ? size : 1));
}

char *
mem_str(const char *s)
{
	return s != NULL ? mem_strn(s, strlen(s)) : NULL;
}

char *
mem_strn(const char *s, size_t len)
{
	char *copy = mem_new(len + 1, 1);

	if (len > 0)
		memcpy(copy, s, len);
	return copy;
}

char *
mem_printf(const char *fmt, ...)
{
	va_list ap;
	char *s = NULL;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		s = NULL;
	va_end(ap);
	return mem_checked(s);
}
