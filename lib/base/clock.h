/*
 * clock: the clocks of the system, and time stamps that survive a clock that is set.
 */
#ifndef AV_BASE_CLOCK_H
#define AV_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Bytes of a boot's id with its NUL. */
#define CLOCK_BOOT_ID 37

/* Milliseconds since 1970 by the wall clock. */
int64_t clock_unix_ms(void);

/* Milliseconds of CLOCK_MONOTONIC: for waits and deadlines. */
int64_t clock_monotonic_ms(void);

/* Blocks this thread for ms milliseconds; a signal ends it earlier. */
void clock_sleep_ms(int64_t ms);

/* Nanoseconds since boot, sleep included (CLOCK_BOOTTIME). */
int64_t clock_boot_ns(void);

/* Which boot of the machine this is. False and "" where the kernel does not say. */
bool clock_boot_id(char id[CLOCK_BOOT_ID]);

/* A moment on two clocks, so that its age is known although somebody set one of them. */
struct clock_stamp {
	int64_t wall; /* unix seconds */
	int64_t boot; /* seconds since boot, sleep included */
	char boot_id[CLOCK_BOOT_ID];
};

void clock_stamp_now(struct clock_stamp *stamp);

/* Seconds from then to now, the larger of both clocks' answers. -1 where then lies in the
 * future: the wall clock was set back. */
int64_t clock_stamp_age(const struct clock_stamp *then, const struct clock_stamp *now);

#endif
