/*
 * pace: how fast one account may be used, kept by all programs and processes together.
 *
 * One small file per provider, base URL and account under the state directory holds the time
 * of the next free slot (a token bucket in the form of GCRA, ITU-T I.371), a pause that the
 * service asked for, and how many requests may be in flight. Times in it are CLOCK_BOOTTIME
 * with the boot's id beside them, so a wall clock that jumps changes nothing, and a file of an
 * earlier boot, a damaged one or one of another version counts as new.
 *
 * A reservation is a place in the queue: slots are given in the order of asking, so nobody
 * starves. Slots of a process that dies are lost, so ask when there is something to send, and
 * keep one reservation at a time per account: the first of those that wait.
 *
 *	ms = pace_reserve(p);          wait that long, then
 *	if (pace_paused(p))            a pause came in between: reserve again
 *	slot = pace_enter(p);          -1: the account is full, look again in a while
 *	... the request ...
 *	pace_ok(p, slot) or pace_crowded(p, slot), then pace_leave(p, slot)
 */
#ifndef AV_SERVICE_PACE_H
#define AV_SERVICE_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct pace;

struct pace_limits {
	double rate;    /* requests a second, kept by 2 %; 0: as fast as it goes */
	unsigned burst; /* how many may go at once after a rest; 0 and 1: one */
	unsigned jobs;  /* in flight at most, all processes together; 0: PACE_JOBS */
};

#define PACE_JOBS 1024

/* Never fails: where the state directory cannot be used it warns once and keeps the pace of
 * this process alone. */
struct pace *pace_open(const char *provider, const char *base, const char *account,
    const struct pace_limits *limits);
void pace_free(struct pace *p);

/* Reserves the next slot and returns how many milliseconds it is away; 0: go now. */
int64_t pace_reserve(struct pace *p);

/* Whether the service's pause lasts still, for who has waited for a slot. */
bool pace_paused(struct pace *p);

/* The service said to wait: nobody's next slot comes before ms from now. A pause is never
 * made shorter; more than a day is taken as a day. */
void pace_pause(struct pace *p, int64_t ms);

/* Takes a place among those in flight for the account, and gives it back. A process that dies
 * gives back all of its own. pace_enter returns -1 where there is none. */
int pace_enter(struct pace *p);
void pace_leave(struct pace *p, int slot);

/* The service answered that too much is in flight (423): the number allowed becomes half of
 * what is, not below 1. A success gives one back, up to limits.jobs. Both count only for a
 * request that began after the last halving, so one crowd halves once. Call before leaving. */
void pace_crowded(struct pace *p, int slot);
void pace_ok(struct pace *p, int slot);

/* How many may be in flight for the account now. */
unsigned pace_jobs(struct pace *p);

/* The account's turn, for what must be done one at a time by all processes together. False:
 * another one has it, look again in a while; until it is taken or given, this one counts as
 * waiting. A process that dies gives it. pace_give_turn tells whether others wait: let them
 * have it first. */
bool pace_take_turn(struct pace *p);
bool pace_give_turn(struct pace *p);

#endif
