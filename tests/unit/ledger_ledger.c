/* The ledger's keys, and what a claim is promised. */
#include <sys/syscall.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "ledger/key.h"
#include "ledger_case.h"

static int syncs;

/* SQLite calls these instead of the C library's. */
int
fsync(int fd)
{
	syncs++;
	return (int)syscall(SYS_fsync, fd);
}

int
fdatasync(int fd)
{
	syncs++;
	return (int)syscall(SYS_fdatasync, fd);
}

static void
hash_of(const struct ledger_key *key, char *hex)
{
	unsigned char hash[32];
	char *options = ledger_key_options(key->options, key->noptions);

	ledger_key_hash(key, options, hash);
	for (size_t i = 0; i < sizeof hash; i++)
		snprintf(hex + 2 * i, 3, "%02x", hash[i]);
	free(options);
}

/* Keys of version 1: if one changed, everything would be paid for again. The values are sha256sum's
 * of the text that ledger/key.h describes. */
static void
key_is_stable(void **state)
{
	struct ledger_option options[] = {
	    {"voiceId", "\"x\\u00e9\""}, {"b", "{\"z\": 1.0, \"a\": [true, null, 1.5]}"}};
	struct ledger_key key = {.operation = "create",
	    .provider = "argil",
	    .base = "https://api.argil.ai/v1/",
	    .account = "default",
	    .subject = "abc",
	    .options = options,
	    .noptions = 2};
	char hex[65];

	(void)state;
	hash_of(&key, hex);
	assert_string_equal(
	    hex, "4e8377c9d7394512ea0faa1f0aafca8f04e171fabbc32dc57546ddeda021ce80");
	key.name = "";
	key.noptions = 0;
	hash_of(&key, hex);
	assert_string_equal(
	    hex, "234b52c546694acb00c4d58df67d37657a75d18d050b485f27ce458e43536475");
}

static void
key_ignores_spelling_only(void **state)
{
	static const struct ledger_option same[][2] = {
	    {{"a", "1"}, {"b", "{\"x\":1,\"y\":\"\xc3\xa9\"}"}},
	    {{"b", " { \"y\" : \"\\u00E9\", \"x\" : 1.0 } "}, {"a", "1.0"}}};
	static const struct ledger_option other[][2] = {
	    {{"a", "1"}, {"b", "{\"x\":1,\"y\":\"e\"}"}},
	    {{"a", "\"1\""}, {"b", "{\"x\":1,\"y\":\"\xc3\xa9\"}"}},
	    {{"a", "1"}, {"c", "{\"x\":1,\"y\":\"\xc3\xa9\"}"}}};
	struct ledger_ask ask = ask_for("s");
	char first[65], hex[65];

	(void)state;
	ask.key.noptions = 2;
	ask.key.options = same[0];
	hash_of(&ask.key, first);
	ask.key.options = same[1];
	hash_of(&ask.key, hex);
	assert_string_equal(hex, first);
	for (size_t i = 0; i < 3; i++) {
		ask.key.options = other[i];
		hash_of(&ask.key, hex);
		assert_string_not_equal(hex, first);
	}
}

static void
key_of_option(const char *json, char *hex)
{
	struct ledger_option option = {"a", json};
	struct ledger_ask ask = ask_for("s");

	ask.key.options = &option;
	ask.key.noptions = 1;
	hash_of(&ask.key, hex);
}

static void
key_distinguishes_all_numbers(void **state)
{
	static const char *const same[][2] = {{"-0", "0"}, {"-0.0", "0"}, {"1e0", "1"},
	    {"[100e-2]", "[1.00]"}, {"18446744073709551616", " 18446744073709551616 "}};
	static const char *const other[][2] = {{"9007199254740992", "9007199254740993"},
	    {"18446744073709551615", "18446744073709551616"},
	    {"18446744073709551616", "18446744073709551617"},
	    {"-9223372036854775808", "-9223372036854775809"},
	    {"100000000000000000000", "\"100000000000000000000\""},
	    {"{\"b\":[200000000000000000000]}", "{\"b\":[100000000000000000000]}"}};
	char one[65], two[65];

	(void)state;
	for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
		key_of_option(same[i][0], one);
		key_of_option(same[i][1], two);
		assert_string_equal(one, two);
	}
	for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
		key_of_option(other[i][0], one);
		key_of_option(other[i][1], two);
		if (strcmp(one, two) == 0)
			fail_msg("%s and %s have one key", other[i][0], other[i][1]);
	}
}

/* An exported entry has the same key when it is imported. */
static void
an_exported_entry_has_the_same_key(void **state)
{
	static const char *const values[] = {"1.0", "1e300", "-0", "0.1", "1e17",
	    "123456789012345678901234567890", "\"\\u0000\\ud83d\\ude00\\/\"",
	    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"};

	(void)state;
	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		struct ledger_option option = {"a", values[i]};
		char *once = ledger_key_options(&option, 1),
		     *twice = ledger_key_canonical(once);

		assert_string_equal(once, twice);
		free(once);
		free(twice);
	}
}

static void
key_ignores_the_spelling_of_a_host(void **state)
{
	static const char *const same[] = {"https://api.example/v1/",
	    "HTTPS://API.Example/v1", "https://api.example:443/v1//",
	    "https://api.example:0443/v1"};
	static const char *const other[] = {"https://api.example/V1",
	    "http://api.example/v1", "https://api.example:80/v1",
	    "https://api.example:4430/v1", "https://api.example/:443/v1"};
	struct ledger_ask ask = ask_for("s");
	char first[65], hex[65];

	(void)state;
	hash_of(&ask.key, first);
	for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
		ask.key.base = same[i];
		hash_of(&ask.key, hex);
		if (strcmp(hex, first) != 0)
			fail_msg("%s has another key", same[i]);
	}
	for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
		ask.key.base = other[i];
		hash_of(&ask.key, hex);
		assert_string_not_equal(hex, first);
	}
}

static void
key_counts_every_part(void **state)
{
	struct ledger_ask plain = ask_for("s");
	const char **parts[] = {&plain.key.operation, &plain.key.provider,
	    &plain.key.base, &plain.key.account, &plain.key.subject, &plain.key.name};
	char first[65], hex[65];

	(void)state;
	hash_of(&plain.key, first);
	for (size_t i = 0; i < 6; i++) {
		const char *old = *parts[i];
		*parts[i] = "other";
		hash_of(&plain.key, hex);
		assert_string_not_equal(hex, first);
		*parts[i] = old;
	}
}

static void
a_made_entry_is_not_requested_again(void **state)
{
	struct ledger *l = open_ledger();
	struct said s, t;
	struct ledger_claim *c = claim(l, "a", false, &s);

	(void)state;
	assert_int_equal(s.verdict, LEDGER_YOURS);
	assert_int_equal(strlen(s.tag), 24);
	while (clock_unix_ms() == s.at) {
	}
	assert_true(ledger_sending(c));
	assert_int_equal(settle(l, c, LEDGER_IS_MADE, "id-1"), LEDGER_MADE);
	claim(l, "a", false, &t);
	assert_int_equal(t.verdict, LEDGER_MADE);
	assert_string_equal(t.id, "id-1");
	/* It was sent later than it was intended. */
	assert_true(t.at > s.at && t.first_at == s.at);
	ledger_free(l);

	l = open_ledger();
	claim(l, "a", false, &s);
	assert_int_equal(s.verdict, LEDGER_MADE);
	assert_string_equal(s.id, "id-1");
	assert_string_equal(s.data, "{\"a\":1}");
	assert_true(s.settled_at >= s.at && s.at > INT64_C(1600000000000));
	claim(l, "b", false, &s);
	assert_int_equal(s.verdict, LEDGER_YOURS);
	ledger_free(l);
}

static void
again_makes_another_entry(void **state)
{
	struct ledger *l = open_ledger();
	struct said s, t;
	struct ledger_claim *c = claim(l, "a", false, &s);

	(void)state;
	settle(l, c, LEDGER_IS_MADE, "id-1");
	c = claim(l, "a", true, &t);
	assert_int_equal(t.verdict, LEDGER_YOURS);
	assert_string_not_equal(s.tag, t.tag);
	/* Not made: the first entry still counts. */
	settle(l, c, LEDGER_IS_NOT_MADE, NULL);
	claim(l, "a", false, &s);
	assert_string_equal(s.id, "id-1");
	c = claim(l, "a", true, &t);
	settle(l, c, LEDGER_IS_MADE, "id-2");
	claim(l, "a", false, &s);
	assert_string_equal(s.id, "id-2");
	ledger_free(l);
}

static void
a_not_made_entry_is_free(void **state)
{
	struct ledger *l = open_ledger();
	struct said s;
	struct ledger_claim *c = claim(l, "a", false, &s);

	(void)state;
	assert_int_equal(settle(l, c, LEDGER_IS_NOT_MADE, NULL), LEDGER_YOURS);
	c = claim(l, "a", false, &s);
	assert_int_equal(s.verdict, LEDGER_YOURS);
	settle(l, c, LEDGER_IS_MADE, "x");
	claim(l, "a", false, &s);
	assert_int_equal(s.verdict, LEDGER_MADE);
	ledger_free(l);
}

static void
an_unknown_entry_is_looked_up_by_one(void **state)
{
	struct ledger *l = open_ledger(), *m = open_ledger();
	struct said s, t;
	struct ledger_claim *c = claim(l, "a", false, &s);

	(void)state;
	settle(l, c, LEDGER_IS_UNKNOWN, NULL);
	c = claim(l, "a", false, &t);
	assert_int_equal(t.verdict, LEDGER_UNKNOWN);
	assert_string_equal(t.tag, s.tag);
	assert_int_equal(t.at, s.at);
	claim(m, "a", false, &t); /* like another process, with its own lock */
	assert_int_equal(t.verdict, LEDGER_BUSY);
	claim(m, "a", true, &t);
	assert_int_equal(t.verdict, LEDGER_BUSY);
	settle(l, c, LEDGER_IS_UNKNOWN, NULL);
	c = claim(m, "a", false, &t);
	assert_int_equal(t.verdict, LEDGER_UNKNOWN);
	settle(m, c, LEDGER_IS_MADE, "found");
	claim(l, "a", false, &t);
	assert_string_equal(t.id, "found");
	ledger_free(m);
	ledger_free(l);
}

static void
a_resend_is_a_new_intent(void **state)
{
	struct ledger *l = open_ledger(), *m = open_ledger();
	struct said s, t = {0};
	struct ledger_claim *c = claim(l, "a", false, &s);

	(void)state;
	settle(l, c, LEDGER_IS_UNKNOWN, NULL);
	c = claim(l, "a", false, &s);
	ledger_resend(c, -1500, keep_answer, &t);
	ledger_flush(l);
	assert_int_equal(t.verdict, LEDGER_YOURS);
	assert_true(t.at >= s.at);
	assert_int_equal(t.first_at, s.first_at);
	assert_int_equal(t.clock_offset, -1500);
	claim(m, "a", false, &s);
	assert_int_equal(s.verdict, LEDGER_BUSY);
	settle(l, c, LEDGER_IS_MADE, "x");
	claim(m, "a", false, &s);
	assert_int_equal(s.verdict, LEDGER_MADE);
	ledger_free(m);
	ledger_free(l);
}

/* A resend is a new attempt: the id from the first attempt does not belong to it. */
static void
a_resend_drops_the_earlier_id(void **state)
{
	struct ledger *l = open_ledger();
	struct said s;
	struct ledger_claim *c = claim(l, "a", false, &s);

	(void)state;
	settle(l, c, LEDGER_IS_UNKNOWN, "told");
	c = claim(l, "a", false, &s);
	assert_string_equal(s.id, "told");
	ledger_resend(c, 0, keep_answer, &s);
	ledger_flush(l);
	settle(l, c, LEDGER_IS_UNKNOWN, NULL);
	claim(l, "a", false, &s);
	assert_int_equal(s.verdict, LEDGER_UNKNOWN);
	assert_string_equal(s.id, "-");
	ledger_free(l);
}

static enum ledger_verdict
peek(struct ledger *l, const char *subject, bool again, struct said *s)
{
	struct ledger_ask ask = ask_for(subject);

	ask.again = again;
	*s = (struct said){0};
	ledger_peek(l, &ask, keep_answer, s);
	ledger_flush(l);
	assert_int_equal(s->calls, 1);
	assert_string_equal(s->tag, "-");
	return s->verdict;
}

static void
peeking_changes_nothing(void **state)
{
	struct ledger *l = open_ledger(), *m = open_ledger();
	struct said s;

	(void)state;
	assert_int_equal(peek(l, "a", false, &s), LEDGER_YOURS);
	/* The same photo again: an earlier record would have made it. */
	assert_int_equal(peek(l, "a", false, &s), LEDGER_MADE);
	assert_string_equal(s.id, "-");
	assert_int_equal(peek(l, "a", true, &s), LEDGER_YOURS);
	assert_int_equal(peek(m, "a", false, &s), LEDGER_YOURS);
	settle(m, lost(m, "a"), LEDGER_IS_MADE, "1");
	assert_int_equal(peek(l, "a", false, &s), LEDGER_MADE);
	assert_string_equal(s.id, "1");
	lost(m, "b");
	assert_int_equal(peek(l, "b", false, &s), LEDGER_BUSY);
	ledger_free(m);
	syncs = 0;
	assert_int_equal(peek(l, "b", false, &s), LEDGER_UNKNOWN);
	assert_int_equal(peek(l, "b", false, &s), LEDGER_UNKNOWN);
	assert_int_equal(syncs, 0);
	ledger_free(l);
}

static void
same_key_waits_within_a_process(void **state)
{
	const char *files[] = {file, "none"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct err e;
		struct ledger *l = ledger_open(files[i], NULL, &e);
		struct ledger_ask ask = ask_for("a");
		struct said s[4] = {0};
		struct ledger_claim *c = ledger_claim(l, &ask, keep_answer, &s[0]),
		                    *second;

		second = ledger_claim(l, &ask, keep_answer, &s[1]);
		ledger_claim(l, &ask, keep_answer, &s[2]);
		ledger_cancel(ledger_claim(l, &ask, keep_answer, &s[3]));
		ledger_flush(l);
		assert_int_equal(s[0].calls, 1);
		assert_int_equal(s[1].calls, 0);
		settle(l, c, LEDGER_IS_NOT_MADE, NULL);
		assert_int_equal(s[1].verdict, LEDGER_YOURS);
		assert_int_equal(s[1].calls, 1);
		assert_int_equal(s[2].calls, 0);
		settle(l, second, LEDGER_IS_MADE, "id");
		assert_int_equal(s[2].calls, 1);
		assert_int_equal(s[2].verdict, LEDGER_MADE);
		assert_string_equal(s[2].id, "id");
		assert_int_equal(s[3].calls, 0);
		ledger_free(l);
	}
}

static void
none_lasts_as_long_as_the_ledger_is_open(void **state)
{
	struct err e;
	struct ledger *l = ledger_open("none", NULL, &e), *m;
	struct said s;
	struct ledger_claim *c = claim(l, "a", false, &s);

	(void)state;
	assert_int_equal(s.verdict, LEDGER_YOURS);
	assert_int_equal(strlen(s.tag), 24);
	assert_true(ledger_sending(c));
	settle(l, c, LEDGER_IS_MADE, "id");
	claim(l, "a", false, &s);
	assert_int_equal(s.verdict, LEDGER_MADE);
	assert_string_equal(s.id, "id");
	settle(l, lost(l, "b"), LEDGER_IS_UNKNOWN, NULL);
	claim(l, "b", false, &s);
	assert_int_equal(s.verdict, LEDGER_UNKNOWN);
	m = ledger_open("none", NULL, &e);
	claim(m, "a", false, &s);
	assert_int_equal(s.verdict, LEDGER_YOURS);
	ledger_free(m);
	ledger_free(l);
	assert_int_equal(access("none", F_OK), -1);
	assert_int_equal(access(":memory:", F_OK), -1);
}

static void
a_cancelled_claim_is_free(void **state)
{
	struct ledger *l = open_ledger(), *m = open_ledger();
	struct ledger_ask ask = ask_for("a");
	struct said s = {0}, t;

	(void)state;
	ledger_cancel(ledger_claim(l, &ask, keep_answer, &s));
	ledger_flush(l);
	assert_int_equal(s.calls, 0);
	claim(m, "a", false, &t);
	assert_int_equal(t.verdict, LEDGER_YOURS);
	ledger_free(m);
	ledger_free(l);
}

static void
a_marked_entry_is_never_reused(void **state)
{
	struct ledger *l = open_ledger();
	struct ledger_ask ask = ask_for("a"), elsewhere = ask_for("a");
	struct said s;
	struct ledger_claim *c = claim(l, "a", false, &s);

	(void)state;
	settle(l, c, LEDGER_IS_MADE, "id-1");
	elsewhere.key.account = "other";
	ledger_retire(l, &elsewhere.key, "id-1", LEDGER_GONE, NULL, NULL);
	elsewhere = ask_for("a");
	elsewhere.key.operation = "render";
	ledger_retire(l, &elsewhere.key, "id-1", LEDGER_GONE, NULL, NULL);
	ledger_flush(l);
	claim(l, "a", false, &s);
	assert_int_equal(s.verdict, LEDGER_MADE);
	ask.key.base = "https://api.example/v1/";
	s.calls = 0;
	ledger_retire(l, &ask.key, "id-1", LEDGER_FAILED, keep_answer, &s);
	ledger_flush(l);
	assert_int_equal(s.calls, 1);
	claim(l, "a", false, &s);
	assert_int_equal(s.verdict, LEDGER_YOURS);
	ledger_free(l);
}

static void
a_batch_is_one_sync(void **state)
{
	struct ledger *l = open_ledger();
	struct ledger_claim *c[64];
	struct said s[64] = {0};
	char subject[64][16];

	(void)state;
	syncs = 0;
	for (int i = 0; i < 64; i++) {
		struct ledger_ask ask;
		snprintf(subject[i], sizeof subject[i], "s%d", i);
		ask = ask_for(subject[i]);
		c[i] = ledger_claim(l, &ask, keep_answer, &s[i]);
	}
	assert_int_equal(s[0].calls, 0);
	ledger_flush(l);
	assert_in_range(syncs, 1, 2); /* the first write of a log also syncs its header */
	syncs = 0;
	for (int i = 0; i < 64; i++) {
		assert_int_equal(s[i].verdict, LEDGER_YOURS);
		ledger_settle(c[i], LEDGER_IS_MADE, subject[i], NULL, keep_answer, &s[i]);
	}
	ledger_flush(l);
	assert_int_equal(syncs, 1);
	/* An entry that is made needs no sync. */
	syncs = 0;
	for (int i = 0; i < 64; i++) {
		claim(l, subject[i], false, &s[i]);
		assert_string_equal(s[i].id, subject[i]);
	}
	assert_int_equal(syncs, 0);
	ledger_free(l);
}

/* A commit is lost if a power failure removes the new directory. */
static void
new_directories_are_synced(void **state)
{
	char *xdg = mem_printf("%s/a/b", dir), *old = mem_str(getenv("XDG_STATE_HOME"));
	struct err e;

	(void)state;
	setenv("XDG_STATE_HOME", xdg, 1);
	for (int made = 3; made >= 0; made -= 3) {
		syncs = 0;
		free(file_state_path("ledger.db", &e));
		assert_int_equal(syncs, made);
	}
	if (old != NULL)
		setenv("XDG_STATE_HOME", old, 1);
	else
		unsetenv("XDG_STATE_HOME");
	free(xdg);
	free(old);
}

/* With a loop: callbacks claim and settle; a thread commits. */
struct chain {
	struct ledger *l;
	struct ledger_claim *c;
	int left, made;
	char subject[40];
};

static void link_claimed(void *arg, const struct ledger_answer *a);

static void
link_begin(struct chain *ch)
{
	struct ledger_ask ask;

	snprintf(ch->subject, sizeof ch->subject, "n%d-%p", ch->left, (void *)ch);
	ask = ask_for(ch->subject);
	ch->c = ledger_claim(ch->l, &ask, link_claimed, ch);
}

static void
link_settled(void *arg, const struct ledger_answer *a)
{
	struct chain *ch = arg;

	ch->made += a->verdict == LEDGER_MADE;
	if (--ch->left > 0)
		link_begin(ch);
}

static void
link_claimed(void *arg, const struct ledger_answer *a)
{
	struct chain *ch = arg;

	assert_int_equal(a->verdict, LEDGER_YOURS);
	assert_true(ledger_sending(ch->c));
	ledger_settle(ch->c, LEDGER_IS_MADE, ch->subject, NULL, link_settled, ch);
}

static void
on_a_loop(void **state)
{
	struct loop *loop = loop_new();
	struct chain chains[64] = {0};
	struct err e;
	struct ledger *l = ledger_open(file, loop, &e);

	(void)state;
	assert_non_null(l);
	for (size_t i = 0; i < 64; i++) {
		chains[i].l = l;
		chains[i].left = 20;
		link_begin(&chains[i]);
	}
	syncs = 0;
	loop_run(loop);
	for (size_t i = 0; i < 64; i++)
		assert_int_equal(chains[i].made, 20);
	assert_in_range(syncs, 1, 200); /* 2,560 if each were committed alone */
	ledger_free(l);
	loop_free(loop);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(key_is_stable),
	    TEST(key_ignores_spelling_only),
	    TEST(key_distinguishes_all_numbers),
	    TEST(an_exported_entry_has_the_same_key),
	    TEST(key_ignores_the_spelling_of_a_host),
	    TEST(key_counts_every_part),
	    TEST(a_made_entry_is_not_requested_again),
	    TEST(again_makes_another_entry),
	    TEST(a_not_made_entry_is_free),
	    TEST(an_unknown_entry_is_looked_up_by_one),
	    TEST(a_resend_is_a_new_intent),
	    TEST(a_resend_drops_the_earlier_id),
	    TEST(peeking_changes_nothing),
	    TEST(same_key_waits_within_a_process),
	    TEST(none_lasts_as_long_as_the_ledger_is_open),
	    TEST(a_cancelled_claim_is_free),
	    TEST(a_marked_entry_is_never_reused),
	    TEST(a_batch_is_one_sync),
	    TEST(new_directories_are_synced),
	    TEST(on_a_loop),
	};

	return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
