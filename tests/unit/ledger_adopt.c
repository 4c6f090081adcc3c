/* Adoption: a candidate from the service's list is given to one entry, whoever looks. */
#include "ledger_case.h"

/* Adopts at once. */
static enum ledger_verdict
adopt(struct ledger *l, struct ledger_claim *c, const char *one, const char *two,
    struct said *s)
{
	const char *ids[] = {one, two};
	const char *data[] = {"{\"of\":1}", "{\"of\":2}"};

	*s = (struct said){0};
	ledger_adopt(c, ids,
	    one == NULL   ? 0
	    : two == NULL ? 1
	                  : 2,
	    data, LEDGER_MATCH, keep_answer, s);
	ledger_flush(l);
	assert_int_equal(s->calls, 1);
	return s->verdict;
}

static void
adopts_the_only_free_candidate(void **state)
{
	const char *files[] = {file, "none"};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct err e;
		struct ledger *l = ledger_open(files[i], NULL, &e);
		struct ledger_claim *a = lost(l, "a"), *b = lost(l, "b"),
		                    *c = lost(l, "c");
		struct said s;

		assert_non_null(l);
		settle(l, c, LEDGER_IS_MADE, "1");
		/* Two candidates: neither is adopted; the claim stays. */
		assert_int_equal(adopt(l, a, "2", "3", &s), LEDGER_UNKNOWN);
		assert_string_equal(s.id, "-");
		assert_int_equal(adopt(l, a, NULL, NULL, &s), LEDGER_YOURS);
		assert_int_equal(adopt(l, a, "1", NULL, &s), LEDGER_YOURS);
		assert_int_equal(adopt(l, a, "1", "2", &s), LEDGER_MADE);
		assert_string_equal(s.id, "2");
		assert_string_equal(s.data, "{\"of\":2}");
		assert_int_equal(adopt(l, b, "2", NULL, &s), LEDGER_YOURS);
		/* Shifted pages may list a candidate twice; it counts once. */
		assert_int_equal(adopt(l, b, "3", "3", &s), LEDGER_MADE);
		assert_string_equal(s.id, "3");
		ledger_free(l);
	}
}

static void
an_adopted_entry_is_made(void **state)
{
	struct ledger *l = open_ledger();
	struct said s, waiting = {0};
	struct ledger_ask ask = ask_for("a");
	struct ledger_claim *c;

	(void)state;
	settle(l, lost(l, "a"), LEDGER_IS_UNKNOWN, NULL);
	c = claim(l, "a", false, &s);
	assert_int_equal(s.verdict, LEDGER_UNKNOWN);
	ledger_claim(l, &ask, keep_answer, &waiting);
	assert_int_equal(adopt(l, c, "1", NULL, &s), LEDGER_MADE);
	assert_int_equal(waiting.calls, 1);
	assert_string_equal(waiting.id, "1");
	ledger_free(l);
	l = open_ledger();
	claim(l, "a", false, &s);
	assert_int_equal(s.verdict, LEDGER_MADE);
	assert_string_equal(s.id, "1");
	assert_string_equal(s.data, "{\"of\":1}");
	ledger_free(l);
}

/* An id of another account or operation does not count as taken. The id of an entry that is gone
 * or unknown does. */
static void
a_taken_id_stays_taken(void **state)
{
	struct ledger *l = open_ledger();
	struct ledger_ask ask = ask_for("a"), other = ask_for("a");
	struct ledger_claim *c;
	struct said s = {0};

	(void)state;
	settle(l, lost(l, "a"), LEDGER_IS_MADE, "1");
	ledger_retire(l, &ask.key, "1", LEDGER_GONE, NULL, NULL);
	settle(l, lost(l, "b"), LEDGER_IS_UNKNOWN, "2");
	c = lost(l, "c");
	assert_int_equal(adopt(l, c, "1", "2", &s), LEDGER_YOURS);
	other.key.operation = "render";
	for (int i = 0; i < 2; i++) {
		c = ledger_claim(l, &other, keep_answer, &s);
		ledger_flush(l);
		assert_int_equal(s.verdict, LEDGER_YOURS);
		assert_int_equal(adopt(l, c, "1", NULL, &s), LEDGER_MADE);
		other = ask_for("a");
		other.key.account = "other";
	}
	ledger_free(l);
}

/* The id in the entry itself does not count as taken by another. */
static void
adopts_its_own_earlier_id(void **state)
{
	struct ledger *l = open_ledger();
	struct ledger_claim *c;
	struct said s;

	(void)state;
	settle(l, lost(l, "a"), LEDGER_IS_UNKNOWN, "1");
	c = claim(l, "a", false, &s);
	assert_int_equal(adopt(l, c, "1", NULL, &s), LEDGER_MADE);
	ledger_free(l);
}

static void
a_possible_match_is_not_adopted(void **state)
{
	const char *const ids[] = {"1", "2"};
	struct ledger *l = open_ledger();
	struct ledger_claim *c;
	struct said s;

	(void)state;
	settle(l, claim(l, "a", false, &s), LEDGER_IS_MADE, "1");
	c = lost(l, "b");
	ledger_adopt(c, ids, 2, NULL, LEDGER_MAYBE, keep_answer, &s);
	ledger_flush(l);
	assert_int_equal(s.verdict, LEDGER_UNKNOWN);
	ledger_adopt(c, ids, 1, NULL, LEDGER_MAYBE, keep_answer, &s);
	ledger_flush(l);
	assert_int_equal(s.verdict, LEDGER_YOURS);
	assert_int_equal(adopt(l, c, "2", NULL, &s), LEDGER_MADE);
	ledger_free(l);
}

static void
without_a_candidate_the_claim_stays(void **state)
{
	struct ledger *l = open_ledger(), *m = open_ledger();
	struct ledger_claim *c = lost(l, "a");
	struct said s;

	(void)state;
	assert_int_equal(adopt(l, c, "1", "2", &s), LEDGER_UNKNOWN);
	claim(m, "a", false, &s);
	assert_int_equal(s.verdict, LEDGER_BUSY);
	ledger_resend(c, 0, keep_answer, &s);
	ledger_flush(l);
	assert_int_equal(s.verdict, LEDGER_YOURS);
	assert_int_equal(settle(l, c, LEDGER_IS_NOT_MADE, NULL), LEDGER_YOURS);
	/* Cancelled before the answer: the entry stays unknown. */
	c = lost(l, "b");
	ledger_adopt(c, NULL, 0, NULL, LEDGER_MATCH, keep_answer, &s);
	ledger_cancel(c);
	ledger_flush(l);
	claim(m, "b", false, &s);
	assert_int_equal(s.verdict, LEDGER_UNKNOWN);
	ledger_free(m);
	/* Not settled before the end: left by a dead owner. */
	c = lost(l, "c");
	assert_int_equal(adopt(l, c, NULL, NULL, &s), LEDGER_YOURS);
	ledger_free(l);
	l = open_ledger();
	claim(l, "c", false, &s);
	assert_int_equal(s.verdict, LEDGER_UNKNOWN);
	ledger_free(l);
}

/* A candidate of the same name may belong to another entry with unknown outcome. */
static void
one_of_two_same_looking_is_not_adopted(void **state)
{
	struct ledger *l = open_ledger();
	const char *id = "1";
	struct ledger_claim *c[3];
	struct said s;

	(void)state;
	for (int i = 0; i < 3; i++) {
		const char *subjects[] = {"a", "b", "c"};
		struct ledger_ask ask = ask_for(subjects[i]);
		ask.data = i < 2 ? "{\"/name\":\"Ann\"}" : "{\"/name\":\"Bob\"}";
		c[i] = ledger_claim(l, &ask, keep_answer, &s);
		ledger_flush(l);
		assert_int_equal(s.verdict, LEDGER_YOURS);
	}
	assert_int_equal(adopt(l, c[0], "1", NULL, &s), LEDGER_BUSY);
	assert_int_equal(adopt(l, c[0], NULL, NULL, &s), LEDGER_YOURS);
	settle(l, c[1], LEDGER_IS_UNKNOWN, NULL);
	assert_int_equal(adopt(l, c[0], "1", NULL, &s), LEDGER_UNKNOWN);
	assert_int_equal(adopt(l, c[2], "2", NULL, &s), LEDGER_MADE);
	/* With a tag the match is certain. */
	s = (struct said){0};
	ledger_adopt(c[0], &id, 1, NULL, LEDGER_TAGGED, keep_answer, &s);
	ledger_flush(l);
	assert_int_equal(s.verdict, LEDGER_MADE);
	ledger_free(l);
}

/* Processes that read the same list: each candidate is adopted by one entry. */
static void
many_processes_adopt_from_one_list(void **state)
{
	enum { PROCESSES = 6, EACH = 20 };
	struct ledger *l;
	struct said s;
	int got = 0;

	(void)state;
	ledger_free(open_ledger());
	for (int p = 0; p < PROCESSES; p++)
		if (fork() == 0) {
			int mine = 0;
			l = open_ledger();
			for (int i = 0; i < EACH; i++) {
				char subject[32], id[16];
				snprintf(subject, sizeof subject, "%d-%d", p, i);
				snprintf(id, sizeof id, "id%d", i);
				mine += adopt(l, lost(l, subject), id, NULL, &s) ==
				        LEDGER_MADE;
			}
			ledger_free(l);
			_exit(mine);
		}
	for (int p = 0; p < PROCESSES; p++) {
		int status;
		wait(&status);
		assert_true(WIFEXITED(status));
		got += WEXITSTATUS(status);
	}
	assert_int_equal(got, EACH);
}

/* A claim whose data is the same as that of the others. */
static struct ledger_claim *
alike(struct ledger *l, const char *subject)
{
	struct ledger_ask ask = ask_for(subject);
	struct ledger_claim *c;
	struct said s;

	ask.data = "{\"/name\":\"Ann\"}";
	c = ledger_claim(l, &ask, keep_answer, &s);
	ledger_flush(l);
	assert_true(s.verdict == LEDGER_YOURS || s.verdict == LEDGER_UNKNOWN);
	return c;
}

static void
hold_unsent_alike(int ready)
{
	alike(open_ledger(), "b");
	(void)!write(ready, "", 1);
	pause();
}

static void
look_up_alike(int ready)
{
	struct ledger *l = open_ledger();

	ledger_settle(alike(l, "b"), LEDGER_IS_UNKNOWN, NULL, NULL, NULL, NULL);
	ledger_flush(l);
	alike(l, "b");
	(void)!write(ready, "", 1);
	pause();
}

/* Only a living owner of an entry with the same data is waited for. */
static void
a_dead_owner_is_not_waited_for(void **state)
{
	struct ledger *l = open_ledger();
	struct ledger_claim *c;
	struct said s;
	pid_t pid;

	(void)state;
	c = alike(l, "a");
	pid = child(hold_unsent_alike);
	assert_int_equal(adopt(l, c, "1", NULL, &s), LEDGER_BUSY);
	reap(pid);
	assert_int_equal(adopt(l, c, "1", NULL, &s), LEDGER_MADE);
	c = alike(l, "c");
	pid = child(look_up_alike);
	assert_int_equal(adopt(l, c, "2", NULL, &s), LEDGER_BUSY);
	reap(pid);
	assert_int_equal(adopt(l, c, "2", NULL, &s), LEDGER_UNKNOWN);
	ledger_free(l);
}

/* An upload may take longer than the ledger keeps ids that were given up. */
static void
a_slow_owner_is_waited_for(void **state)
{
	struct ledger *l = open_ledger();
	struct ledger_claim *c = alike(l, "a"), *slow = alike(l, "b");
	struct said s;

	(void)state;
	execute("UPDATE entry SET at = at - 3600000 WHERE subject = 'b'");
	assert_int_equal(adopt(l, c, "1", NULL, &s), LEDGER_BUSY);
	settle(l, slow, LEDGER_IS_UNKNOWN, NULL);
	assert_int_equal(adopt(l, c, "1", NULL, &s), LEDGER_MADE);
	ledger_free(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(adopts_the_only_free_candidate),
	    TEST(an_adopted_entry_is_made),
	    TEST(a_taken_id_stays_taken),
	    TEST(adopts_its_own_earlier_id),
	    TEST(a_possible_match_is_not_adopted),
	    TEST(without_a_candidate_the_claim_stays),
	    TEST(one_of_two_same_looking_is_not_adopted),
	    TEST(many_processes_adopt_from_one_list),
	    TEST(a_dead_owner_is_not_waited_for),
	    TEST(a_slow_owner_is_waited_for),
	};

	return cmocka_run_group_tests_name("ledger_adopt", tests, NULL, NULL);
}
