#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/sha256.h"
#include "os/run_id.h"

#define DIGITS 12

/* When a process was started, in ticks since boot; 0 if it is gone. */
static unsigned long long
started(pid_t pid)
{
	char path[32], text[1024];
	unsigned long long ticks = 0;
	const char *rest;
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, text, sizeof text - 1);
		close(fd);
	}
	text[n > 0 ? n : 0] = '\0';
	/* The name, in parentheses, may contain anything. Field 22 is the start. */
	rest = strrchr(text, ')');
	if (rest != NULL)
		sscanf(rest + 1,
		    " %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s"
		    " %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu",
		    &ticks);
	return ticks;
}

static void
derive(char *id)
{
	char boot[CLOCK_BOOT_ID], text[128], hex[SHA256_HEX];
	pid_t session = getsid(0);
	struct sha256 sha;
	int len;

	clock_boot_id(boot);
	len = snprintf(text, sizeof text, "%s %d %llu %d", boot, (int)session,
	    started(session), (int)getpgrp());
	sha256_init(&sha);
	sha256_add(&sha, text, (size_t)len);
	sha256_hex(&sha, hex);
	memcpy(id, hex, DIGITS);
}

const char *
run_id(void)
{
	static const char allowed[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	static char id[RUN_ID_MAX + 1];
	const char *given = getenv("AV_RUN");
	size_t len = given != NULL ? strlen(given) : 0;

	if (id[0] != '\0')
		return id;
	if (len > 0 && len <= RUN_ID_MAX && strspn(given, allowed) == len)
		memcpy(id, given, len);
	else
		derive(id);
	return id;
}
