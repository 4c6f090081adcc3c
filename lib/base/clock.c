#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

void
clock_stamp_now(struct clock_stamp *m)
{
	struct timespec t;
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;

	*m = (struct clock_stamp){.wall = time(NULL)};
	if (clock_gettime(CLOCK_BOOTTIME, &t) == 0)
		m->boot = t.tv_sec;
	if (fd >= 0) {
		n = read(fd, m->boot_id, 36);
		close(fd);
	}
	if (n != 36)
		m->boot_id[0] = '\0';
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
