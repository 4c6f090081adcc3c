/* What an entry of a list says of a request whose answer was lost. */
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

static struct json_object *
parse(const char *text)
{
	struct err e;
	struct json_object *o = json_parse(text, strlen(text), &e);

	if (o == NULL)
		fail_msg("%s: %s", text, e.message);
	return o;
}

static enum likeness
judge(const struct likeness_spec *spec, const char *match, const char *entry)
{
	struct likeness_spec s = *spec;
	struct json_object *e = parse(entry);
	enum likeness result;

	s.match = match != NULL ? parse(match) : NULL;
	result = likeness_of(&s, e);
	json_object_put(s.match);
	json_object_put(e);
	return result;
}

static void
times(void **state)
{
	static const struct {
		const char *time; /* as JSON */
		enum likeness sure, unsure;
	} all[] = {
	    {"\"2026-05-01T10:00:00Z\"", ALIKE, ALIKE},
	    {"\"2026-05-01T10:00:00.000Z\"", ALIKE, ALIKE},
	    {"\"2026-05-01T12:00:00+02:00\"", ALIKE, ALIKE},
	    {"\"2026-05-01T04:30:00-05:30\"", ALIKE, ALIKE},
	    {"\"2026-05-01T09:59:55Z\"", ALIKE, ALIKE},
	    {"\"2026-05-01T09:59:54.999Z\"", PERHAPS, PERHAPS},
	    {"\"2026-05-01T09:59:00Z\"", PERHAPS, PERHAPS},
	    {"\"2026-05-01T09:58:59Z\"", UNLIKE, PERHAPS},
	    {"\"2026-05-01T12:00:00+03:00\"", UNLIKE, PERHAPS},
	    {"\"2026-04-29T10:00:00Z\"", UNLIKE, UNLIKE},
	    /* No zone: it may be any. */
	    {"\"2026-05-01T10:00:01\"", ALIKE, ALIKE},
	    {"\"2026-05-01T03:00:00.123456\"", PERHAPS, PERHAPS},
	    {"\"2026-04-29T10:00:00\"", UNLIKE, UNLIKE},
	    /* No time. */
	    {"\"2026-04-29T10:00:00+0000\"", PERHAPS, PERHAPS},
	    {"\"2026-04-29T10:00:00Zulu\"", PERHAPS, PERHAPS},
	    {"\"29 April 2026\"", PERHAPS, PERHAPS},
	    {"\"\"", PERHAPS, PERHAPS},
	    {"1777629600", PERHAPS, PERHAPS},
	    {"null", PERHAPS, PERHAPS},
	};

	(void)state;
	for (size_t i = 0; i < N(all); i++) {
		struct likeness_spec spec = {.created_at = "/at", .sent_at = SENT};
		char entry[128];

		snprintf(
		    entry, sizeof entry, "{\"name\":\"Ann\",\"at\":%s}", all[i].time);
		for (int sure = 0; sure < 2; sure++) {
			enum likeness want = sure ? all[i].sure : all[i].unsure;
			spec.clock_sure = sure;
			if (judge(&spec, "{\"/name\":\"Ann\"}", entry) != want)
				fail_msg("%s, clock_sure %d", entry, sure);
		}
	}
}

static void
texts(void **state)
{
	static const struct {
		const char *match, *entry;
		enum likeness want;
	} all[] = {
	    {"{\"/name\":\"Ann\"}", "{\"name\":\"Ann\"}", ALIKE},
	    {"{\"/name\":\"Ann\"}", "{\"name\":\"ann\"}", UNLIKE},
	    {"{\"/name\":\"Ann\"}", "{\"name\":\"Anna\"}", UNLIKE},
	    {"{\"/name\":\"Anna\"}", "{\"name\":\"Ann\"}", UNLIKE},
	    {"{\"/name\":\"Ann\"}", "{\"name\":null}", UNLIKE},
	    {"{\"/name\":\"Ann\"}", "{}", UNLIKE},
	    {"{\"/name\":\"Ann\"}", "[]", UNLIKE},
	    {"{\"/name\":\" Ann  B\\t\"}", "{\"name\":\"Ann B\"}", ALIKE},
	    {"{\"/name\":\"Ann B\"}", "{\"name\":\"AnnB\"}", UNLIKE},
	    {"{\"/name\":\"Ann\"}", "{\"name\":\"Ann B\"}", UNLIKE},
	    {"{\"/w\":\"800\",\"/h\":\"600\"}", "{\"w\":800,\"h\":600}", ALIKE},
	    {"{\"/w\":\"800\",\"/h\":\"600\"}", "{\"w\":800,\"h\":601}", UNLIKE},
	    {NULL, "{\"name\":\"Ann\"}", UNLIKE},
	};
	struct likeness_spec spec = {.sent_at = SENT};

	(void)state;
	for (size_t i = 0; i < N(all); i++)
		if (judge(&spec, all[i].match, all[i].entry) != all[i].want)
			fail_msg("%s", all[i].entry);
}

/* It tells alone, whatever the clocks say; where it is not shown, the rest tells a little. */
static void
tags(void **state)
{
	static const struct {
		const char *entry;
		enum likeness want;
	} all[] = {
	    {"{\"name\":\"Ann\",\"x\":{\"tag\":\"t\"},\"at\":\"2020-01-01T00:00:00Z\"}",
	        ALIKE},
	    {"{\"name\":\"Bob\",\"x\":{\"tag\":\"t\"}}", ALIKE},
	    {"{\"name\":\"Ann\",\"x\":{\"tag\":\"u\"},\"at\":\"2026-05-01T10:00:00Z\"}",
	        UNLIKE},
	    {"{\"name\":\"Ann\",\"x\":{},\"at\":\"2026-05-01T10:00:00Z\"}", PERHAPS},
	    {"{\"name\":\"Ann\",\"at\":\"2026-05-01T10:00:00Z\"}", PERHAPS},
	    {"{\"name\":\"Ann\",\"at\":\"2020-01-01T00:00:00Z\"}", UNLIKE},
	    {"{\"name\":\"Bob\",\"at\":\"2026-05-01T10:00:00Z\"}", UNLIKE},
	};
	struct likeness_spec spec = {.tag_at = "/x/tag",
	    .tag = "t",
	    .created_at = "/at",
	    .sent_at = SENT,
	    .clock_sure = true};

	(void)state;
	for (size_t i = 0; i < N(all); i++)
		if (judge(&spec, "{\"/name\":\"Ann\"}", all[i].entry) != all[i].want)
			fail_msg("%s", all[i].entry);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(times), cmocka_unit_test(texts), cmocka_unit_test(tags)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
