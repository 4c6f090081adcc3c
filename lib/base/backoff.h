/*
 * backoff: how long to wait before the next attempt, as pure arithmetic.
 *
 * All times are in ms; random is any random number.
 */
#ifndef AV_BASE_BACKOFF_H
#define AV_BASE_BACKOFF_H

#include <stdint.h>

/* The wait after this attempt (from 0): first, doubled with each attempt up to
 * max, then a random value between half of that and all of it. The jitter
 * spreads attempts that failed together. */
int64_t backoff_ms(
    unsigned attempt, int64_t first, int64_t max, uint32_t random);

/* The interval with a jitter of a tenth either way. *next gets the following
 * interval: half as long again, at most max. */
int64_t backoff_grow(
    int64_t interval, int64_t max, uint32_t random, int64_t *next);

#endif
