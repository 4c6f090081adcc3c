/*
 * units: reads times, rates, counts and sizes from options and the environment;
 * writes times.
 */
#ifndef AV_BASE_UNITS_H
#define AV_BASE_UNITS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/* Each returns false if the text is malformed; the value is then undefined. */

/* Milliseconds of "90" (seconds), "0.5s", "500ms", "10m", "1h" or "2d". */
bool units_ms(const char *s, int64_t *ms);

/* A point in time as milliseconds since 1970, by the local time zone: a date
 * ("2026-11-21"), a time ("2026-11-21T08:00:00", also with a zone or Z), a day
 * ("monday", "mon", "today", "yesterday": the last one, today included) or an
 * age ("7d", "12h": so long before now). A day is its first millisecond, or the
 * first one after it if `end`. */
bool units_when(const char *s, bool end, int64_t now, int64_t *ms);

/* Requests a second, above 0, of "5", "5/s" or "30/m". */
bool units_rate(const char *s, double *per_second);

/* A whole number from 1 to INT32_MAX. */
bool units_count(const char *s, int64_t *value);

/* Bytes, at least 1, of "1000", "64k", "64M" or "4G" (powers of 1024). */
bool units_bytes(const char *s, int64_t *bytes);

/* Appends a length of time: "4.2 s", "44 s", "3 min 20 s", "2 h 5 min". */
void units_write_ms(struct buf *out, int64_t ms);

#endif
