/* The ledger: what it promises within a process, between processes and across their deaths. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "ledger.h"
#include "ledger_key.h"
#include "mem.h"
#include "state.h"

static char dir[PATH_MAX];
static char file[PATH_MAX + 16];
static int syncs;

/* SQLite finds these before the C library's. */
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

/* And the library finds this one: a file system of any type. */
static long fs_type = 0xef53;

int
statfs(const char *path, struct statfs *fs)
{
	(void)path;
	memset(fs, 0, sizeof *fs);
	fs->f_type = fs_type;
	return 0;
}

/* What the last callback said, and how many there were. */
struct said {
	int calls;
	enum ledger_verdict verdict;
	char id[64], data[64], tag[32], message[512];
	int64_t first_at, at, settled_at, clock_offset;
};

static void
hear(void *arg, const struct ledger_answer *a)
{
	struct said *s = arg;

	s->calls++;
	s->verdict = a->verdict;
	snprintf(s->id, sizeof s->id, "%s", a->id != NULL ? a->id : "-");
	snprintf(s->data, sizeof s->data, "%s", a->data != NULL ? a->data : "-");
	snprintf(s->tag, sizeof s->tag, "%s", a->tag != NULL ? a->tag : "-");
	snprintf(
	    s->message, sizeof s->message, "%s", a->err != NULL ? a->err->message : "-");
	s->first_at = a->first_at;
	s->at = a->at;
	s->settled_at = a->settled_at;
	s->clock_offset = a->clock_offset;
}

static struct ledger_ask
ask_for(const char *subject)
{
	return (struct ledger_ask){.key = {.operation = "create",
	                               .provider = "p",
	                               .base = "https://api.example/v1",
	                               .account = "default",
	                               .subject = subject}};
}

static struct ledger *
open_ledger(void)
{
	struct err e;
	struct ledger *l = ledger_open(file, NULL, &e);

	if (l == NULL)
		fail_msg("%s", e.message);
	return l;
}

/* Claims at once; the claim is of use where the verdict is YOURS or UNKNOWN. */
static struct ledger_claim *
claim(struct ledger *l, const char *subject, bool again, struct said *s)
{
	struct ledger_ask ask = ask_for(subject);
	struct ledger_claim *c;

	ask.again = again;
	*s = (struct said){0};
	c = ledger_claim(l, &ask, hear, s);
	ledger_flush(l);
	return c;
}

static enum ledger_verdict
settle(
    struct ledger *l, struct ledger_claim *c, enum ledger_outcome outcome, const char *id)
{
	struct said s = {0};

	ledger_settle(c, outcome, id, id != NULL ? "{\"a\":1}" : NULL, hear, &s);
	ledger_flush(l);
	assert_int_equal(s.calls, 1);
	return s.verdict;
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
	snprintf(dir, sizeof dir, "%s/av-ledger-XXXXXX",
	    getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(file, sizeof file, "%s/ledger.db", dir);
	unsetenv("AV_LEDGER");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	return nftw(dir, unlink_one, 16, FTW_DEPTH | FTW_PHYS);
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

/* Known since version 1: if one of these changes, everything would be paid for again. The
 * numbers are sha256sum's of the text that ledger_key.h describes. */
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
key_tells_all_numbers_apart(void **state)
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

/* What is exported is imported under the same key. */
static void
key_is_that_of_its_own_text(void **state)
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
made_is_not_asked_for_again(void **state)
{
	struct ledger *l = open_ledger();
	struct said s;
	struct ledger_claim *c = claim(l, "a", false, &s);

	(void)state;
	assert_int_equal(s.verdict, LEDGER_YOURS);
	assert_int_equal(strlen(s.tag), 24);
	assert_true(ledger_sending(c));
	assert_int_equal(settle(l, c, LEDGER_IS_MADE, "id-1"), LEDGER_MADE);
	claim(l, "a", false, &s);
	assert_int_equal(s.verdict, LEDGER_MADE);
	assert_string_equal(s.id, "id-1");
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
again_makes_another(void **state)
{
	struct ledger *l = open_ledger();
	struct said s, t;
	struct ledger_claim *c = claim(l, "a", false, &s);

	(void)state;
	settle(l, c, LEDGER_IS_MADE, "id-1");
	c = claim(l, "a", true, &t);
	assert_int_equal(t.verdict, LEDGER_YOURS);
	assert_string_not_equal(s.tag, t.tag);
	/* Not made: the first one still stands. */
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
not_made_is_free(void **state)
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
unknown_is_looked_up_by_one(void **state)
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
	claim(m, "a", false, &t); /* another process, as its lock is another's */
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
resend_is_an_intent_of_its_own(void **state)
{
	struct ledger *l = open_ledger(), *m = open_ledger();
	struct said s, t = {0};
	struct ledger_claim *c = claim(l, "a", false, &s);

	(void)state;
	settle(l, c, LEDGER_IS_UNKNOWN, NULL);
	c = claim(l, "a", false, &s);
	ledger_resend(c, -1500, hear, &t);
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

/* What is sent once more is another attempt: the id that the first was told is not its own. */
static void
resend_voids_what_was_told(void **state)
{
	struct ledger *l = open_ledger();
	struct said s;
	struct ledger_claim *c = claim(l, "a", false, &s);

	(void)state;
	settle(l, c, LEDGER_IS_UNKNOWN, "told");
	c = claim(l, "a", false, &s);
	assert_string_equal(s.id, "told");
	ledger_resend(c, 0, hear, &s);
	ledger_flush(l);
	settle(l, c, LEDGER_IS_UNKNOWN, NULL);
	claim(l, "a", false, &s);
	assert_int_equal(s.verdict, LEDGER_UNKNOWN);
	assert_string_equal(s.id, "-");
	ledger_free(l);
}

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
	    data, LEDGER_LIKELY, hear, s);
	ledger_flush(l);
	assert_int_equal(s->calls, 1);
	return s->verdict;
}

/* The claim of a request whose outcome is unknown. */
static struct ledger_claim *
lost(struct ledger *l, const char *subject)
{
	struct said s;
	struct ledger_claim *c = claim(l, subject, false, &s);

	assert_int_equal(s.verdict, LEDGER_YOURS);
	assert_true(ledger_sending(c));
	return c;
}

static void
adopts_the_one_that_is_left(void **state)
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
		/* Of two it is said which neither is; both claims go on. */
		assert_int_equal(adopt(l, a, "2", "3", &s), LEDGER_UNKNOWN);
		assert_string_equal(s.id, "-");
		assert_int_equal(adopt(l, a, NULL, NULL, &s), LEDGER_YOURS);
		assert_int_equal(adopt(l, a, "1", NULL, &s), LEDGER_YOURS);
		assert_int_equal(adopt(l, a, "1", "2", &s), LEDGER_MADE);
		assert_string_equal(s.id, "2");
		assert_string_equal(s.data, "{\"of\":2}");
		assert_int_equal(adopt(l, b, "2", NULL, &s), LEDGER_YOURS);
		/* A list that shows one twice, as pages do that shift. */
		assert_int_equal(adopt(l, b, "3", "3", &s), LEDGER_MADE);
		assert_string_equal(s.id, "3");
		ledger_free(l);
	}
}

static void
adopted_is_made(void **state)
{
	struct ledger *l = open_ledger();
	struct said s, waiting = {0};
	struct ledger_ask ask = ask_for("a");
	struct ledger_claim *c;

	(void)state;
	settle(l, lost(l, "a"), LEDGER_IS_UNKNOWN, NULL);
	c = claim(l, "a", false, &s);
	assert_int_equal(s.verdict, LEDGER_UNKNOWN);
	ledger_claim(l, &ask, hear, &waiting);
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

/* What is in the list of another account, or of another kind, is no other's. What is gone is
 * had all the same; so is what a lost request had told. */
static void
had_is_had_whatever_became_of_it(void **state)
{
	struct ledger *l = open_ledger();
	struct ledger_ask ask = ask_for("a"), other = ask_for("a");
	struct ledger_claim *c;
	struct said s = {0};

	(void)state;
	settle(l, lost(l, "a"), LEDGER_IS_MADE, "1");
	ledger_mark(l, &ask.key, "1", LEDGER_GONE, NULL, NULL);
	settle(l, lost(l, "b"), LEDGER_IS_UNKNOWN, "2");
	c = lost(l, "c");
	assert_int_equal(adopt(l, c, "1", "2", &s), LEDGER_YOURS);
	other.key.operation = "render";
	for (int i = 0; i < 2; i++) {
		c = ledger_claim(l, &other, hear, &s);
		ledger_flush(l);
		assert_int_equal(s.verdict, LEDGER_YOURS);
		assert_int_equal(adopt(l, c, "1", NULL, &s), LEDGER_MADE);
		other = ask_for("a");
		other.key.account = "other";
	}
	ledger_free(l);
}

/* The entry's own earlier word is not another's. */
static void
adopts_what_it_was_told_before(void **state)
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
doubtful_is_not_adopted(void **state)
{
	const char *const ids[] = {"1", "2"};
	struct ledger *l = open_ledger();
	struct ledger_claim *c;
	struct said s;

	(void)state;
	settle(l, claim(l, "a", false, &s), LEDGER_IS_MADE, "1");
	c = lost(l, "b");
	ledger_adopt(c, ids, 2, NULL, LEDGER_DOUBTFUL, hear, &s);
	ledger_flush(l);
	assert_int_equal(s.verdict, LEDGER_UNKNOWN);
	ledger_adopt(c, ids, 1, NULL, LEDGER_DOUBTFUL, hear, &s);
	ledger_flush(l);
	assert_int_equal(s.verdict, LEDGER_YOURS);
	assert_int_equal(adopt(l, c, "2", NULL, &s), LEDGER_MADE);
	ledger_free(l);
}

static void
not_adopted_is_still_held(void **state)
{
	struct ledger *l = open_ledger(), *m = open_ledger();
	struct ledger_claim *c = lost(l, "a");
	struct said s;

	(void)state;
	assert_int_equal(adopt(l, c, "1", "2", &s), LEDGER_UNKNOWN);
	claim(m, "a", false, &s);
	assert_int_equal(s.verdict, LEDGER_BUSY);
	ledger_resend(c, 0, hear, &s);
	ledger_flush(l);
	assert_int_equal(s.verdict, LEDGER_YOURS);
	assert_int_equal(settle(l, c, LEDGER_IS_NOT_MADE, NULL), LEDGER_YOURS);
	/* Cancelled between asking and answering: it stays unknown. */
	c = lost(l, "b");
	ledger_adopt(c, NULL, 0, NULL, LEDGER_LIKELY, hear, &s);
	ledger_cancel(c);
	ledger_flush(l);
	claim(m, "b", false, &s);
	assert_int_equal(s.verdict, LEDGER_UNKNOWN);
	ledger_free(m);
	/* Left so at the end: a dead one's. */
	c = lost(l, "c");
	assert_int_equal(adopt(l, c, NULL, NULL, &s), LEDGER_YOURS);
	ledger_free(l);
	l = open_ledger();
	claim(l, "c", false, &s);
	assert_int_equal(s.verdict, LEDGER_UNKNOWN);
	ledger_free(l);
}

/* What the list shows by the same name may be another's that is in doubt too. */
static void
what_looks_alike_is_not_adopted(void **state)
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
		c[i] = ledger_claim(l, &ask, hear, &s);
		ledger_flush(l);
		assert_int_equal(s.verdict, LEDGER_YOURS);
	}
	assert_int_equal(adopt(l, c[0], "1", NULL, &s), LEDGER_BUSY);
	assert_int_equal(adopt(l, c[0], NULL, NULL, &s), LEDGER_YOURS);
	settle(l, c[1], LEDGER_IS_UNKNOWN, NULL);
	assert_int_equal(adopt(l, c[0], "1", NULL, &s), LEDGER_UNKNOWN);
	assert_int_equal(adopt(l, c[2], "2", NULL, &s), LEDGER_MADE);
	/* A tag leaves no doubt. */
	s = (struct said){0};
	ledger_adopt(c[0], &id, 1, NULL, LEDGER_SURE, hear, &s);
	ledger_flush(l);
	assert_int_equal(s.verdict, LEDGER_MADE);
	ledger_free(l);
}

/* Processes that look at the same list: each thing becomes one entry's. */
static void
many_adopt_the_same(void **state)
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

static enum ledger_verdict
peek(struct ledger *l, const char *subject, bool again, struct said *s)
{
	struct ledger_ask ask = ask_for(subject);

	ask.again = again;
	*s = (struct said){0};
	ledger_peek(l, &ask, hear, s);
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
	/* The same photo a second time: by then it would be made. */
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
		struct ledger_claim *c = ledger_claim(l, &ask, hear, &s[0]), *second;

		second = ledger_claim(l, &ask, hear, &s[1]);
		ledger_claim(l, &ask, hear, &s[2]);
		ledger_cancel(ledger_claim(l, &ask, hear, &s[3]));
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
without_memory_all_is_yours(void **state)
{
	struct err e;
	struct ledger *l = ledger_open("none", NULL, &e);
	struct said s;
	struct ledger_claim *c = claim(l, "a", false, &s);

	(void)state;
	assert_int_equal(s.verdict, LEDGER_YOURS);
	assert_int_equal(strlen(s.tag), 24);
	assert_true(ledger_sending(c));
	settle(l, c, LEDGER_IS_MADE, "id");
	claim(l, "a", false, &s);
	assert_int_equal(s.verdict, LEDGER_YOURS);
	ledger_free(l);
	assert_int_equal(access("none", F_OK), -1);
}

static void
cancelled_claim_is_free(void **state)
{
	struct ledger *l = open_ledger(), *m = open_ledger();
	struct ledger_ask ask = ask_for("a");
	struct said s = {0}, t;

	(void)state;
	ledger_cancel(ledger_claim(l, &ask, hear, &s));
	ledger_flush(l);
	assert_int_equal(s.calls, 0);
	claim(m, "a", false, &t);
	assert_int_equal(t.verdict, LEDGER_YOURS);
	ledger_free(m);
	ledger_free(l);
}

static void
marked_is_never_reused(void **state)
{
	struct ledger *l = open_ledger();
	struct ledger_ask ask = ask_for("a"), elsewhere = ask_for("a");
	struct said s;
	struct ledger_claim *c = claim(l, "a", false, &s);

	(void)state;
	settle(l, c, LEDGER_IS_MADE, "id-1");
	elsewhere.key.account = "other";
	ledger_mark(l, &elsewhere.key, "id-1", LEDGER_GONE, NULL, NULL);
	elsewhere = ask_for("a");
	elsewhere.key.operation = "render";
	ledger_mark(l, &elsewhere.key, "id-1", LEDGER_GONE, NULL, NULL);
	ledger_flush(l);
	claim(l, "a", false, &s);
	assert_int_equal(s.verdict, LEDGER_MADE);
	ask.key.base = "https://api.example/v1/";
	s.calls = 0;
	ledger_mark(l, &ask.key, "id-1", LEDGER_FAILED, hear, &s);
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
		c[i] = ledger_claim(l, &ask, hear, &s[i]);
	}
	assert_int_equal(s[0].calls, 0);
	ledger_flush(l);
	assert_in_range(syncs, 1, 2); /* the first write of a log syncs its header too */
	syncs = 0;
	for (int i = 0; i < 64; i++) {
		assert_int_equal(s[i].verdict, LEDGER_YOURS);
		ledger_settle(c[i], LEDGER_IS_MADE, subject[i], NULL, hear, &s[i]);
	}
	ledger_flush(l);
	assert_int_equal(syncs, 1);
	/* What is made already costs none. */
	syncs = 0;
	for (int i = 0; i < 64; i++) {
		claim(l, subject[i], false, &s[i]);
		assert_string_equal(s[i].id, subject[i]);
	}
	assert_int_equal(syncs, 0);
	ledger_free(l);
}

/* Runs fn in a process of its own and waits until it has come to pause() or ended. */
static pid_t
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

static void
reap(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

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
execute(const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

/* A claim of which the list shows what it shows of any other by that name. */
static struct ledger_claim *
alike(struct ledger *l, const char *subject)
{
	struct ledger_ask ask = ask_for(subject);
	struct ledger_claim *c;
	struct said s;

	ask.data = "{\"/name\":\"Ann\"}";
	c = ledger_claim(l, &ask, hear, &s);
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

/* Of those that may have made what looks alike, the dead are told from the living. */
static void
a_dead_twin_is_not_waited_for(void **state)
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

/* An upload may take longer than what is given up is remembered. */
static void
a_slow_twin_is_waited_for(void **state)
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

/* With a loop: claims and settlements from within callbacks, committed beside it. */
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
	assert_in_range(syncs, 1, 200); /* 2,560 commits one by one */
	ledger_free(l);
	loop_free(loop);
}

static void
many_may_make_it_at_once(void **state)
{
	pid_t pids[16];
	int go[2];

	(void)state;
	assert_int_equal(pipe(go), 0);
	for (int i = 0; i < 16; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			struct err e;
			char c;
			close(go[1]);
			(void)!read(go[0], &c, 1); /* until the other end is closed */
			if (ledger_open(file, NULL, &e) == NULL)
				warn("%s", e.message);
			else
				_exit(0);
			_exit(1);
		}
	}
	close(go[0]);
	close(go[1]);
	for (int i = 0; i < 16; i++) {
		int status;
		waitpid(pids[i], &status, 0);
		assert_int_equal(status, 0);
	}
}

/* Opening what cannot be used. */

static void
refused(const char *path, const char *why)
{
	struct err e = {0};
	struct ledger *l = ledger_open(path, NULL, &e);

	assert_null(l);
	assert_int_equal(e.code, CODE_STATE_UNUSABLE);
	if (strstr(e.message, why) == NULL)
		fail_msg("'%s' does not say '%s'", e.message, why);
}

static void
newer_foreign_and_damaged_are_refused(void **state)
{
	FILE *f;

	(void)state;
	execute("CREATE TABLE x (y)");
	refused(file, "another program");
	unlink(file);
	ledger_free(open_ledger());
	execute("PRAGMA user_version = 2");
	refused(file, "version 2");
	f = fopen(file, "w");
	fprintf(f, "%4096s", "this is not a database");
	fclose(f);
	refused(file, "damaged");
	refused("/nowhere/at/all/ledger.db", "No such file");
	refused(dir, "cannot open");
}

static void
homeless_is_refused(void **state)
{
	char *home = mem_str(getenv("HOME")), *xdg = mem_str(getenv("XDG_STATE_HOME"));

	(void)state;
	unsetenv("HOME");
	unsetenv("XDG_STATE_HOME");
	refused(NULL, "HOME");
	setenv("XDG_STATE_HOME", dir, 1);
	struct err e;
	ledger_free(ledger_open(NULL, NULL, &e));
	char *path = mem_printf("%s/avtools/ledger.db", dir);
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	*strrchr(path, '/') = '\0';
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	free(path);
	if (home != NULL)
		setenv("HOME", home, 1);
	if (xdg != NULL)
		setenv("XDG_STATE_HOME", xdg, 1);
	else
		unsetenv("XDG_STATE_HOME");
	free(home);
	free(xdg);
}

/* A commit is of no use in a directory that the next loss of power takes away. */
static void
new_directories_are_on_disk(void **state)
{
	char *xdg = mem_printf("%s/a/b", dir), *old = mem_str(getenv("XDG_STATE_HOME"));
	struct err e;

	(void)state;
	setenv("XDG_STATE_HOME", xdg, 1);
	for (int made = 3; made >= 0; made -= 3) {
		syncs = 0;
		free(state_path("ledger.db", &e));
		assert_int_equal(syncs, made);
	}
	if (old != NULL)
		setenv("XDG_STATE_HOME", old, 1);
	else
		unsetenv("XDG_STATE_HOME");
	free(xdg);
	free(old);
}

/* Else one that root ran, and that was killed, would live for ever to all others. */
static void
root_gives_its_sign_of_life_away(void **state)
{
	char *live = mem_printf("%s-live", file), *own = mem_printf("%s/2", live);
	struct ledger *l;
	struct stat st;

	(void)state;
	if (geteuid() == 0) {
		ledger_free(open_ledger());
		assert_int_equal(chown(live, 65534, 65534), 0);
		l = open_ledger();
		assert_int_equal(stat(own, &st), 0);
		assert_int_equal(st.st_uid, 65534);
		ledger_free(l);
	}
	free(live);
	free(own);
}

static void
network_file_systems_are_known(void **state)
{
	(void)state;
	assert_string_equal(state_network_fs(0x6969), "NFS");
	assert_string_equal(state_network_fs(0xff534d42), "CIFS");
	assert_string_equal(state_network_fs((unsigned long)(int)0xfe534d42), "SMB");
	assert_string_equal(state_network_fs(0x65735546), "FUSE");
	assert_null(state_network_fs(0xef53));     /* ext */
	assert_null(state_network_fs(0x01021994)); /* tmpfs */
	assert_null(state_network_fs(0x9123683e)); /* btrfs */
	assert_null(state_network_fs(0x794c7630)); /* overlay */
	fs_type = 0x6969;
	refused(file, "network file system (NFS)");
	fs_type = 0xef53;
}

static void
move(const char *from, const char *to)
{
	char *command = mem_printf("mv '%s' '%s'", from, to);

	assert_int_equal(system(command), 0);
	free(command);
}

/* The next process would begin a new ledger, and one of the two would not know of what the
 * other paid for. */
static void
moved_away_is_no_ledger_any_more(void **state)
{
	struct ledger *l = open_ledger();
	char *away = mem_printf("%s.away", file);
	struct said s;

	(void)state;
	move(file, away);
	claim(l, "a", false, &s);
	assert_int_equal(s.verdict, LEDGER_ERROR);
	assert_non_null(strstr(s.message, "moved or deleted"));
	move(away, file);
	claim(l, "a", false, &s);
	assert_int_equal(s.verdict, LEDGER_YOURS);
	ledger_free(l);
	free(away);
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

/* A tool may have taken it out of WAL mode, in which alone one fsync makes a commit last. */
static void
put_back_into_wal_mode(void **state)
{
	sqlite3_stmt *st;
	sqlite3 *db;

	(void)state;
	ledger_free(open_ledger());
	execute("PRAGMA journal_mode = DELETE");
	ledger_free(open_ledger());
	assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
	sqlite3_prepare_v2(db, "PRAGMA journal_mode", -1, &st, NULL);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	assert_string_equal(sqlite3_column_text(st, 0), "wal");
	sqlite3_finalize(st);
	sqlite3_close(db);
}

/* No file may grow: as a full disk looks, seen from here. */
static void
set_limit(rlim_t bytes)
{
	struct rlimit lim;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &lim);
	lim.rlim_cur = bytes;
	setrlimit(RLIMIT_FSIZE, &lim);
}

static void
full_disk_stops_before_sending(void **state)
{
	struct ledger *l = open_ledger();
	struct said s;
	struct ledger_claim *c = claim(l, "made", false, &s);

	(void)state;
	settle(l, c, LEDGER_IS_MADE, "id");
	set_limit(4096);
	claim(l, "a", false, &s);
	assert_int_equal(s.verdict, LEDGER_ERROR);
	assert_non_null(strstr(s.message, "ledger"));
	claim(l, "made", false, &s);
	assert_int_equal(s.verdict, LEDGER_MADE);
	refused(file, "full");
	set_limit(RLIM_INFINITY);
	claim(l, "a", false, &s);
	assert_int_equal(s.verdict, LEDGER_YOURS);
	ledger_free(l);
}

/* What became of a request is told as soon as that is possible, if only at the end; nothing is
 * begun before. */
static void
full_disk_loses_no_outcome(void **state)
{
	struct ledger *l = open_ledger(), *m = open_ledger();
	struct ledger_claim *a = lost(l, "a"), *b = lost(l, "b");
	struct said s;

	(void)state;
	set_limit(4096);
	assert_int_equal(settle(l, a, LEDGER_IS_MADE, "1"), LEDGER_ERROR);
	claim(l, "c", false, &s);
	assert_int_equal(s.verdict, LEDGER_ERROR);
	set_limit(RLIM_INFINITY);
	claim(m, "a", false, &s);
	assert_int_equal(s.verdict, LEDGER_BUSY);
	/* Even the same thing, asked for in the meantime. */
	claim(l, "a", false, &s);
	assert_int_equal(s.verdict, LEDGER_MADE);
	assert_string_equal(s.id, "1");
	set_limit(4096);
	assert_int_equal(settle(l, b, LEDGER_IS_MADE, "2"), LEDGER_ERROR);
	set_limit(RLIM_INFINITY);
	ledger_free(l);
	claim(m, "a", false, &s);
	assert_string_equal(s.id, "1");
	claim(m, "b", false, &s);
	assert_int_equal(s.verdict, LEDGER_MADE);
	assert_string_equal(s.id, "2");
	ledger_free(m);
	/* Where it is full to the end, it is a dead one's. */
	l = open_ledger();
	a = lost(l, "d");
	set_limit(4096);
	settle(l, a, LEDGER_IS_MADE, "3");
	ledger_free(l);
	set_limit(RLIM_INFINITY);
	l = open_ledger();
	claim(l, "d", false, &s);
	assert_int_equal(s.verdict, LEDGER_UNKNOWN);
	ledger_free(l);
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
		setenv("AV_FAULT", point, 1);
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
#ifndef AV_FAULTS
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

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(key_is_stable),
	    TEST(key_ignores_spelling_only),
	    TEST(key_tells_all_numbers_apart),
	    TEST(key_is_that_of_its_own_text),
	    TEST(key_ignores_the_spelling_of_a_host),
	    TEST(key_counts_every_part),
	    TEST(made_is_not_asked_for_again),
	    TEST(again_makes_another),
	    TEST(not_made_is_free),
	    TEST(unknown_is_looked_up_by_one),
	    TEST(resend_is_an_intent_of_its_own),
	    TEST(resend_voids_what_was_told),
	    TEST(adopts_the_one_that_is_left),
	    TEST(adopted_is_made),
	    TEST(had_is_had_whatever_became_of_it),
	    TEST(adopts_what_it_was_told_before),
	    TEST(doubtful_is_not_adopted),
	    TEST(not_adopted_is_still_held),
	    TEST(what_looks_alike_is_not_adopted),
	    TEST(many_adopt_the_same),
	    TEST(peeking_changes_nothing),
	    TEST(same_key_waits_within_a_process),
	    TEST(without_memory_all_is_yours),
	    TEST(cancelled_claim_is_free),
	    TEST(marked_is_never_reused),
	    TEST(a_batch_is_one_sync),
	    TEST(living_is_busy_and_dead_is_not),
	    TEST(what_the_dead_did_not_send_keeps_its_tag),
	    TEST(the_dead_are_judged_at_open),
	    TEST(another_boot_proves_nothing),
	    TEST(a_dead_twin_is_not_waited_for),
	    TEST(a_slow_twin_is_waited_for),
	    TEST(unsettled_at_the_end_is_a_dead_ones),
	    TEST(on_a_loop),
	    TEST(many_may_make_it_at_once),
	    TEST(newer_foreign_and_damaged_are_refused),
	    TEST(homeless_is_refused),
	    TEST(new_directories_are_on_disk),
	    TEST(root_gives_its_sign_of_life_away),
	    TEST(network_file_systems_are_known),
	    TEST(moved_away_is_no_ledger_any_more),
	    TEST(without_a_sign_of_life_nothing_is_sent),
	    TEST(put_back_into_wal_mode),
	    TEST(full_disk_stops_before_sending),
	    TEST(full_disk_loses_no_outcome),
	    TEST(power_is_lost_at_any_write),
	    TEST(killed_around_a_commit),
	    TEST(stopped_in_the_middle),
	    TEST(killed_at_any_moment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
