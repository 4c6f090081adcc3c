#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

static int64_t
read_ns(clockid_t clock)
{
	struct timespec t = {0};

	(void)clock_gettime(clock, &t); /* cannot fail for the clocks used here */
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t
clock_unix_ms(void)
{
	return read_ns(CLOCK_REALTIME) / 1000000;
}

int64_t
clock_monotonic_ms(void)
{
	return read_ns(CLOCK_MONOTONIC) / 1000000;
}

int64_t
clock_boot_ns(void)
{
	return read_ns(CLOCK_BOOTTIME);
}

void
clock_sleep_ms(int64_t ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
}

void
clock_boot_id(char id[CLOCK_BOOT_ID])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	memset(id, 0, CLOCK_BOOT_ID);
	if (fd < 0)
		return;
	if (read(fd, id, CLOCK_BOOT_ID - 1) != CLOCK_BOOT_ID - 1)
		id[0] = '\0';
	close(fd);
}

void
clock_stamp_now(struct clock_stamp *stamp)
{
	stamp->wall = clock_unix_ms() / 1000;
	stamp->boot = clock_boot_ns() / 1000000000;
	clock_boot_id(stamp->boot_id);
}

int64_t
clock_stamp_age(const struct clock_stamp *then, const struct clock_stamp *now)
{
	int64_t age = now->wall - then->wall;

	if (age >= 0 && now->boot_id[0] != '\0' &&
	    strcmp(now->boot_id, then->boot_id) == 0 && now->boot - then->boot > age)
		return now->boot - then->boot;
	return age < 0 ? -1 : age;
}

#define UNIX_DIGITS 9    /* of a Unix time at least: since 1973 */
#define UNIX_MS     1e11 /* from here on it is in milliseconds */
#define UNIX_MAX    1e14

static bool
read_unix(const char *text, int64_t *ms)
{
	size_t n = strspn(text, "0123456789");
	double value = strtod(text, NULL);

	if (n < UNIX_DIGITS || value >= UNIX_MAX ||
	    (text[n] != '\0' &&
	        (text[n] != '.' ||
	            text[n + 1 + strspn(text + n + 1, "0123456789")] != '\0')))
		return false;
	*ms = (int64_t)(value < UNIX_MS ? value * 1000 : value);
	return true;
}

bool
clock_read(const char *text, int64_t *ms, bool *zoned)
{
	struct tm tm = {0};
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	int64_t fraction = 0, zone = 0;

	if (rest == NULL)
		return *zoned = read_unix(text, ms);
	if (*rest == '.') {
		char *end;
		fraction = (int64_t)(strtod(rest, &end) * 1000);
		rest = end;
	}
	*zoned = *rest != '\0';
	if (*rest == '+' || *rest == '-') {
		if (strlen(rest) != sizeof "+00:00" - 1 || rest[3] != ':')
			return false;
		zone = (strtol(rest + 1, NULL, 10) * 60 + strtol(rest + 4, NULL, 10)) *
		       (*rest == '-' ? -60 : 60);
	} else if (*zoned && strcmp(rest, "Z") != 0 && strcmp(rest, "z") != 0) {
		return false;
	}
	*ms = ((int64_t)timegm(&tm) - zone) * 1000 + fraction;
	return true;
}

const char *
clock_write(char *text, int64_t ms)
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;
	size_t n;

	if (ms < 0 || ms > INT64_C(253402300799999) || gmtime_r(&seconds, &tm) == NULL)
		return NULL;
	n = strftime(text, CLOCK_TEXT, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + n, CLOCK_TEXT - n, ".%03dZ", (int)(ms % 1000));
	return text;
}
