#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/apart.h"

/* What the child tells. Smaller than PIPE_BUF, so written whole. */
struct report {
	int result;
	struct err err;
};

static bool
alone(void)
{
	struct stat st;

	/* One directory a thread, beside "." and "..". */
	return stat("/proc/self/task", &st) == 0 && st.st_nlink == 3;
}

/* Leaves stderr, keep and out; what others wait for the end of must not stay open here. */
static void
let_go(int keep, int out)
{
	int low = keep < out ? keep : out, high = keep < out ? out : keep;
	int null = open("/dev/null", O_RDWR);

	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
	}
	if (low > STDERR_FILENO + 1)
		close_range(STDERR_FILENO + 1, (unsigned)low - 1, 0);
	if (high > low + 1)
		close_range((unsigned)low + 1, (unsigned)high - 1, 0);
	close_range((unsigned)high + 1, ~0U, 0);
}

_Noreturn static void
child(int (*fn)(void *, struct err *), void *arg, int keep, int out)
{
	struct report report = {0};

	setsid();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	let_go(keep, out);
	report.result = fn(arg, &report.err);
	/* Where nobody reads it any more, the work is done all the same. */
	_exit(write(out, &report, sizeof report) == (ssize_t)sizeof report ? 0 : 1);
}

int
child_run_detached(
    int (*fn)(void *arg, struct err *e), void *arg, int keep, struct err *e)
{
	struct report report;
	int pipes[2];
	ssize_t n;
	pid_t pid;

	if (!alone() || pipe2(pipes, O_CLOEXEC) != 0)
		return fn(arg, e);
	pid = fork();
	if (pid == 0)
		child(fn, arg, keep, pipes[1]);
	close(pipes[1]);
	if (pid < 0) {
		close(pipes[0]);
		return fn(arg, e);
	}
	while ((n = read(pipes[0], &report, sizeof report)) < 0 && errno == EINTR)
		;
	close(pipes[0]);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (n != (ssize_t)sizeof report)
		return err_set(
		    e, CODE_INTERRUPTED, "the process that got the token was killed");
	if (report.result < 0)
		*e = report.err;
	return report.result;
}
