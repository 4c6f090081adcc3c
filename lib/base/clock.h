/*
 * clock: when something was, on two clocks, so that its age is known although somebody set
 * one of them.
 */
#ifndef AV_BASE_CLOCK_H
#define AV_BASE_CLOCK_H

#include <stdint.h>

struct clock_stamp {
	int64_t wall;     /* unix seconds */
	int64_t boot;     /* seconds since boot, sleep included */
	char boot_id[40]; /* which boot; "" where the system does not tell */
};

void clock_stamp_now(struct clock_stamp *m);

/* Seconds from then to now, the larger of both clocks' answers; -1 where then is in the
 * future of the wall's clock, which has been set back. */
int64_t clock_stamp_age(const struct clock_stamp *then, const struct clock_stamp *now);

#endif
