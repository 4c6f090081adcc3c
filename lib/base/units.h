/*
 * units: times, rates and counts as people write them, in options and in the environment.
 */
#ifndef AV_BASE_UNITS_H
#define AV_BASE_UNITS_H

#include <stdbool.h>
#include <stdint.h>

/* Each returns false, with nothing set, where the text is malformed. */

/* Milliseconds of "90" (seconds), "90s", "500ms", "10m", "1h", "2d" or "0.5s". */
bool units_ms(const char *s, int64_t *ms);

/* Requests a second of "5", "5/s" or "30/m"; above 0. */
bool units_rate(const char *s, double *per_second);

/* A whole number from 1 to INT32_MAX. */
bool units_count(const char *s, int64_t *value);

#endif
