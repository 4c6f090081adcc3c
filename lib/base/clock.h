/*
 * clock: the clocks of the system, and time stamps whose age stays right when
 * somebody sets the wall clock.
 */
#ifndef AV_BASE_CLOCK_H
#define AV_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define CLOCK_BOOT_ID 37 /* bytes of a boot id with its NUL */

/* Milliseconds since 1970 by the wall clock. */
int64_t clock_unix_ms(void);

/* Milliseconds of CLOCK_MONOTONIC: for waits and deadlines. */
int64_t clock_monotonic_ms(void);

/* Blocks this thread for ms milliseconds; a signal ends it earlier. */
void clock_sleep_ms(int64_t ms);

/* Reads an RFC 3339 time, or a Unix time in digits, as milliseconds since 1970.
 * A Unix time from 10^11 on is in milliseconds, a smaller one in seconds: so
 * both are right from 1973 to 5138. *zoned: it names its zone, or needs none;
 * otherwise it is read as UTC. False if it is no such time. */
bool clock_read(const char *text, int64_t *ms, bool *zoned);

/* Bytes of a time as text, with its NUL. */
#define CLOCK_TEXT (sizeof "2026-11-21T23:02:17.123Z")

/* Writes milliseconds since 1970 as RFC 3339 in UTC. Returns text; NULL for a
 * time outside of the years 1970 to 9999. */
const char *clock_write(char *text, int64_t ms);

/* Nanoseconds since boot, sleep included (CLOCK_BOOTTIME). */
int64_t clock_boot_ns(void);

/* The id of the current boot of the machine, padded with NULs; "": unknown. */
void clock_boot_id(char id[CLOCK_BOOT_ID]);

/* A time by two clocks, since the wall clock can be set. */
struct clock_stamp {
	int64_t wall; /* unix seconds */
	int64_t boot; /* seconds since boot, sleep included */
	char boot_id[CLOCK_BOOT_ID];
};

void clock_stamp_now(struct clock_stamp *stamp);

/* Seconds from then to now, by the clock that says more. -1: the wall clock
 * says that then is in the future, so it was set back. */
int64_t clock_stamp_age(
    const struct clock_stamp *then, const struct clock_stamp *now);

#endif
