/*
 * random: unpredictable bytes of the kernel, for keys, tags and markers.
 *
 * A kernel without them has no TLS either: the process prints a message and
 * ends with EX_OSERR. Requests that were paid for are in the ledger by then.
 */
#ifndef AV_BASE_RANDOM_H
#define AV_BASE_RANDOM_H

#include <stddef.h>

/* Fills len bytes, at most 256. */
void random_fill(void *bytes, size_t len);

#endif
