/* The pace: rate, fairness and damaged files, in one process and in many. */
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "service/pace.h"

static char dir[PATH_MAX];

static struct pace *
open_pace(double rate, unsigned burst, unsigned jobs)
{
	struct pace_limits limits = {.rate = rate, .burst = burst, .jobs = jobs};

	return pace_open("p", "https://api.example/v1", "default", &limits);
}

static double
seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void
sleep_ms(int64_t ms)
{
	struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	while (ms > 0 && nanosleep(&ts, &ts) < 0)
		;
}

/* How many more requests may be in flight for the account. */
static int
free_slots(struct pace *p)
{
	int slots[PACE_JOBS], n = 0;

	while (n < PACE_JOBS && (slots[n] = pace_enter(p)) >= 0)
		n++;
	for (int i = 0; i < n; i++)
		pace_leave(p, slots[i]);
	return n;
}

static int
unlink_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int
setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof dir, "%s/av-pace-XXXXXX",
	    getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
	if (mkdtemp(dir) == NULL)
		return -1;
	return setenv("XDG_STATE_HOME", dir, 1);
}

static int
teardown(void **state)
{
	(void)state;
	return nftw(dir, unlink_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* The path of the only file. */
static char *
the_file(void)
{
	char *where = mem_printf("%s/avtools/pace", dir), *path = NULL;
	DIR *d = opendir(where);
	struct dirent *entry;

	assert_non_null(d);
	while ((entry = readdir(d)) != NULL)
		if (entry->d_name[0] != '.')
			path = mem_printf("%s/%s", where, entry->d_name);
	closedir(d);
	free(where);
	assert_non_null(path);
	return path;
}

static void
send_times_are_an_interval_apart(void **state)
{
	struct pace *p = open_pace(2, 1, 0), *q = open_pace(2, 1, 0);

	(void)state;
	assert_int_equal(pace_reserve(p), 0);
	assert_in_range(pace_reserve(q), 490, 511);
	assert_in_range(pace_reserve(p), 980, 1021);
	assert_in_range(pace_reserve(q), 1470, 1531);
	pace_free(p);
	pace_free(q);
}

static void
a_burst_then_the_rate(void **state)
{
	struct pace *p = open_pace(1, 3, 0);

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(pace_reserve(p), 0);
	assert_in_range(pace_reserve(p), 980, 1021);
	assert_in_range(pace_reserve(p), 1980, 2041);
	pace_free(p);
}

static void
no_rate_no_wait(void **state)
{
	struct pace *p = open_pace(0, 0, 0);

	(void)state;
	for (int i = 0; i < 100; i++)
		assert_int_equal(pace_reserve(p), 0);
	pace_pause(p, 400);
	assert_in_range(pace_reserve(p), 380, 401);
	pace_free(p);
}

static void
a_pause_holds_for_all(void **state)
{
	struct pace *p = open_pace(10, 5, 0), *q = open_pace(10, 5, 0);

	(void)state;
	assert_false(pace_paused(q));
	pace_pause(p, 2000);
	pace_pause(p, 10); /* does not shorten the pause */
	assert_true(pace_paused(q));
	/* The end of a pause brings no burst. */
	assert_in_range(pace_reserve(q), 1980, 2001);
	assert_in_range(pace_reserve(p), 2080, 2103);
	assert_in_range(pace_reserve(q), 2180, 2205);
	pace_free(p);
	pace_free(q);
}

static void
accounts_and_classes_are_separate(void **state)
{
	struct pace_limits limits = {.rate = 1};
	struct pace *p = pace_open("p", "https://a", "x", &limits);
	struct pace *q = pace_open("p", "https://a", "y", &limits);
	struct pace *r = pace_open("p", "https://ax", "", &limits);
	struct pace *s = pace_open("../p", "https://a", "x", &limits);
	struct pace *t, *u;

	(void)state;
	limits.of = "read";
	t = pace_open("p", "https://a", "x", &limits);
	u = pace_open("p", "https://a", "x", &limits);
	assert_int_equal(pace_reserve(p), 0);
	assert_int_equal(pace_reserve(q), 0);
	assert_int_equal(pace_reserve(r), 0);
	assert_int_equal(pace_reserve(s), 0);
	assert_int_equal(pace_reserve(t), 0);
	pace_pause(p, 500);
	assert_false(pace_paused(t));
	assert_in_range(pace_reserve(u), 980, 1021);
	pace_free(t);
	pace_free(u);
	pace_free(p);
	pace_free(q);
	pace_free(r);
	pace_free(s);
}

static void
overwrite(off_t at, const void *data, size_t len)
{
	char *path = the_file();
	int fd = open(path, O_WRONLY);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, data, len, at), len);
	close(fd);
	free(path);
}

/* Without a rate and without halving a request changes nothing, so it does not wait for another
 * process that locks the file. */
static void
without_a_rate_nobody_waits_for_the_file(void **state)
{
	struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
	struct pace *p = open_pace(0, 1, 0);
	char *path;
	int fd, slot;

	(void)state;
	assert_int_equal(pace_reserve(p), 0); /* creates the file */
	path = the_file();
	fd = open(path, O_RDWR);
	assert_int_equal(fcntl(fd, F_OFD_SETLK, &all), 0);
	alarm(10); /* kills the process if it blocks */
	assert_int_equal(pace_reserve(p), 0);
	assert_false(pace_paused(p));
	slot = pace_enter(p);
	assert_int_equal(slot, 0);
	pace_ok(p, slot);
	pace_leave(p, slot);
	assert_int_equal(free_slots(p), PACE_JOBS);
	alarm(0);
	close(fd);
	free(path);
	pace_free(p);
}

/* A file that is damaged, truncated or of another boot counts as new, so nobody waits for years. */
static void
a_damaged_file_counts_as_new(void **state)
{
	static const char garbage[] = "garbagegarbagegarbagegarbage";
	struct pace *p = open_pace(1, 1, 0);
	char *path;

	(void)state;
	for (off_t at = 0; at < 80; at += 8) {
		pace_reserve(p);
		assert_true(pace_reserve(p) > 0);
		overwrite(at, garbage, 8);
		assert_int_equal(pace_reserve(p), 0);
	}
	path = the_file();
	assert_int_equal(truncate(path, 5), 0);
	free(path);
	assert_int_equal(pace_reserve(p), 0);
	assert_in_range(pace_reserve(p), 980, 1021);
	pace_free(p);
}

static void
files_are_private(void **state)
{
	struct pace *p = open_pace(1, 1, 0);
	char *path = the_file();
	struct stat st;

	(void)state;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	*strrchr(path, '/') = '\0';
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	free(path);
	pace_free(p);
}

static void
without_a_directory_the_pace_is_local(void **state)
{
	struct pace *p;

	(void)state;
	setenv("XDG_STATE_HOME", "/proc/nowhere", 1);
	err_set_level(-1);
	p = open_pace(2, 1, 4);
	assert_int_equal(pace_reserve(p), 0);
	assert_in_range(pace_reserve(p), 490, 511);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pace_enter(p), i);
	assert_int_equal(pace_enter(p), -1);
	pace_crowded(p, 0);
	for (int i = 0; i < 4; i++)
		pace_leave(p, i);
	assert_int_equal(free_slots(p), 2);
	pace_free(p);
	err_set_level(0);
}

static void
slots_in_flight_are_shared(void **state)
{
	struct pace *p = open_pace(0, 0, 3), *q = open_pace(0, 0, 3);
	int a = pace_enter(p), b = pace_enter(q), c = pace_enter(q);

	(void)state;
	assert_true(a >= 0 && b >= 0 && c >= 0);
	assert_int_equal(pace_enter(p), -1);
	assert_int_equal(pace_enter(q), -1);
	pace_leave(p, a);
	a = pace_enter(q);
	assert_true(a >= 0);
	pace_free(q); /* as when a process dies */
	for (int i = 0; i < 3; i++)
		assert_true(pace_enter(p) >= 0);
	pace_free(p);
}

static void
a_refusal_halves_once_and_success_restores(void **state)
{
	struct pace *p = open_pace(0, 0, 64), *q = open_pace(0, 0, 64);
	int ours[8], theirs[8], late;

	(void)state;
	for (int i = 0; i < 8; i++) {
		ours[i] = pace_enter(p);
		theirs[i] = pace_enter(q);
	}
	for (int i = 0; i < 8; i++)
		pace_crowded(i % 2 ? p : q, i % 2 ? ours[i] : theirs[i]);
	pace_ok(p, ours[0]); /* began before: says nothing about the new number */
	for (int i = 0; i < 8; i++) {
		pace_leave(p, ours[i]);
		pace_leave(q, theirs[i]);
	}
	for (int n = 8; n < 64; n++) {
		assert_int_equal(free_slots(p), n);
		assert_int_equal(free_slots(q), n);
		late = pace_enter(p);
		assert_int_equal(free_slots(q), n - 1);
		pace_ok(p, late);
		pace_leave(p, late);
	}
	assert_int_equal(free_slots(q), 64);
	late = pace_enter(p);
	pace_crowded(p, late);
	pace_leave(p, late);
	assert_int_equal(free_slots(q), 1);
	pace_free(p);
	pace_free(q);
}

static void
a_reservation_is_cheap(void **state)
{
	struct pace *p = open_pace(1e6, 1, 0);
	double t = seconds();
	int n = 20000;

	(void)state;
	for (int i = 0; i < n; i++)
		pace_reserve(p);
	t = (seconds() - t) / n;
	print_message("a reservation takes %.2f us\n", t * 1e6);
	/* The promise is 20 us; the rest is for sanitizers and a busy machine. */
	assert_true(t < 200e-6);
	pace_free(p);
}

/* Four processes at once: each send time is given to one of them. */
static void
no_send_time_is_given_twice(void **state)
{
	enum { EACH = 3000 };
	double t = seconds();
	pid_t pids[4];
	struct pace *p;

	(void)state;
	for (int i = 0; i < 4; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			p = open_pace(100, 1, 0);
			for (int n = 0; n < EACH; n++)
				pace_reserve(p);
			_exit(0);
		}
	}
	for (int i = 0; i < 4; i++)
		waitpid(pids[i], NULL, 0);
	p = open_pace(100, 1, 0);
	/* 12,000 send times 10 ms apart, less the time that has passed. */
	assert_in_range(
	    pace_reserve(p) + (int64_t)((seconds() - t) * 1000), 122390, 123500);
	pace_free(p);
}

/* Each of 50 processes asks for a send time, waits for it and asks again. One in five is killed
 * while it waits. How late a process wakes is not tested, since a busy machine may be late by
 * any time: only which send times were given. */
enum { PROCESSES = 50, SENDS = 3, RATE = 50 };

/* The send time is a wait from when the file was read, which was during the call. */
struct send {
	double least, most;
	int64_t wait;
};

static void
ask_and_wait(struct send *sends, bool dies)
{
	struct pace *p = open_pace(RATE, 1, 0);

	for (int n = 0; n < SENDS; n++) {
		double before = seconds();
		int64_t ms = pace_reserve(p);

		sends[n] = (struct send){.least = before + (double)(ms - 1) / 1000,
		    .most = seconds() + (double)ms / 1000,
		    .wait = ms};
		if (dies && n == 1)
			raise(SIGKILL);
		sleep_ms(ms);
	}
	pace_free(p);
}

/* How many send times are surely from one to the other. */
static int
sends_within(const struct send *sends, double from, double to)
{
	int n = 0;

	for (int i = 0; i < PROCESSES * SENDS; i++)
		if (sends[i].most > 0 && sends[i].least >= from && sends[i].most <= to)
			n++;
	return n;
}

static void
fifty_keep_to_one_rate(void **state)
{
	size_t size = PROCESSES * SENDS * sizeof(struct send);
	struct send *sends =
	    mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct pace *p = open_pace(RATE, 1, 0);
	int64_t most_wait = PROCESSES * pace_interval(p);
	pid_t pids[PROCESSES];

	(void)state;
	for (int i = 0; i < PROCESSES; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			ask_and_wait(sends + i * SENDS, i % 5 == 0);
			_exit(0);
		}
	}
	for (int i = 0; i < PROCESSES; i++)
		waitpid(pids[i], NULL, 0);
	for (int i = 0; i < PROCESSES * SENDS; i++) {
		bool asked = i / SENDS % 5 != 0 || i % SENDS < 2;

		assert_int_equal(asked, sends[i].most > 0);
		/* Each of the others, also a dead one, has one send time at most. */
		assert_true(sends[i].wait <= most_wait);
		for (int j = 0; asked && j < PROCESSES * SENDS; j++) {
			double length = sends[j].most - sends[i].least;
			int n = sends_within(sends, sends[i].least, sends[j].most);

			assert_true(n < 2 || n - 1 <= length * RATE);
		}
	}
	munmap(sends, size);
	pace_free(p);
}

static void
one_turn_for_all(void **state)
{
	struct pace *p = open_pace(1, 1, 0), *q = open_pace(1, 1, 0);

	(void)state;
	assert_true(pace_take_turn(p));
	assert_false(pace_take_turn(q));
	assert_false(pace_take_turn(q));
	assert_true(pace_give_turn(p)); /* q waits */
	assert_true(pace_take_turn(q));
	assert_false(pace_give_turn(q)); /* nobody waits */
	assert_true(pace_take_turn(q));
	assert_false(pace_take_turn(p));
	pace_give_turn(p); /* gives up waiting */
	assert_false(pace_take_turn(p));
	pace_free(q); /* as when a process dies */
	assert_true(pace_take_turn(p));
	pace_free(p);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(send_times_are_an_interval_apart),
	    TEST(a_burst_then_the_rate),
	    TEST(no_rate_no_wait),
	    TEST(a_pause_holds_for_all),
	    TEST(accounts_and_classes_are_separate),
	    TEST(without_a_rate_nobody_waits_for_the_file),
	    TEST(a_damaged_file_counts_as_new),
	    TEST(files_are_private),
	    TEST(without_a_directory_the_pace_is_local),
	    TEST(slots_in_flight_are_shared),
	    TEST(a_refusal_halves_once_and_success_restores),
	    TEST(one_turn_for_all),
	    TEST(a_reservation_is_cheap),
	    TEST(no_send_time_is_given_twice),
	    TEST(fifty_keep_to_one_rate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
