/*
 * home: a directory of the fuzzer's own for files that the library finds by itself.
 */
#ifndef AV_FUZZ_HOME_H
#define AV_FUZZ_HOME_H

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "json_parts.h"

/* Makes it at the first call, for state and configuration. It stays until
 * run.sh removes its TMPDIR. */
static inline const char *
fuzz_home(void)
{
	static char home[200];
	const char *tmp = getenv("TMPDIR");

	if (home[0] == '\0') {
		snprintf(home, sizeof home, "%.100s/fuzz.XXXXXX",
		    tmp != NULL ? tmp : "/tmp");
		need(mkdtemp(home) != NULL);
		setenv("XDG_STATE_HOME", home, 1);
		setenv("XDG_CONFIG_HOME", home, 1);
	}
	return home;
}

/* Replaces what is in a file that only its owner may read. */
static inline void
fuzz_file(const char *path, const void *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	need(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
}

#endif
