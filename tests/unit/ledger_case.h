/*
 * ledger_case: a ledger for each test, in a directory removed after it, and the
 * last answer that a callback got.
 */
#ifndef AV_LEDGER_CASE_H
#define AV_LEDGER_CASE_H

#include <ftw.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "ledger/ledger.h"

static char dir[PATH_MAX];
static char file[PATH_MAX + 16];

/* The last answer, and the number of callbacks. */
struct said {
	int calls;
	enum ledger_verdict verdict;
	char id[64], data[64], tag[32], message[512];
	int64_t first_at, at, settled_at, clock_offset;
};

static inline void
keep_answer(void *arg, const struct ledger_answer *a)
{
	struct said *s = arg;

	s->calls++;
	s->verdict = a->verdict;
	snprintf(s->id, sizeof s->id, "%s", a->id != NULL ? a->id : "-");
	snprintf(
	    s->data, sizeof s->data, "%s", a->data != NULL ? a->data : "-");
	snprintf(s->tag, sizeof s->tag, "%s", a->tag != NULL ? a->tag : "-");
	snprintf(s->message, sizeof s->message, "%s",
	    a->err != NULL ? a->err->message : "-");
	s->first_at = a->first_at;
	s->at = a->at;
	s->settled_at = a->settled_at;
	s->clock_offset = a->clock_offset;
}

static inline struct ledger_ask
ask_for(const char *subject)
{
	return (struct ledger_ask){.key = {.operation = "create",
	                               .provider = "p",
	                               .base = "https://api.example/v1",
	                               .account = "default",
	                               .subject = subject}};
}

static inline struct ledger *
open_ledger(void)
{
	struct err e;
	struct ledger *l = ledger_open(file, NULL, &e);

	if (l == NULL)
		fail_msg("%s", e.message);
	return l;
}

/* Claims and flushes; the claim is usable if the verdict is YOURS or UNKNOWN. */
static inline struct ledger_claim *
claim(struct ledger *l, const char *subject, bool again, struct said *s)
{
	struct ledger_ask ask = ask_for(subject);
	struct ledger_claim *c;

	ask.again = again;
	*s = (struct said){0};
	c = ledger_claim(l, &ask, keep_answer, s);
	ledger_flush(l);
	return c;
}

static inline enum ledger_verdict
settle(struct ledger *l, struct ledger_claim *c, enum ledger_outcome outcome,
    const char *id)
{
	struct said s = {0};

	ledger_settle(
	    c, outcome, id, id != NULL ? "{\"a\":1}" : NULL, keep_answer, &s);
	ledger_flush(l);
	assert_int_equal(s.calls, 1);
	return s.verdict;
}

/* The claim of an entry whose outcome is unknown. */
static inline struct ledger_claim *
lost(struct ledger *l, const char *subject)
{
	struct said s;
	struct ledger_claim *c = claim(l, subject, false, &s);

	assert_int_equal(s.verdict, LEDGER_YOURS);
	assert_true(ledger_sending(c));
	return c;
}

/* Runs fn in a child process; returns when it calls pause() or ends. */
static inline pid_t
child(void (*fn)(int ready))
{
	int fds[2];
	pid_t pid;
	char c;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(fds[0]);
		fn(fds[1]);
		_exit(0);
	}
	close(fds[1]);
	assert_int_equal(read(fds[0], &c, 1), 1);
	close(fds[0]);
	return pid;
}

static inline void
reap(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static inline void
execute(const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static inline int
unlink_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline int
setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof dir, "%s/av-ledger-XXXXXX",
	    getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(file, sizeof file, "%s/ledger.db", dir);
	unsetenv("AV_LEDGER");
	return 0;
}

static inline int
teardown(void **state)
{
	(void)state;
	return nftw(dir, unlink_one, 16, FTW_DEPTH | FTW_PHYS);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

#endif
