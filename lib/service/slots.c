#include "service/slots.h"

/* A round has at least so many responses: the times of fewer vary too much. */
#define ROUND_MIN 16

/* So many rounds the number stays after more brought nothing. */
#define REST 32

static size_t
round_size(const struct slots *s)
{
	return s->now > ROUND_MIN ? s->now : ROUND_MIN;
}

static void
begin_round(struct slots *s, int64_t now)
{
	s->left = round_size(s);
	s->since = now;
	s->full = s->halved = false;
}

void
slots_init(struct slots *s, size_t first, size_t most)
{
	*s = (struct slots){.now = first, .first = first, .most = most};
	begin_round(s, 0);
}

bool
slots_free(const struct slots *s)
{
	return s->taken < s->now;
}

bool
slots_take(struct slots *s, int64_t now_ms)
{
	if (!slots_free(s))
		return false;
	if (s->taken++ == 0)
		s->since += now_ms - s->idle_at;
	if (s->taken == s->now)
		s->full = true;
	return true;
}

/* Decides by the responses a second of a round what the next one has. */
static void
judge(struct slots *s, double rate)
{
	if (s->rest > 0) {
		s->rest--;
		return;
	}
	if (s->before > 0 && 2 * s->now >= 3 * s->before && rate < 1.25 * s->rate) {
		s->now = s->before;
		s->before = 0;
		s->rest = REST;
		return;
	}
	if (s->before == 0 || 2 * s->now >= 3 * s->before) {
		s->before = s->now;
		s->rate = rate;
	}
	if (s->now < s->most)
		s->now++;
}

void
slots_return(struct slots *s, bool well, int64_t now_ms)
{
	int64_t ms = now_ms > s->since ? now_ms - s->since : 1;

	if (--s->taken == 0)
		s->idle_at = now_ms;
	if (!well && !s->halved) {
		s->now = s->now / 2 > s->first ? s->now / 2 : s->first;
		s->before = 0;
		s->left = s->taken + 1;
		s->halved = true;
	}
	if (--s->left > 0)
		return;
	if (!s->halved && s->full)
		judge(s, (double)round_size(s) / (double)ms);
	begin_round(s, now_ms);
}
