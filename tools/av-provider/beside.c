#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "tool.h"

/* The path of a program that stands beside this one; its name alone, which is looked for in
 * PATH, if there is none. The caller frees it. */
static char *
find(const char *name)
{
	char *self = realpath("/proc/self/exe", NULL), *slash, *path;

	if (self == NULL || (slash = strrchr(self, '/')) == NULL)
		return mem_str(name);
	path = mem_printf("%.*s/%s", (int)(slash - self), self, name);
	free(self);
	if (access(path, X_OK) == 0)
		return path;
	free(path);
	return mem_str(name);
}

static void
read_all(int fd, struct buf *out)
{
	ssize_t n;

	for (;;) {
		n = read(fd, buf_room(out, 65536), 65536);
		if (n > 0)
			out->len += (size_t)n;
		else if (n == 0 || errno != EINTR)
			break;
	}
	buf_add(out, "", 0);
}

int
run_beside(char *const argv[], struct buf *out)
{
	posix_spawn_file_actions_t actions;
	char *path = find(argv[0]);
	int ends[2], status, failed;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0 || posix_spawn_file_actions_init(&actions) != 0)
		die(EX_OSERR, "cannot run %s: %s", argv[0], strerror(errno));
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	failed = posix_spawnp(&pid, path, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	if (failed != 0)
		die(EX_UNAVAILABLE, "cannot run %s: %s; install all programs of avtools",
		    argv[0], strerror(failed));
	read_all(ends[0], out);
	close(ends[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!WIFEXITED(status))
		die(EX_SOFTWARE, "%s was ended by signal %d", argv[0], WTERMSIG(status));
	free(path);
	return WEXITSTATUS(status);
}
