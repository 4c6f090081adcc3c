#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"

/* Reads a number from 0 up; *end points behind it. */
static bool
number(const char *s, double *value, const char **end)
{
	char *stop;

	errno = 0;
	*value = strtod(s, &stop);
	*end = stop;
	return stop != s && errno == 0 && strspn(s, "0123456789.") == (size_t)(stop - s);
}

bool
units_ms(const char *s, int64_t *ms)
{
	static const struct {
		const char *unit;
		double seconds;
	} units[] = {
	    {"", 1}, {"s", 1}, {"ms", 0.001}, {"m", 60}, {"h", 3600}, {"d", 86400}};
	const char *end;
	double value;

	if (!number(s, &value, &end))
		return false;
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		double in_ms = value * units[i].seconds * 1000;
		if (strcmp(end, units[i].unit) == 0 && in_ms < 1e13) {
			*ms = (int64_t)in_ms;
			return true;
		}
	}
	return false;
}

bool
units_rate(const char *s, double *per_second)
{
	const char *end;

	if (!number(s, per_second, &end) || *per_second <= 0)
		return false;
	if (strcmp(end, "/m") != 0)
		return *end == '\0' || strcmp(end, "/s") == 0;
	*per_second /= 60;
	return true;
}

bool
units_count(const char *s, int64_t *value)
{
	*value = strtoll(s, NULL, 10);
	return s[strspn(s, "0123456789")] == '\0' && *value >= 1 && *value <= INT32_MAX;
}

bool
units_bytes(const char *s, int64_t *bytes)
{
	static const struct {
		const char *unit;
		int shift;
	} units[] = {{"", 0}, {"k", 10}, {"M", 20}, {"G", 30}};
	size_t digits = strspn(s, "0123456789");

	for (size_t i = 0; digits > 0 && i < sizeof units / sizeof *units; i++) {
		int64_t n = strtoll(s, NULL, 10);

		if (strcmp(s + digits, units[i].unit) != 0)
			continue;
		*bytes = n << units[i].shift;
		return n > 0 && n <= INT64_MAX >> units[i].shift;
	}
	return false;
}
