/* Programs of a pipe read and write their shared seats while others end at any moment. */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "os/pipeline.h"

enum { LOCK_JOINING = 1 << 24 };

static char dir[] = "/tmp/os_pipeline.XXXXXX";
static struct seat lines[PIPELINE_SEATS];

static void *
wait_on(void *arg)
{
	while (!atomic_load((atomic_bool *)arg))
		pipeline_wait(INT64_MAX, "a lock of process %d", (int)getpid());
	return NULL;
}

/* A thread may tell what it waits for at any time, also while the program leaves. */
static void
told_while_leaving(void **state)
{
	atomic_bool end = false;
	pthread_t thread;
	size_t n;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, wait_on, &end), 0);
	for (int i = 0; i < 200; i++) {
		assert_true(pipeline_join("upload"));
		pipeline_publish();
		assert_true(pipeline_leave(lines, &n));
		assert_int_equal(n, 1);
		assert_string_equal(lines[0].step, "upload");
	}
	atomic_store(&end, true);
	pthread_join(thread, NULL);
}

static void
wait_for(int fd)
{
	char c;

	if (read(fd, &c, 1) != 1)
		_exit(1);
}

/* A process that joins, and leaves when it is told to. */
static pid_t
start_other(int joined, int leave)
{
	size_t n;
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	if (!pipeline_join("other") || write(joined, "", 1) != 1)
		_exit(1);
	wait_for(leave);
	_exit(pipeline_leave(lines, &n));
}

/* A process that has the lock for joining and leaving until it is killed. */
static pid_t
start_locker(int locked)
{
	struct flock fl = {
	    .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = LOCK_JOINING, .l_len = 1};
	char path[128];
	pid_t pid = fork();
	int fd;

	if (pid != 0)
		return pid;
	snprintf(path, sizeof path, "%s/avtools/pipe-%d", dir, (int)getpgrp());
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 || fcntl(fd, F_SETLK, &fl) != 0 || write(locked, "", 1) != 1)
		_exit(1);
	pause();
	_exit(1);
}

/* A program that leaves while another one is stopped with the lock has left, and was not
 * killed. */
static void
left_without_the_lock(void **state)
{
	int ready[2], leave[2], status = -1;
	pid_t other, locker;
	size_t n;

	(void)state;
	assert_int_equal(pipe(ready) | pipe(leave), 0);
	assert_true(pipeline_join("mine"));
	other = start_other(ready[1], leave[0]);
	wait_for(ready[0]);
	locker = start_locker(ready[1]);
	wait_for(ready[0]);
	assert_int_equal(write(leave[1], "", 1), 1);
	assert_int_equal(waitpid(other, &status, 0), other);
	assert_int_equal(status, 0);
	assert_int_equal(pipeline_look(lines), 2);
	assert_string_equal(lines[1].step, "other");
	assert_int_equal(lines[1].state, SEAT_LEFT);
	assert_int_equal(lines[1].killed, 0);
	kill(locker, SIGKILL);
	waitpid(locker, &status, 0);
	assert_true(pipeline_leave(lines, &n));
	assert_int_equal(n, 2);
}

/* Starts the program that reads this one's output, which becomes a pipe. It ends with its
 * input. */
static pid_t
start_next(void)
{
	int ends[2];
	pid_t pid;
	char c;

	assert_int_equal(pipe(ends), 0);
	prctl(PR_SET_NAME, "av-mine"); /* and the next one's */
	pid = fork();
	if (pid == 0) {
		dup2(ends[0], STDIN_FILENO);
		close(ends[1]);
		(void)!read(STDIN_FILENO, &c, 1);
		_exit(0);
	}
	dup2(ends[1], STDOUT_FILENO);
	close(ends[0]);
	close(ends[1]);
	return pid;
}

/* A program that had no time to look has its place in the pipe, although the next one ended
 * before it left. */
static void
next_ends_first(void **state)
{
	int out = dup(STDOUT_FILENO), null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	pid_t pid = start_next();
	size_t n;

	(void)state;
	assert_true(pipeline_join("mine"));
	pipeline_find_next_at_end();
	dup2(null, STDOUT_FILENO);
	waitpid(pid, NULL, 0);
	assert_true(pipeline_leave(lines, &n));
	dup2(out, STDOUT_FILENO);
	close(out);
	close(null);
	assert_int_equal(n, 1);
	assert_int_equal(lines[0].level, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(told_while_leaving),
	    cmocka_unit_test(next_ends_first), cmocka_unit_test(left_without_the_lock)};
	char path[128];
	int failed;

	if (mkdtemp(dir) == NULL || setenv("XDG_RUNTIME_DIR", dir, 1) != 0)
		return 1;
	failed = cmocka_run_group_tests_name("pipeline", tests, NULL, NULL);
	snprintf(path, sizeof path, "%s/avtools", dir);
	rmdir(path);
	rmdir(dir);
	return failed;
}
