/*
 * timer: functions that the server calls later, on its one thread.
 */
#ifndef SANDBOX_TIMER_H
#define SANDBOX_TIMER_H

#include <stdint.h>

/* Calls fn(arg) ms milliseconds from now. */
void sb_timer_add(int64_t ms, void (*fn)(void *arg), void *arg);

/* Calls what is due. */
void sb_timers_run(void);

/* The milliseconds until the next call, -1: none. */
int sb_timers_wait(void);

/* Calls everything that is left at once, at the end of the process. */
void sb_timers_flush(void);

#endif
