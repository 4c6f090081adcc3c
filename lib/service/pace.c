#include <stdlib.h>

#include "base/mem.h"
#include "ledger/ledger.h"
#include "service/pace.h"
#include "service/pace_store.h"

#define SECOND INT64_C(1000000000)
#define DAY    (86400 * SECOND)
/* Timers wake up a few milliseconds late. If the interval is shorter than this, requests
 * may catch up by as much at once; high rates could not be reached otherwise. */
#define LATENESS (SECOND / 100)
/* Intervals are longer by this factor: a request may travel faster than the one before,
 * and would be one too many in the second that the service counts. On many hosts requests
 * are also late by up to 8 % of a second or of a longer interval, each by another time. */
#define HEADROOM       1.02
#define HEADROOM_HOSTS 1.1
#define LATE_PERCENT   8

/* How long to wait before the database is asked again that could not be reached. */
#define AWAY_MS 1000

struct pace {
	struct pace_store *store;
	uint32_t jobs;
	int64_t interval, tolerance; /* nanoseconds */
	int64_t *entered;            /* by slot: when we took it; 0: it is not ours */
	bool halved; /* fewer may be in flight, when the last slot was taken */
};

struct pace *
pace_open(const char *provider, const char *base, const char *account,
    const struct pace_limits *limits)
{
	struct pace *p = mem_new(1, sizeof *p);

	p->jobs = limits->jobs > 0 ? limits->jobs : PACE_JOBS;
	p->entered = mem_new(p->jobs, sizeof *p->entered);
	if (limits->rate > 0) {
		/* Rounded up, so that the rate is never exceeded. */
		bool hosts = ledger_line_seconds(limits->ledger) > 0;
		double interval =
		    (double)SECOND * (hosts ? HEADROOM_HOSTS : HEADROOM) / limits->rate;
		p->interval = interval < (double)DAY ? (int64_t)interval + 1 : DAY;
		if (limits->burst > 1)
			p->tolerance = (limits->burst - 1) * p->interval;
		if (p->interval < LATENESS && p->tolerance < LATENESS)
			p->tolerance = LATENESS;
	}
	p->store = pace_store_open(provider, base, account, limits->of, limits->ledger);
	return p;
}

void
pace_free(struct pace *p)
{
	if (p == NULL)
		return;
	pace_store_free(p->store);
	free(p->entered);
	free(p);
}

/* The send time: when the next request may go. */
static int64_t
next_send(const struct pace *p, const struct pace_state *s, int64_t t)
{
	int64_t at = s->next - p->tolerance;

	if (at < t)
		at = t;
	return s->pause > at ? s->pause : at;
}

/* Rounded up. */
static int64_t
ms_of(int64_t ns)
{
	return (ns + SECOND / 1000 - 1) / (SECOND / 1000);
}

int64_t
pace_reserve(struct pace *p)
{
	struct pace_state s;
	int64_t t, at;

	if (p->interval == 0) { /* no rate limit: nothing to reserve */
		if (!pace_store_look(p->store, &s, &t))
			return AWAY_MS;
		at = next_send(p, &s, t);
	} else {
		if (!pace_store_begin(p->store, &s, &t))
			return AWAY_MS;
		at = next_send(p, &s, t);
		/* After a pause one request may go, not a burst of those that waited. */
		if (s.pause >= at && s.next < s.pause + p->tolerance)
			s.next = s.pause + p->tolerance;
		s.next = (s.next > at ? s.next : at) + p->interval;
		pace_store_end(p->store, &s);
	}
	return ms_of(at - t);
}

const char *
pace_file(const struct pace *p)
{
	return pace_store_file(p->store);
}

int64_t
pace_interval(const struct pace *p)
{
	return ms_of(p->interval);
}

int64_t
pace_late(const struct pace *p)
{
	return ms_of((p->interval > SECOND ? p->interval : SECOND) * LATE_PERCENT / 100);
}

int64_t
pace_paused(struct pace *p)
{
	struct pace_state s;
	int64_t t;

	if (!pace_store_look(p->store, &s, &t))
		return AWAY_MS;
	return s.pause > t ? ms_of(s.pause - t) : 0;
}

void
pace_pause(struct pace *p, int64_t ms)
{
	struct pace_state s;
	int64_t t, until;

	if (ms <= 0 || !pace_store_begin(p->store, &s, &t))
		return;
	until = t + (ms < DAY / 1000000 ? ms * 1000000 : DAY);
	if (until > s.pause)
		s.pause = until;
	pace_store_end(p->store, &s);
}

/* A database that is out of reach has no slot. */
int
pace_enter(struct pace *p)
{
	struct pace_state s;
	int64_t t;

	for (uint32_t i = 0; i < p->jobs; i++) {
		if (p->entered[i] != 0)
			continue;
		if (pace_store_take_slot(p->store, i, p->jobs, &s, &t)) {
			p->entered[i] = t;
			p->halved = s.jobs > 0;
			return (int)i;
		}
		if (pace_store_counts(p->store))
			break;
	}
	return -1;
}

void
pace_leave(struct pace *p, int slot)
{
	pace_store_leave_slot(p->store, (uint32_t)slot);
	p->entered[slot] = 0;
}

void
pace_crowded(struct pace *p, int slot)
{
	struct pace_state s;
	int64_t t;
	uint32_t half = pace_store_slots(p->store, p->entered, p->jobs) / 2;

	if (!pace_store_begin(p->store, &s, &t))
		return;
	if (p->entered[slot] > s.halved) {
		s.jobs = half > 0 ? half : 1;
		s.halved = t;
	}
	pace_store_end(p->store, &s);
}

void
pace_ok(struct pace *p, int slot)
{
	struct pace_state s;
	int64_t t;

	if (!p->halved || !pace_store_look(p->store, &s, &t) || s.jobs == 0 ||
	    p->entered[slot] <= s.halved || !pace_store_begin(p->store, &s, &t))
		return;
	if (s.jobs > 0 && p->entered[slot] > s.halved)
		s.jobs = s.jobs + 1 < p->jobs ? s.jobs + 1 : 0;
	pace_store_end(p->store, &s);
}

bool
pace_take_turn(struct pace *p)
{
	return pace_store_take_turn(p->store);
}

bool
pace_give_turn(struct pace *p)
{
	return pace_store_give_turn(p->store);
}
