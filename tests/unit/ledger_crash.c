/* The ledger: what it promises across deaths, of processes and of the machine. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "ledger_case.h"

static void
hold_unsent(int ready)
{
	struct said s;

	claim(open_ledger(), "a", false, &s);
	(void)!write(ready, "", 1);
	pause();
}

static void
hold_sent(int ready)
{
	struct said s;

	ledger_sending(claim(open_ledger(), "a", false, &s));
	(void)!write(ready, "", 1);
	pause();
}

static void
living_is_busy_and_dead_is_not(void **state)
{
	struct ledger *l = open_ledger();
	struct said s;
	pid_t pid = child(hold_unsent);

	(void)state;
	claim(l, "a", false, &s);
	assert_int_equal(s.verdict, LEDGER_BUSY);
	reap(pid);
	settle(l, claim(l, "a", false, &s), LEDGER_IS_NOT_MADE, NULL);
	assert_int_equal(s.verdict, LEDGER_YOURS);

	pid = child(hold_sent);
	claim(l, "a", false, &s);
	assert_int_equal(s.verdict, LEDGER_BUSY);
	reap(pid);
	claim(l, "a", false, &s);
	assert_int_equal(s.verdict, LEDGER_UNKNOWN);
	ledger_free(l);
}

static void
tell_tag(int ready)
{
	struct said s;

	claim(open_ledger(), "a", false, &s);
	(void)!write(ready, s.tag, 24);
	pause();
}

/* What is taken over from one that died before it sent is the same entry: a tag that is sent
 * along must be the one that a later look at the list goes by. */
static void
what_the_dead_did_not_send_keeps_its_tag(void **state)
{
	struct ledger *l = open_ledger();
	struct ledger_claim *c;
	struct said s, t;

	(void)state;
	reap(child(tell_tag));
	c = claim(l, "a", false, &s);
	assert_int_equal(s.verdict, LEDGER_YOURS);
	assert_int_equal(strlen(s.tag), 24);
	assert_true(s.first_at > 0);
	assert_true(ledger_sending(c));
	ledger_free(l);
	l = open_ledger();
	claim(l, "a", false, &t);
	assert_int_equal(t.verdict, LEDGER_UNKNOWN);
	assert_string_equal(t.tag, s.tag);
	ledger_free(l);
}

static void
the_dead_are_judged_at_open(void **state)
{
	struct ledger *l;
	struct said s;

	(void)state;
	reap(child(hold_unsent));
	l = open_ledger();
	settle(l, claim(l, "a", false, &s), LEDGER_IS_NOT_MADE, NULL);
	assert_int_equal(s.verdict, LEDGER_YOURS);
	ledger_free(l);
	reap(child(hold_sent));
	ledger_free(open_ledger());
	l = open_ledger();
	claim(l, "a", false, &s);
	assert_int_equal(s.verdict, LEDGER_UNKNOWN);
	ledger_free(l);
}

/* After a loss of power the note of what was sent may be gone too, so it proves nothing. */
static void
another_boot_proves_nothing(void **state)
{
	struct ledger *l;
	struct said s;
	char *path;
	int fd;

	(void)state;
	reap(child(hold_unsent));
	path = mem_printf("%s-live/1", file);
	fd = open(path, O_WRONLY);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, "00000000", 8, 20), 8);
	close(fd);
	free(path);
	l = open_ledger();
	claim(l, "a", false, &s);
	assert_int_equal(s.verdict, LEDGER_UNKNOWN);
	ledger_free(l);
}

static void
unsettled_at_the_end_is_a_dead_ones(void **state)
{
	struct ledger *l = open_ledger();
	struct ledger_ask ask = ask_for("queued");
	struct said s, t = {0};

	(void)state;
	ledger_sending(claim(l, "sent", false, &s));
	claim(l, "unsent", false, &s);
	ledger_claim(l, &ask, hear, &t);
	ledger_claim(l, &ask, hear, &t);
	ledger_free(l);
	assert_int_equal(t.calls, 0);
	l = open_ledger();
	claim(l, "sent", false, &s);
	assert_int_equal(s.verdict, LEDGER_UNKNOWN);
	claim(l, "unsent", false, &s);
	assert_int_equal(s.verdict, LEDGER_YOURS);
	claim(l, "queued", false, &s);
	assert_int_equal(s.verdict, LEDGER_YOURS);
	ledger_free(l);
}

/* Whoever looks sees a dead one: what is sent now may be looked up, and sent, by others. */
static void
without_a_sign_of_life_nothing_is_sent(void **state)
{
	struct ledger *l = open_ledger(), *m;
	struct said s, t;
	struct ledger_claim *c = claim(l, "a", false, &s), *sent = lost(l, "b"), *d;
	char *path = mem_printf("%s-live/1", file);

	(void)state;
	assert_int_equal(unlink(path), 0);
	assert_false(ledger_sending(c));
	assert_true(ledger_sending(sent));
	m = open_ledger();
	d = claim(m, "b", false, &t);
	assert_int_equal(t.verdict, LEDGER_UNKNOWN);
	/* What was made is made; what another looks up is not for us to judge. */
	assert_int_equal(settle(l, sent, LEDGER_IS_MADE, "id"), LEDGER_MADE);
	ledger_resend(d, 0, hear, &t);
	ledger_flush(m);
	assert_int_equal(t.verdict, LEDGER_ERROR);
	assert_non_null(strstr(t.message, "another process"));
	claim(m, "b", false, &t);
	assert_int_equal(t.verdict, LEDGER_MADE);
	d = claim(m, "a", false, &t);
	assert_int_equal(t.verdict, LEDGER_UNKNOWN);
	assert_int_equal(settle(l, c, LEDGER_IS_NOT_MADE, NULL), LEDGER_ERROR);
	assert_int_equal(settle(m, d, LEDGER_IS_MADE, "other"), LEDGER_MADE);
	ledger_free(m);
	ledger_free(l);
	free(path);
}

/* A copy of the ledger as a disk may hold it: the log cut off at a length, and the machine
 * started anew. */
static void
copy_as_of(const char *to, off_t log_length)
{
	char *command =
	    mem_printf("rm -rf '%s'* && cp '%s' '%s' && head -c %lld '%s-wal' >'%s-wal'"
	               " && cp -r '%s-live' '%s-live' && printf 00000000 |"
	               " dd of='%s-live/1' bs=1 seek=20 conv=notrunc status=none",
	        to, file, to, (long long)log_length, file, to, file, to, to);

	assert_int_equal(system(command), 0);
	free(command);
}

static void
power_is_lost_at_any_write(void **state)
{
	struct ledger *l = open_ledger(), *m;
	char *copy = mem_printf("%s/copy.db", dir), *log = mem_printf("%s-wal", file);
	struct stat before, after;
	struct said s;
	struct err e;
	struct ledger_claim *c = claim(l, "a", false, &s);
	int made = 0, unknown = 0;

	(void)state;
	assert_int_equal(stat(log, &before), 0);
	settle(l, c, LEDGER_IS_MADE, "id");
	assert_int_equal(stat(log, &after), 0);
	assert_true(after.st_size > before.st_size);
	for (off_t at = before.st_size; at <= after.st_size; at += 412) {
		copy_as_of(copy, at);
		m = ledger_open(copy, NULL, &e);
		assert_non_null(m);
		claim(m, "a", false, &s);
		made += s.verdict == LEDGER_MADE && strcmp(s.id, "id") == 0;
		unknown += s.verdict == LEDGER_UNKNOWN;
		assert_true(s.verdict == LEDGER_MADE || s.verdict == LEDGER_UNKNOWN);
		ledger_free(m);
	}
	assert_true(made >= 1 && unknown >= 1);
	ledger_free(l);
	free(copy);
	free(log);
}

/* SIGKILL at a point of the Nth commit of a life, counted after the one that opens. */
static void
killed_at(const char *point, enum ledger_verdict first, const char *first_id)
{
	struct ledger *l;
	struct said s;
	pid_t pid;

	unlink(file);
	pid = fork();
	if (pid == 0) {
		setenv("AV_FAILPOINT", point, 1);
		l = open_ledger();
		struct ledger_claim *c = claim(l, "a", false, &s);
		ledger_sending(c);
		settle(l, c, LEDGER_IS_MADE, "id");
		_exit(0);
	}
	waitpid(pid, &(int){0}, 0);
	l = open_ledger();
	claim(l, "a", false, &s);
	if (s.verdict != first || strcmp(s.id, first_id) != 0)
		fail_msg("%s: verdict %d, id %s", point, (int)s.verdict, s.id);
	ledger_free(l);
	unlink(file);
}

static void
killed_around_a_commit(void **state)
{
	(void)state;
#ifndef AV_FAILPOINTS
	(void)killed_at;
	skip();
#else
	killed_at("commit-before:1", LEDGER_YOURS, "-");
	killed_at("commit:1", LEDGER_YOURS, "-");
	killed_at("commit-after:1", LEDGER_YOURS, "-");
	killed_at("commit-before:2", LEDGER_UNKNOWN, "-");
	killed_at("commit:2", LEDGER_UNKNOWN, "-");
	killed_at("commit-after:2", LEDGER_MADE, "id");
#endif
}

static void
stop_loop(void *arg)
{
	loop_stop(arg);
}

static void
stopped_in_the_middle(void **state)
{
	struct loop *loop = loop_new();
	struct err e;
	struct ledger *l = ledger_open(file, loop, &e), *m;
	struct ledger_ask ask = ask_for("a");
	struct said s = {0};
	struct timer stop = {0};

	(void)state;
	ledger_claim(l, &ask, hear, &s);
	ledger_claim(l, &ask, hear, &s);
	loop_at(loop, &stop, 0, stop_loop, loop);
	loop_run(loop);
	s.calls = 0;
	ledger_free(l);
	loop_free(loop);
	assert_int_equal(s.calls, 0);
	/* The same while what is committed answers those that wait for it, too. */
	loop = loop_new();
	l = ledger_open(file, loop, &e);
	m = ledger_open(file, NULL, &e);
	claim(m, "a", false, &s);
	ledger_claim(l, &ask, hear, &s);
	ledger_claim(l, &ask, hear, &s);
	stop = (struct timer){0};
	loop_at(loop, &stop, 0, stop_loop, loop);
	loop_run(loop);
	s.calls = 0;
	ledger_free(l);
	loop_free(loop);
	assert_int_equal(s.calls, 0);
	ledger_free(m);
	l = open_ledger();
	claim(l, "a", false, &s);
	assert_int_equal(s.verdict, LEDGER_YOURS);
	ledger_free(l);
}

/* Many processes, all keys the same, killed at any moment: the service must see each key
 * begun once, and again only where a ledger said UNKNOWN and the service was asked. */
enum { KEYS = 400, WORKERS = 8, KILLS = 60 };

struct service {
	_Atomic int sent[KEYS]; /* what the service got */
	_Atomic int told[KEYS]; /* the outcome that was on disk */
	_Atomic int duplicates, wrong, finished;
};

static struct service *service;

static void
work_on(struct ledger *l, int key)
{
	char subject[16], id[16];
	struct ledger_claim *c;
	struct said s;

	snprintf(subject, sizeof subject, "k%d", key);
	snprintf(id, sizeof id, "id%d", key);
	do {
		c = claim(l, subject, false, &s);
		if (s.verdict == LEDGER_BUSY)
			usleep(500);
	} while (s.verdict == LEDGER_BUSY);
	if (s.verdict == LEDGER_MADE) {
		service->wrong += strcmp(s.id, id) != 0;
		service->wrong += service->sent[key] == 0;
		service->told[key] =
		    1; /* by one that was killed before it could say so */
	} else if (s.verdict == LEDGER_UNKNOWN && service->sent[key] > 0) {
		ledger_settle(c, LEDGER_IS_MADE, id, NULL, NULL, NULL);
		ledger_flush(l);
		service->told[key] = 1;
	} else if (s.verdict == LEDGER_YOURS || s.verdict == LEDGER_UNKNOWN) {
		if (s.verdict == LEDGER_UNKNOWN) {
			ledger_resend(c, 0, hear, &s);
			ledger_flush(l);
		}
		service->wrong += !ledger_sending(c);
		if (service->sent[key]++ > 0)
			service->duplicates++;
		ledger_settle(c, LEDGER_IS_MADE, id, NULL, NULL, NULL);
		ledger_flush(l);
		service->told[key] = 1;
	} else {
		service->wrong++;
	}
}

static pid_t
worker(unsigned seed)
{
	pid_t pid = fork();

	if (pid == 0) {
		struct ledger *l;
		struct err e;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		srand(seed);
		l = ledger_open(file, NULL, &e);
		if (l == NULL) {
			warn("%s", e.message);
			service->wrong++;
			_exit(1);
		}
		for (int i = 0, from = rand() % KEYS; i < KEYS; i++)
			work_on(l, (from + i) % KEYS);
		ledger_free(l);
		service->finished++;
		_exit(0);
	}
	return pid;
}

static void
killed_at_any_moment(void **state)
{
	pid_t pids[WORKERS];
	unsigned seed = 1;
	struct ledger *l;
	struct said s;

	(void)state;
	service = mmap(NULL, sizeof *service, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(service, MAP_FAILED);
	for (int i = 0; i < WORKERS; i++)
		pids[i] = worker(seed++);
	srand(99);
	for (int i = 0; i < KILLS; i++) {
		int victim = rand() % WORKERS;
		usleep((useconds_t)(rand() % 20000));
		reap(pids[victim]);
		pids[victim] = worker(seed++);
	}
	for (int i = 0; i < WORKERS; i++)
		waitpid(pids[i], NULL, 0);
	assert_int_equal(service->duplicates, 0);
	assert_int_equal(service->wrong, 0);
	assert_true(service->finished >= WORKERS);
	l = open_ledger();
	for (int i = 0; i < KEYS; i++) {
		char subject[16];
		snprintf(subject, sizeof subject, "k%d", i);
		claim(l, subject, false, &s);
		assert_int_equal(s.verdict, LEDGER_MADE);
		assert_int_equal(service->sent[i], 1);
		assert_int_equal(service->told[i], 1);
	}
	ledger_free(l);
	munmap(service, sizeof *service);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(living_is_busy_and_dead_is_not),
	    TEST(what_the_dead_did_not_send_keeps_its_tag),
	    TEST(the_dead_are_judged_at_open),
	    TEST(another_boot_proves_nothing),
	    TEST(unsettled_at_the_end_is_a_dead_ones),
	    TEST(without_a_sign_of_life_nothing_is_sent),
	    TEST(power_is_lost_at_any_write),
	    TEST(killed_around_a_commit),
	    TEST(stopped_in_the_middle),
	    TEST(killed_at_any_moment),
	};

	return cmocka_run_group_tests_name("ledger_crash", tests, NULL, NULL);
}
