/* How well a list entry matches a request whose answer was lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "service/match.h"
#include "json/json.h"

#define N(a) (sizeof(a) / sizeof *(a))

/* 2026-05-01T10:00:00Z */
#define SENT INT64_C(1777629600000)
#define OVER (SENT + 60000) /* 10:01 */

static struct json_object *
parse(const char *text)
{
	struct err e;
	struct json_object *o = json_parse(text, strlen(text), &e);

	if (o == NULL)
		fail_msg("%s: %s", text, e.message);
	return o;
}

static enum match
compare(const struct match_spec *spec, const char *match, const char *entry)
{
	struct match_spec s = *spec;
	struct json_object *e = parse(entry);
	enum match result;

	s.match = match != NULL ? parse(match) : NULL;
	result = match_entry(&s, e);
	json_object_put(s.match);
	json_object_put(e);
	return result;
}

static void
times(void **state)
{
	static const struct {
		const char *time; /* as JSON */
		enum match sure, unsure;
	} all[] = {
	    {"\"2026-05-01T10:00:00Z\"", MATCH, MATCH},
	    {"\"2026-05-01T10:00:00.000Z\"", MATCH, MATCH},
	    {"\"2026-05-01T12:00:00+02:00\"", MATCH, MATCH},
	    {"\"2026-05-01T04:30:00-05:30\"", MATCH, MATCH},
	    {"1777629600", MATCH, MATCH}, /* Unix times */
	    {"\"1777629600\"", MATCH, MATCH},
	    {"1777629600123", MATCH, MATCH},
	    {"1777629600.123", MATCH, MATCH},
	    {"1777629300", MATCH_NOT, MATCH_MAYBE},
	    {"\"2026-05-01T09:59:55Z\"", MATCH, MATCH},
	    {"\"2026-05-01T09:59:54.999Z\"", MATCH_MAYBE, MATCH_MAYBE},
	    {"\"2026-05-01T09:59:00Z\"", MATCH_MAYBE, MATCH_MAYBE},
	    {"\"2026-05-01T09:58:59Z\"", MATCH_NOT, MATCH_MAYBE},
	    {"\"2026-05-01T12:00:00+03:00\"", MATCH_NOT, MATCH_MAYBE},
	    {"\"2026-04-29T10:00:00Z\"", MATCH_NOT, MATCH_NOT},
	    {"\"2026-05-01T10:01:05Z\"", MATCH, MATCH},
	    {"\"2026-05-01T10:01:05.001Z\"", MATCH_MAYBE, MATCH_MAYBE},
	    {"\"2026-05-01T10:02:00Z\"", MATCH_MAYBE, MATCH_MAYBE},
	    {"\"2026-05-01T10:02:00.001Z\"", MATCH_NOT, MATCH_MAYBE},
	    {"\"2026-05-03T10:00:00Z\"", MATCH_NOT, MATCH_NOT},
	    {"\"9999-12-31T23:59:59Z\"", MATCH_NOT, MATCH_NOT},
	    /* Without a zone it may be any zone. */
	    {"\"2026-05-01T10:00:01\"", MATCH, MATCH},
	    {"\"2026-05-01T03:00:00.123456\"", MATCH_MAYBE, MATCH_MAYBE},
	    {"\"2026-04-29T10:00:00\"", MATCH_NOT, MATCH_NOT},
	    /* Without a time. */
	    {"\"2026-04-29T10:00:00+0000\"", MATCH_MAYBE, MATCH_MAYBE},
	    {"\"2026-04-29T10:00:00Zulu\"", MATCH_MAYBE, MATCH_MAYBE},
	    {"\"29 April 2026\"", MATCH_MAYBE, MATCH_MAYBE},
	    {"\"\"", MATCH_MAYBE, MATCH_MAYBE},
	    {"17776296", MATCH_MAYBE, MATCH_MAYBE},
	    {"\"1777629600 \"", MATCH_MAYBE, MATCH_MAYBE},
	    {"null", MATCH_MAYBE, MATCH_MAYBE},
	};

	(void)state;
	for (size_t i = 0; i < N(all); i++) {
		struct match_spec spec = {.created_at = "/at",
		    .sent_at = SENT,
		    .over_at = OVER,
		    .exclusive = true};
		char entry[128];

		snprintf(
		    entry, sizeof entry, "{\"name\":\"Ann\",\"at\":%s}", all[i].time);
		for (int sure = 0; sure < 2; sure++) {
			enum match want = sure ? all[i].sure : all[i].unsure;
			spec.clock_sure = sure;
			if (compare(&spec, "{\"/name\":\"Ann\"}", entry) != want)
				fail_msg("%s, clock_sure %d", entry, sure);
			/* Others use the account, and may use the name. */
			spec.exclusive = false;
			if (compare(&spec, "{\"/name\":\"Ann\"}", entry) !=
			    (want == MATCH ? MATCH_MAYBE : want))
				fail_msg("%s, shared account", entry);
			spec.exclusive = true;
		}
	}
}

static void
texts(void **state)
{
	static const struct {
		const char *match, *entry;
		enum match want;
	} all[] = {
	    {"{\"/name\":\"Ann\"}", "{\"name\":\"Ann\"}", MATCH},
	    {"{\"/name\":\"Ann\"}", "{\"name\":\"ann\"}", MATCH_NOT},
	    {"{\"/name\":\"Ann\"}", "{\"name\":\"Anna\"}", MATCH_NOT},
	    {"{\"/name\":\"Anna\"}", "{\"name\":\"Ann\"}", MATCH_NOT},
	    {"{\"/name\":\"Ann\"}", "{\"name\":null}", MATCH_NOT},
	    {"{\"/name\":\"Ann\"}", "{}", MATCH_NOT},
	    {"{\"/name\":\"Ann\"}", "[]", MATCH_NOT},
	    {"{\"/name\":\" Ann  B\\t\"}", "{\"name\":\"Ann B\"}", MATCH},
	    {"{\"/name\":\"Ann B\"}", "{\"name\":\"AnnB\"}", MATCH_NOT},
	    {"{\"/name\":\"Ann\"}", "{\"name\":\"Ann B\"}", MATCH_NOT},
	    {"{\"/w\":\"800\",\"/h\":\"600\"}", "{\"w\":800,\"h\":600}", MATCH},
	    {"{\"/w\":\"800\",\"/h\":\"600\"}", "{\"w\":800,\"h\":601}", MATCH_NOT},
	    {NULL, "{\"name\":\"Ann\"}", MATCH_NOT},
	};
	struct match_spec spec = {.sent_at = SENT, .exclusive = true};

	(void)state;
	for (size_t i = 0; i < N(all); i++)
		if (compare(&spec, all[i].match, all[i].entry) != all[i].want)
			fail_msg("%s", all[i].entry);
}

/* A tag decides alone, whatever the clocks say; without it the other members decide less. */
static void
tags(void **state)
{
	static const struct {
		const char *entry;
		enum match want;
	} all[] = {
	    {"{\"name\":\"Ann\",\"x\":{\"tag\":\"t\"},\"at\":\"2020-01-01T00:00:00Z\"}",
	        MATCH},
	    {"{\"name\":\"Bob\",\"x\":{\"tag\":\"t\"}}", MATCH},
	    {"{\"name\":\"Ann\",\"x\":{\"tag\":\"u\"},\"at\":\"2026-05-01T10:00:00Z\"}",
	        MATCH_NOT},
	    {"{\"name\":\"Ann\",\"x\":{},\"at\":\"2026-05-01T10:00:00Z\"}", MATCH_MAYBE},
	    {"{\"name\":\"Ann\",\"at\":\"2026-05-01T10:00:00Z\"}", MATCH_MAYBE},
	    {"{\"name\":\"Ann\",\"at\":\"2020-01-01T00:00:00Z\"}", MATCH_NOT},
	    {"{\"name\":\"Bob\",\"at\":\"2026-05-01T10:00:00Z\"}", MATCH_NOT},
	};
	struct match_spec spec = {.tag_at = "/x/tag",
	    .tag = "t",
	    .created_at = "/at",
	    .sent_at = SENT,
	    .over_at = OVER,
	    .clock_sure = true,
	    .exclusive = true};

	(void)state;
	for (size_t i = 0; i < N(all); i++)
		if (compare(&spec, "{\"/name\":\"Ann\"}", all[i].entry) != all[i].want)
			fail_msg("%s", all[i].entry);
}

/* A mark in the name that was sent decides also where others use the account. */
static void
marks(void **state)
{
	static const struct {
		const char *match, *entry;
		enum match want;
	} all[] = {
	    {"Ann 12ab34cd",
	        "{\"name\":\"Ann 12ab34cd\",\"at\":\"2026-05-01T10:00:00Z\"}", MATCH},
	    {"Ann 12ab34cd", "{\"name\":\"Ann 12ab34cd\",\"at\":\"?\"}", MATCH},
	    {"Ann 12ab34cd",
	        "{\"name\":\"Ann 12ab34cd\",\"at\":\"2020-01-01T00:00:00Z\"}", MATCH_NOT},
	    {"Ann 12ab34cd", "{\"name\":\"Ann\",\"at\":\"2026-05-01T10:00:00Z\"}",
	        MATCH_NOT},
	    {"Ann", "{\"name\":\"Ann\",\"at\":\"2026-05-01T10:00:00Z\"}", MATCH_MAYBE},
	    {"12ab34cd", "{\"name\":\"12ab34cd\",\"at\":\"2026-05-01T10:00:00Z\"}",
	        MATCH_MAYBE},
	};
	struct match_spec spec = {.mark = "12ab34cd",
	    .created_at = "/at",
	    .sent_at = SENT,
	    .over_at = OVER,
	    .clock_sure = true};
	char match[64];

	(void)state;
	for (size_t i = 0; i < N(all); i++) {
		snprintf(match, sizeof match, "{\"/name\":\"%s\"}", all[i].match);
		if (compare(&spec, match, all[i].entry) != all[i].want)
			fail_msg("%s: %s", all[i].match, all[i].entry);
	}
}

/* A time of change may be any time after the creation. */
static void
changed_later(void **state)
{
	struct match_spec spec = {.updated_at = "/at",
	    .sent_at = SENT,
	    .over_at = OVER,
	    .clock_sure = true,
	    .exclusive = true};

	(void)state;
	assert_int_equal(
	    compare(&spec, "{\"/w\":\"8\"}", "{\"w\":8,\"at\":\"2026-06-01T10:00:00Z\"}"),
	    MATCH);
	assert_int_equal(
	    compare(&spec, "{\"/w\":\"8\"}", "{\"w\":8,\"at\":\"2026-04-01T10:00:00Z\"}"),
	    MATCH_NOT);
}

static struct json_object *
taken_of(int id)
{
	struct json_object *taken = json_new_object();
	char text[16];

	snprintf(text, sizeof text, "%d", id);
	json_put_str(taken, "id", text);
	return taken;
}

static void
many_candidates(void **state)
{
	const struct provider any = {0};
	struct candidates c = {0};

	(void)state;
	for (int i = 0; i <= CANDIDATES_MAX; i++) {
		assert_false(c.many[MATCH]);
		candidates_add(&c, &any, taken_of(i), MATCH);
		candidates_add(&c, &any, taken_of(0), MATCH_MAYBE);
	}
	assert_true(c.many[MATCH]);
	assert_false(c.many[MATCH_MAYBE]);
	assert_int_equal(json_object_object_length(c.of[MATCH]), CANDIDATES_MAX);
	assert_null(c.of[MATCH_MAYBE]);
	candidates_clear(&c);
	assert_false(c.many[MATCH]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(times),
	    cmocka_unit_test(texts), cmocka_unit_test(tags), cmocka_unit_test(marks),
	    cmocka_unit_test(changed_later), cmocka_unit_test(many_candidates)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
