/*
 * mem: allocation that does not fail.
 *
 * Without memory the process prints a message and ends with EX_OSERR. Requests
 * that were paid for are in the ledger by then. This holds for libraries too:
 * mem.c replaces malloc, calloc and realloc for the whole process. json-c does
 * not check what they return: it omits members or crashes. libseccomp loops.
 */
#ifndef AV_BASE_MEM_H
#define AV_BASE_MEM_H

#include <stddef.h>

/* Zeroed memory for n objects of size bytes. The caller frees it. */
void *mem_new(size_t n, size_t size) __attribute__((returns_nonnull, malloc));

/* Memory for size bytes that are written from start to end. From 4 MiB on it is
 * in pages of 2 MiB, where the kernel has them: with pages of 4 KiB, the page
 * faults take longer than the writing. NULL if so large a block is not to be
 * had: its owner can do with less. The caller frees it. */
void *mem_large(size_t size) __attribute__((malloc));

void *mem_resize(void *p, size_t size) __attribute__((returns_nonnull));

/* Returns p, which a library allocated; ends the process if it is NULL. */
void *mem_checked(void *p) __attribute__((returns_nonnull));

/* The exit status without memory from now on. */
void mem_exit_with(int status);

/* Copies, which the caller frees. mem_str(NULL) is NULL. */
char *mem_str(const char *s);
char *mem_strn(const char *s, size_t len) __attribute__((returns_nonnull));
char *mem_printf(const char *fmt, ...)
    __attribute__((format(printf, 1, 2), returns_nonnull));

#endif
