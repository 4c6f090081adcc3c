/*
 * pace: how fast one account may be used, by all processes together.
 *
 * Shared (service/pace_store.h) for each provider, base URL, account and class
 * of operations are the time of the next request (a token bucket in the form of
 * GCRA, ITU-T I.371), a pause that the service asked for, and how many requests
 * may be in flight.
 *
 * A reservation is a send time. Send times are given in the order of asking, so
 * that no process starves. If a process dies, its reservation is lost: reserve
 * when there is something to send, and only one at a time for each account.
 *
 *	ms = pace_reserve(p);          wait that long, then
 *	slot = pace_enter(p);          -1: a pause came in between, or the
 *	                               account is full: try again later
 *	... the request ...
 *	pace_ok(p, slot) or pace_crowded(p, slot), then pace_leave(p, slot)
 */
#ifndef AV_SERVICE_PACE_H
#define AV_SERVICE_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct ledger;
struct pace;

struct pace_limits {
	/* If it is one of many hosts (ledger_line_seconds), they share the
	 * pace; NULL: the processes of this machine do. */
	struct ledger *ledger;
	/* The class of operations whose pace it is, apart from the account's
	 * own and other classes'; NULL: the account's own. */
	const char *of;
	double rate;    /* requests a second, kept within 2 %, and within 10 %
	                 * by many hosts; 0: no limit */
	unsigned burst; /* how many may go at once after a rest; 0 and 1: one */
	unsigned jobs;  /* in flight, of all processes together; 0: PACE_JOBS */
};

#define PACE_JOBS 1024

/* Never fails: if the state directory cannot be used, it warns once and keeps
 * the pace of this process alone. While a database is out of reach, no request
 * may go: there is no slot. */
struct pace *pace_open(const char *provider, const char *base,
    const char *account, const struct pace_limits *limits);
void pace_free(struct pace *p);

/* Reserves the next send time; returns how many milliseconds it is away. */
int64_t pace_reserve(struct pace *p);

/* How many milliseconds the service's pause still lasts; 0: there is none. For
 * a process that waited for its send time. */
int64_t pace_paused(struct pace *p);

/* The file, or NULL if the pace is not shared; and the milliseconds between two
 * requests by the limits of this process. */
const char *pace_file(const struct pace *p);
int64_t pace_interval(const struct pace *p);

/* How many milliseconds after its send time a request may begin. Even if each
 * of many hosts is late by another time up to that, no second, and no interval
 * of a slower pace, has more than the rate: their requests are further apart
 * than the rate asks for. */
int64_t pace_late(const struct pace *p);

/* The service said to wait: no request is sent in the next ms. A later call
 * never makes a pause shorter; more than a day counts as a day. */
void pace_pause(struct pace *p, int64_t ms);

/* Takes one of the account's slots for a request in flight, and gives it back.
 * A process that dies gives back its own. pace_enter returns -1 if none is
 * free, and during a pause. */
int pace_enter(struct pace *p);
void pace_leave(struct pace *p, int slot);

/* The service answered that too much is in flight (423): the number of slots
 * becomes half of what is in flight, at least 1. A success adds one, up to
 * limits.jobs. Both count only for a request that began after the last halving,
 * so that one crowd halves once. Call it before pace_leave. */
void pace_crowded(struct pace *p, int slot);
void pace_ok(struct pace *p, int slot);

/* The account's turn: exclusive use, among all processes. False: another
 * process has it, try again later; until then this one counts as waiting. A
 * process that dies gives it back. pace_give_turn returns true if others wait:
 * let them have it first. */
bool pace_take_turn(struct pace *p);
bool pace_give_turn(struct pace *p);

#endif
