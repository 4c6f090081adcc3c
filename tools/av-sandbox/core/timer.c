#include <stdbool.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "core/timer.h"

struct sb_timer {
	int64_t at;
	void (*fn)(void *arg);
	void *arg;
};

/* A heap: none is due before its parent, at (i - 1) / 2. */
static struct sb_timer *timers;
static size_t count, size;

void
sb_timer_add(int64_t ms, void (*fn)(void *arg), void *arg)
{
	struct sb_timer t = {clock_unix_ms() + ms, fn, arg};
	size_t i = count++;

	if (count > size) {
		size = size * 2 + 16;
		timers = mem_resize(timers, size * sizeof *timers);
	}
	for (; i > 0 && timers[(i - 1) / 2].at > t.at; i = (i - 1) / 2)
		timers[i] = timers[(i - 1) / 2];
	timers[i] = t;
}

/* Removes the one that is due first. */
static struct sb_timer
take_first(void)
{
	struct sb_timer first = timers[0], last = timers[--count];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < count) {
		if (child + 1 < count && timers[child + 1].at < timers[child].at)
			child++;
		if (timers[child].at >= last.at)
			break;
		timers[i] = timers[child];
		i = child;
	}
	timers[i] = last;
	return first;
}

static void
run(bool all)
{
	int64_t now = clock_unix_ms();

	while (count > 0 && (all || timers[0].at <= now)) {
		struct sb_timer t = take_first();

		t.fn(t.arg);
	}
}

void
sb_timers_run(void)
{
	run(false);
}

int
sb_timers_wait(void)
{
	int64_t now = clock_unix_ms();

	if (count == 0)
		return -1;
	return timers[0].at > now ? (int)(timers[0].at - now) : 0;
}

void
sb_timers_flush(void)
{
	run(true);
	free(timers);
	timers = NULL;
	size = 0;
}
