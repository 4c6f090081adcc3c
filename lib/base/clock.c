#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

static struct timespec
read_clock(clockid_t clock)
{
	struct timespec t = {0};

	(void)clock_gettime(clock, &t); /* cannot fail for the clocks used here */
	return t;
}

static int64_t
to_ms(struct timespec t)
{
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t
clock_unix_ms(void)
{
	return to_ms(read_clock(CLOCK_REALTIME));
}

int64_t
clock_monotonic_ms(void)
{
	return to_ms(read_clock(CLOCK_MONOTONIC));
}

void
clock_sleep_ms(int64_t ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
}

int64_t
clock_boot_ns(void)
{
	struct timespec t = read_clock(CLOCK_BOOTTIME);

	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

bool
clock_boot_id(char id[CLOCK_BOOT_ID])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	bool known = false;

	memset(id, 0, CLOCK_BOOT_ID);
	if (fd >= 0) {
		known = read(fd, id, CLOCK_BOOT_ID - 1) == CLOCK_BOOT_ID - 1;
		close(fd);
	}
	if (!known)
		id[0] = '\0';
	return known;
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
	int64_t age;

	if (then->wall > now->wall)
		return -1;
	age = now->wall - then->wall;
	if (now->boot_id[0] != '\0' && strcmp(now->boot_id, then->boot_id) == 0 &&
	    now->boot - then->boot > age)
		age = now->boot - then->boot;
	return age;
}
