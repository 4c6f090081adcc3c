/*
 * backoff: how long to wait before the next attempt, as pure arithmetic.
 */
#ifndef AV_BASE_BACKOFF_H
#define AV_BASE_BACKOFF_H

#include <stdint.h>

/* first doubled with each attempt (from 0), at most max, of which a random part between half
 * and the whole is taken, so that those who failed together do not come back together. All in
 * ms; random: any number. */
int64_t backoff_ms(unsigned attempt, int64_t first, int64_t max, uint32_t random);

/* The next of a growing row of intervals: half as long again, at most max, with a jitter of a
 * tenth either way. */
int64_t backoff_grow(int64_t interval, int64_t max, uint32_t random, int64_t *next);

#endif
