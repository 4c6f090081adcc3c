#include <string.h>

#include "base/clock.h"
#include "base/codes.h"
#include "os/seat.h"

/* No record count is larger. */
#define TOTAL_MAX ((int64_t)1 << 48)

#define END(text) ((text)[sizeof(text) - 1] = '\0')

/* A time from outside: not after now. */
static int64_t
past(int64_t ms)
{
	int64_t now = clock_monotonic_ms();

	return ms < 0 ? 0 : ms > now ? now : ms;
}

void
seat_mend(struct seat *s)
{
	END(s->step);
	END(s->wait);
	END(s->doing);
	END(s->error);
	END(s->options);
	END(s->file);
	for (int i = 0; i < PIPELINE_COSTS; i++) {
		END(s->costs[i].step);
		END(s->costs[i].provider);
		END(s->costs[i].unit);
		if (!(s->costs[i].amount >= 0 && s->costs[i].amount < 1e12))
			s->costs[i].amount = 0;
	}
	for (int i = 0; i < PIPELINE_REASONS; i++) {
		struct seat_reason *r = &s->reasons[i];
		END(r->step);
		END(r->provider);
		END(r->text);
		if (r->code == CODE_NONE || r->code >= CODE_COUNT ||
		    r->finding >= CODE_COUNT)
			*r = (struct seat_reason){0};
	}
	if (s->state != SEAT_LIVE && s->state != SEAT_LEFT)
		s->state = SEAT_FREE;
	if (s->level < 0 || s->level > PIPELINE_SEATS)
		s->level = 0;
	if (s->total < -1 || s->total > TOTAL_MAX)
		s->total = -1;
	if (s->usual_ms < 0 || s->usual_ms > TOTAL_MAX)
		s->usual_ms = 0;
	s->began = past(s->began);
	s->ended = past(s->ended);
	s->oldest = past(s->oldest);
}

bool
seat_is_same_line(const struct seat *a, const struct seat *b)
{
	return a->level == b->level && strcmp(a->step, b->step) == 0;
}

/* True if both are of a unit such as "credits/minute", and not of the same amount. */
static bool
other_rate(const struct seat_cost *a, const struct seat_cost *b)
{
	return strchr(a->unit, '/') != NULL && a->n > 0 && b->n > 0 &&
	       (a->amount < b->amount || a->amount > b->amount);
}

void
seat_add_cost(struct seat *s, const struct seat_cost *more)
{
	for (int i = 0; i < PIPELINE_COSTS; i++) {
		struct seat_cost *c = &s->costs[i];

		if (c->n == 0 && c->reused == 0) {
			*c = *more;
			return;
		}
		if (strcmp(c->step, more->step) != 0 ||
		    strcmp(c->provider, more->provider) != 0 ||
		    strcmp(c->unit, more->unit) != 0 || other_rate(c, more))
			continue;
		if (more->n > 0)
			c->amount = strchr(c->unit, '/') != NULL
			                ? more->amount
			                : c->amount + more->amount;
		c->n += more->n;
		c->reused += more->reused;
		return;
	}
}

void
seat_add_reason(struct seat *s, const struct seat_reason *more)
{
	for (int i = 0; i < PIPELINE_REASONS; i++) {
		struct seat_reason *r = &s->reasons[i];

		if (r->count == 0) {
			*r = *more;
			return;
		}
		if (r->code != more->code || r->finding != more->finding ||
		    r->state != more->state || strcmp(r->step, more->step) != 0 ||
		    strcmp(r->provider, more->provider) != 0)
			continue;
		if (more->varied != 0 || strcmp(r->text, more->text) != 0)
			r->varied = 1;
		r->count += more->count;
		return;
	}
	s->more_reasons += more->count;
}

static void
take_text(char *to, const char *from, size_t size)
{
	if (*from != '\0')
		memcpy(to, from, size);
}

/* Adds the members that are numbers or flags. */
static void
add_counts(struct seat *sum, const struct seat *more)
{
	sum->processes += more->processes;
	sum->killed += more->killed;
	sum->out += more->out;
	sum->failed += more->failed;
	sum->at_work += more->at_work;
	sum->told += more->told;
	sum->percents += more->percents;
	if (more->usual_ms > sum->usual_ms)
		sum->usual_ms = more->usual_ms;
	sum->all_failed += more->all_failed;
	sum->stopped += more->stopped;
	sum->made += more->made;
	sum->ready += more->ready;
	sum->avatars += more->avatars;
	sum->more_reasons += more->more_reasons;
	sum->total = sum->total < 0 || more->total < 0 ? -1 : sum->total + more->total;
	sum->over += more->over;
	sum->flags |= more->flags;
	sum->foreign |= more->foreign;
	if (more->pays > sum->pays)
		sum->pays = more->pays;
}

void
seat_add(struct seat *sum, const struct seat *more)
{
	add_counts(sum, more);
	if (more->signo != 0)
		sum->signo = more->signo;
	if (more->how != 0)
		sum->how = more->how;
	if (more->began < sum->began)
		sum->began = more->began;
	if (more->ended > sum->ended)
		sum->ended = more->ended;
	if (sum->oldest == 0 || (more->oldest != 0 && more->oldest < sum->oldest))
		sum->oldest = more->oldest;
	if (more->state == SEAT_LIVE)
		sum->state = SEAT_LIVE;
	if (more->wait_until > sum->wait_until) {
		take_text(sum->wait, more->wait, sizeof sum->wait);
		sum->wait_until = more->wait_until;
	}
	sum->pid = more->pid;
	take_text(sum->doing, more->doing, sizeof sum->doing);
	take_text(sum->error, more->error, sizeof sum->error);
	take_text(sum->options, more->options, sizeof sum->options);
	take_text(sum->file, more->file, sizeof sum->file);
	for (int i = 0; i < PIPELINE_COSTS; i++)
		if (more->costs[i].n + more->costs[i].reused > 0)
			seat_add_cost(sum, &more->costs[i]);
	for (int i = 0; i < PIPELINE_REASONS; i++)
		if (more->reasons[i].count > 0)
			seat_add_reason(sum, &more->reasons[i]);
}
