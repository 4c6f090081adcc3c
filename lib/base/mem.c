#include <dlfcn.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/mem.h"

#define LARGE_PAGE ((size_t)2 << 20)

static int exit_status = EX_OSERR;

void
mem_exit_with(int status)
{
	exit_status = status;
}

/* Uses _exit, because the library that asked for memory may hold locks that the functions
 * of atexit wait for. */
void *
mem_checked(void *p)
{
	if (p == NULL) {
		(void)!write(STDERR_FILENO, "out of memory\n", 14);
		_exit(exit_status);
	}
	return p;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||               \
    __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif

/* Libraries call these functions in place of those of libc. A sanitizer has its own, which
 * end the process too. */
#ifndef SANITIZED

static struct {
	void *(*malloc)(size_t);
	void *(*calloc)(size_t, size_t);
	void *(*realloc)(void *, size_t);
} next;

/* Finds the definitions after ours: those of a preload library or of libc. The first call
 * comes while the process starts, before there are threads. */
static void
find_next(void)
{
	*(void **)&next.calloc = dlsym(RTLD_NEXT, "calloc");
	*(void **)&next.realloc = dlsym(RTLD_NEXT, "realloc");
	*(void **)&next.malloc = dlsym(RTLD_NEXT, "malloc");
}

void *
malloc(size_t size)
{
	if (next.malloc == NULL)
		find_next();
	return mem_checked(next.malloc(size));
}

void *
calloc(size_t n, size_t size)
{
	if (next.malloc == NULL)
		find_next();
	return mem_checked(next.calloc(n, size));
}

void *
realloc(void *p, size_t size)
{
	void *moved;

	if (next.malloc == NULL)
		find_next();
	moved = next.realloc(p, size);
	return size > 0 ? mem_checked(moved) : moved; /* realloc(p, 0) is free(p) */
}

#endif

void *
mem_new(size_t n, size_t size)
{
	return mem_checked(calloc(n > 0 ? n : 1, size > 0 ? size : 1));
}

void *
mem_large(size_t size)
{
	size_t rounded = (size + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE;
	void *p;

	if (size < 2 * LARGE_PAGE || size > SIZE_MAX - LARGE_PAGE)
		return malloc(size);
	p = aligned_alloc(LARGE_PAGE, rounded);
	if (p != NULL)
		(void)madvise(p, rounded, MADV_HUGEPAGE); /* only faster */
	return p;
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
	char *copy = mem_checked(malloc(len + 1));

	if (len > 0)
		memcpy(copy, s, len);
	copy[len] = '\0';
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
