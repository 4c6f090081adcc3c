#include "base/backoff.h"

int64_t
backoff_ms(unsigned attempt, int64_t first, int64_t max, uint32_t random)
{
	int64_t ms = first;

	while (attempt-- > 0 && ms < max)
		ms *= 2;
	if (ms > max)
		ms = max;
	return ms / 2 + (int64_t)random % (ms - ms / 2 + 1);
}

int64_t
backoff_grow(int64_t interval, int64_t max, uint32_t random, int64_t *next)
{
	int64_t tenth = interval / 10, longer = interval + interval / 2 + 1;

	*next = longer < max ? longer : max;
	return interval - tenth + (int64_t)random % (2 * tenth + 1);
}
