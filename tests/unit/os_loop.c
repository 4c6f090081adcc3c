#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/loop.h"

struct state {
	struct loop *loop;
	struct timer timer, other;
	struct deferred deferred, second;
	int fd[2];
	int calls, others;
	int64_t at;
	pthread_t thread;
};

static void
count(void *arg)
{
	struct state *s = arg;

	s->calls++;
	s->at = loop_now(s->loop);
}

static void
count_other(void *arg)
{
	struct state *s = arg;

	s->others++;
}

static void
no_signal(void *unused, int signo)
{
	(void)unused;
	fail_msg("signal %d", signo);
}

static void
stop(void *loop)
{
	loop_stop(loop);
}

static void
nothing_to_wait_for_returns_at_once(void **unused)
{
	struct loop *loop = loop_new();

	(void)unused;
	loop_run(loop);
	loop_on_signal(loop, no_signal, NULL);
	loop_run(loop);
	loop_free(loop);
	loop_free(NULL);
}

static void
timer_comes_once_and_never_early(void **unused)
{
	struct state s = {.loop = loop_new()};
	int64_t start = loop_now(s.loop);

	(void)unused;
	loop_at(s.loop, &s.timer, start + 20, count, &s);
	assert_int_not_equal(s.timer.pos, 0);
	loop_run(s.loop);
	assert_int_equal(s.calls, 1);
	assert_int_equal(s.timer.pos, 0);
	assert_true(s.at >= start + 20);
	loop_free(s.loop);
}

static void
timer_moves_and_cancels(void **unused)
{
	struct state s = {.loop = loop_new()};
	int64_t start = loop_now(s.loop);

	(void)unused;
	loop_at(s.loop, &s.timer, start + 3600000, count_other, &s);
	loop_at(s.loop, &s.other, start + 3600000, count_other, &s);
	loop_at(s.loop, &s.timer, start + 5, count, &s);
	loop_cancel(s.loop, &s.other);
	loop_cancel(s.loop, &s.other);
	loop_run(s.loop);
	assert_int_equal(s.calls, 1);
	assert_int_equal(s.others, 0);
	assert_true(loop_now(s.loop) < start + 3600000);
	loop_free(s.loop);
}

static void
set_again(void *arg)
{
	struct state *s = arg;

	if (++s->calls < 1000)
		loop_at(s->loop, &s->timer, 0, set_again, s);
}

static void
timer_may_set_itself_again(void **unused)
{
	struct state s = {.loop = loop_new()};

	(void)unused;
	loop_at(s.loop, &s.timer, 0, set_again, &s);
	loop_run(s.loop);
	assert_int_equal(s.calls, 1000);
	loop_free(s.loop);
}

/* Many timers: all are called, in order of time, in little time. */

struct many {
	struct loop *loop;
	int64_t last;
	int called, disorder;
};

struct one {
	struct timer timer; /* first, so that its address is the struct's */
	struct many *many;
};

static void
in_order(void *arg)
{
	struct one *one = arg;

	one->many->called++;
	one->many->disorder += one->timer.at < one->many->last;
	one->many->last = one->timer.at;
}

static double
cpu_seconds(void)
{
	struct rusage ru;

	getrusage(RUSAGE_SELF, &ru);
	return (double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) +
	       (double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6;
}

static void
hundred_thousand_timers(void **unused)
{
	enum { N = 100000 };
	struct many many = {.loop = loop_new()};
	struct one *ones = calloc(N, sizeof *ones);
	int64_t start = loop_now(many.loop);
	double cpu = cpu_seconds();
	uint32_t random = 1;

	(void)unused;
	assert_non_null(ones);
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < N; i++) {
			random = random * 1664525 + 1013904223;
			ones[i].many = &many;
			loop_at(many.loop, &ones[i].timer, start + random % 200, in_order,
			    &ones[i]);
		}
	for (int i = 0; i < N; i += 2)
		loop_cancel(many.loop, &ones[i].timer);
	loop_run(many.loop);
	assert_int_equal(many.called, N / 2);
	assert_int_equal(many.disorder, 0);
	assert_true(cpu_seconds() - cpu < 2);
	free(ones);
	loop_free(many.loop);
}

static void
read_all(void *arg, int fd, uint32_t events)
{
	struct state *s = arg;
	char c;

	assert_true(events & (EPOLLIN | EPOLLHUP));
	if (read(fd, &c, 1) == 1)
		s->calls++;
	else
		loop_unwatch(s->loop, fd);
}

static void
descriptor_is_called_until_unwatched(void **unused)
{
	struct state s = {.loop = loop_new()};

	(void)unused;
	assert_int_equal(pipe(s.fd), 0);
	assert_int_equal(write(s.fd[1], "abc", 3), 3);
	close(s.fd[1]);
	loop_watch(s.loop, s.fd[0], EPOLLIN, read_all, &s);
	loop_run(s.loop);
	assert_int_equal(s.calls, 3);
	close(s.fd[0]);
	loop_free(s.loop);
}

static void
regular_file_is_always_ready(void **unused)
{
	struct state s = {.loop = loop_new()};
	FILE *f = tmpfile();

	(void)unused;
	assert_non_null(f);
	fputs("hello", f);
	rewind(f);
	loop_watch(s.loop, fileno(f), EPOLLIN, read_all, &s);
	loop_at(s.loop, &s.timer, loop_now(s.loop) + 1, count_other, &s);
	loop_run(s.loop);
	assert_int_equal(s.calls, 5);
	assert_int_equal(s.others, 1);
	fclose(f);
	loop_free(s.loop);
}

static void
drop_both(void *arg, int fd, uint32_t events)
{
	struct state *s = arg;

	(void)fd;
	(void)events;
	s->calls++;
	loop_unwatch(s->loop, s->fd[0]);
	loop_unwatch(s->loop, s->fd[1]);
	close(s->fd[0]);
	close(s->fd[1]);
	/* The descriptor numbers are reused at once by one that is not ready. */
	assert_int_equal(pipe(s->fd), 0);
	loop_watch(s->loop, s->fd[0], EPOLLIN, drop_both, s);
	loop_at(s->loop, &s->timer, loop_now(s->loop) + 5, stop, s->loop);
}

static void
stale_event_is_not_delivered(void **unused)
{
	struct state s = {.loop = loop_new()};
	int a[2], b[2];

	(void)unused;
	assert_int_equal(pipe(a), 0);
	assert_int_equal(pipe(b), 0);
	assert_int_equal(write(a[1], "x", 1), 1);
	assert_int_equal(write(b[1], "x", 1), 1);
	s.fd[0] = a[0];
	s.fd[1] = b[0];
	loop_watch(s.loop, a[0], EPOLLIN, drop_both, &s);
	loop_watch(s.loop, b[0], EPOLLIN, drop_both, &s);
	loop_run(s.loop);
	assert_int_equal(s.calls, 1);
	close(s.fd[0]);
	close(s.fd[1]);
	close(a[1]);
	close(b[1]);
	loop_free(s.loop);
}

static void
defer_again(void *arg)
{
	struct state *s = arg;

	if (++s->calls < 3)
		loop_defer(s->loop, &s->deferred, defer_again, s);
}

static void
deferred_runs_once_before_the_wait(void **unused)
{
	struct state s = {.loop = loop_new()};

	(void)unused;
	loop_defer(s.loop, &s.deferred, count, &s);
	loop_defer(s.loop, &s.deferred, count, &s);
	loop_defer(s.loop, &s.second, count_other, &s);
	loop_undefer(s.loop, &s.second);
	loop_run(s.loop);
	assert_int_equal(s.calls, 1);
	assert_int_equal(s.others, 0);
	s.calls = 0;
	loop_defer(s.loop, &s.deferred, defer_again, &s);
	loop_run(s.loop);
	assert_int_equal(s.calls, 3);
	loop_free(s.loop);
}

static void
note_idle(void *arg)
{
	struct state *s = arg;

	assert_int_equal(s->calls, 3);
	s->others++;
	if (s->others < 3)
		loop_idle(s->loop, &s->second, note_idle, s);
}

static void
idle_runs_after_all_else(void **unused)
{
	struct state s = {.loop = loop_new()};
	struct deferred none = {0};

	(void)unused;
	loop_idle(s.loop, &s.second, note_idle, &s);
	loop_idle(s.loop, &none, count, &s);
	loop_unidle(s.loop, &none);
	loop_defer(s.loop, &s.deferred, defer_again, &s);
	loop_run(s.loop);
	assert_int_equal(s.calls, 3);
	assert_int_equal(s.others, 3);
	loop_free(s.loop);
}

static void
stop_and_defer(void *arg)
{
	struct state *s = arg;

	loop_stop(s->loop);
	loop_defer(s->loop, &s->deferred, count, s);
}

static void
stop_still_runs_deferred_calls(void **unused)
{
	struct state s = {.loop = loop_new()};

	(void)unused;
	loop_at(s.loop, &s.timer, 0, stop_and_defer, &s);
	loop_at(s.loop, &s.other, loop_now(s.loop) + 3600000, count_other, &s);
	loop_run(s.loop);
	assert_int_equal(s.calls, 1);
	assert_int_equal(s.others, 0);
	loop_free(s.loop);
}

static void
on_signal(void *arg, int signo)
{
	struct state *s = arg;

	s->calls++;
	s->others = signo;
	loop_cancel(s->loop, &s->timer);
}

static void
signal_reaches_the_loop(void **unused)
{
	struct state s = {.loop = loop_new()};

	(void)unused;
	loop_on_signal(s.loop, on_signal, &s);
	loop_at(s.loop, &s.timer, loop_now(s.loop) + 3600000, count, &s);
	assert_int_equal(kill(getpid(), SIGTERM), 0);
	loop_run(s.loop);
	assert_int_equal(s.calls, 1);
	assert_int_equal(s.others, SIGTERM);
	loop_free(s.loop);
}

static void
work(void *arg)
{
	struct state *s = arg;

	s->thread = pthread_self();
	usleep(1000);
	s->others = 1;
}

static void
work_done(void *arg)
{
	struct state *s = arg;

	assert_int_equal(s->others, 1);
	s->calls = pthread_equal(s->thread, pthread_self()) ? -1 : 1;
}

static void
work_runs_on_its_own_thread(void **unused)
{
	struct state s[8] = {0};
	struct loop *loop = loop_new();

	(void)unused;
	for (int i = 0; i < 8; i++)
		loop_work(loop, work, work_done, &s[i]);
	loop_run(loop);
	for (int i = 0; i < 8; i++)
		assert_int_equal(s[i].calls, 1);
	s[0] = (struct state){0};
	loop_work(loop, work, work_done, &s[0]);
	loop_free(loop);
	assert_int_equal(s[0].others, 1);
	assert_int_equal(s[0].calls, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_to_wait_for_returns_at_once),
	    cmocka_unit_test(timer_comes_once_and_never_early),
	    cmocka_unit_test(timer_moves_and_cancels),
	    cmocka_unit_test(timer_may_set_itself_again),
	    cmocka_unit_test(hundred_thousand_timers),
	    cmocka_unit_test(descriptor_is_called_until_unwatched),
	    cmocka_unit_test(regular_file_is_always_ready),
	    cmocka_unit_test(stale_event_is_not_delivered),
	    cmocka_unit_test(deferred_runs_once_before_the_wait),
	    cmocka_unit_test(idle_runs_after_all_else),
	    cmocka_unit_test(stop_still_runs_deferred_calls),
	    cmocka_unit_test(signal_reaches_the_loop),
	    cmocka_unit_test(work_runs_on_its_own_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
