#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/clock.h"
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

/* Midnight of the local day, `days` days later. */
static int64_t
midnight(time_t at, int days)
{
	struct tm tm;

	localtime_r(&at, &tm);
	tm.tm_mday += days;
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	tm.tm_isdst = -1;
	return (int64_t)mktime(&tm) * 1000;
}

/* How many days ago the day was, from 0; -1: it is no day's name. */
static int
days_since(const char *s, time_t now)
{
	static const char *const names[] = {
	    "sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"};
	struct tm today;

	localtime_r(&now, &today);
	for (int i = 0; i < 7; i++)
		if (strcasecmp(s, names[i]) == 0 ||
		    (strlen(s) == 3 && strncasecmp(s, names[i], 3) == 0))
			return (today.tm_wday - i + 7) % 7;
	if (strcasecmp(s, "yesterday") == 0)
		return 1;
	return strcasecmp(s, "today") == 0 ? 0 : -1;
}

/* Reads a time without a zone as local time. */
static bool
local_time(const char *s, int64_t *ms)
{
	struct tm tm;
	bool zoned;
	time_t at;

	if (!clock_read(s, ms, &zoned))
		return false;
	if (zoned)
		return true;
	at = (time_t)(*ms / 1000);
	gmtime_r(&at, &tm);
	tm.tm_isdst = -1;
	*ms = (int64_t)mktime(&tm) * 1000 + *ms % 1000;
	return true;
}

bool
units_when(const char *s, bool end, int64_t now, int64_t *ms)
{
	size_t len = strlen(s);
	int days = days_since(s, (time_t)(now / 1000));
	int64_t age;
	char day[32];

	if (days >= 0) {
		*ms = midnight((time_t)(now / 1000), (end ? 1 : 0) - days);
		return true;
	}
	if (len > 0 && isalpha((unsigned char)s[len - 1]) && units_ms(s, &age)) {
		*ms = now - age;
		return true;
	}
	if (len != sizeof "2026-11-21" - 1)
		return local_time(s, ms);
	snprintf(day, sizeof day, "%sT00:00:00", s);
	if (!local_time(day, ms))
		return false;
	if (end)
		*ms = midnight((time_t)(*ms / 1000), 1);
	return true;
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
		if (n < 1 || n > INT64_MAX >> units[i].shift)
			return false;
		*bytes = n << units[i].shift;
		return true;
	}
	return false;
}

void
units_write_ms(struct buf *out, int64_t ms)
{
	int64_t s = (ms + 500) / 1000, tenths = (ms + 50) / 100;

	if (ms < 9950)
		buf_printf(out, "%.15g s", (double)tenths / 10);
	else if (s < 60)
		buf_printf(out, "%lld s", (long long)s);
	else if (s < 3600)
		buf_printf(out, "%lld min %lld s", (long long)s / 60, (long long)s % 60);
	else
		buf_printf(
		    out, "%lld h %lld min", (long long)s / 3600, (long long)s / 60 % 60);
}
