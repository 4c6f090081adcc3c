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

static struct sb_timer *timers;
static size_t count;

void
sb_timer_add(int64_t ms, void (*fn)(void *arg), void *arg)
{
	timers = mem_resize(timers, (count + 1) * sizeof *timers);
	timers[count++] = (struct sb_timer){clock_unix_ms() + ms, fn, arg};
}

static int
run(bool all)
{
	int64_t now = clock_unix_ms(), next = -1;

	for (size_t i = 0; i < count;) {
		struct sb_timer t = timers[i];

		if (all || t.at <= now) {
			timers[i] = timers[--count];
			t.fn(t.arg);
			continue;
		}
		if (next < 0 || t.at - now < next)
			next = t.at - now;
		i++;
	}
	return (int)next;
}

int
sb_timers_run(void)
{
	return run(false);
}

void
sb_timers_flush(void)
{
	run(true);
	free(timers);
	timers = NULL;
}
