/* How long is waited for what a service makes: by what its description says is usual. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "provider_case.h"
#include "service/poll.h"

#define HOUR (INT64_C(3600) * 1000)

static void
durations(void **unused)
{
	static const struct {
		const char *duration, *poll;
		int64_t first, max, patience;
	} all[] = {{"{}", "{}", 2000, 30000, HOUR},
	    {"{'usual_s': 10}", "{}", 2000, 10000, HOUR},
	    {"{'usual_s': 300}", "{}", 10000, 30000, HOUR},
	    {"{'usual_s': 14400}", "{}", 60000, 600000, 12 * HOUR},
	    {"{'usual_s': 14400, 'max_s': 18000}", "{'first_s': 5}", 5000, 600000,
	        5 * HOUR}};
	struct poller poller = {.timeout_ms = HOUR, .patient = true};

	(void)unused;
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		char *text = mem_printf(
		    "{'name': 'acme', 'poll': %s, 'operations': {"
		    "'create': {'repeatable': false, 'duration': %s}, 'status': {}}}",
		    all[i].poll, all[i].duration);
		struct provider *p = described(text);
		const struct operation *op = provider_operation(p, "status");

		assert_int_equal(op->poll_first_ms, all[i].first);
		assert_int_equal(op->poll_max_ms, all[i].max);
		poller.patient = true;
		assert_int_equal(poller_timeout(&poller, op), all[i].patience);
		poller.patient = false; /* --timeout was given */
		assert_int_equal(poller_timeout(&poller, op), HOUR);
		provider_free(p);
		free(text);
	}
}

/* The longest of what one operation asks about counts. */
static void
of_kinds(void **unused)
{
	struct provider *p = described(
	    "{'name': 'acme', 'operations': {'create': {'duration': {'usual_s': 60}}, 'status': {},"
	    " 'say': {'duration': {'usual_s': 600}}, 'film': {'duration': {'usual_s': 6000}}, 'video': {}},"
	    " 'kinds': {'a': {'start': ['say'], 'status': 'video'},"
	    " 'b': {'start': ['film'], 'status': 'video'}}}");

	(void)unused;
	assert_int_equal(provider_operation(p, "status")->usual_ms, 60000);
	assert_int_equal(provider_operation(p, "video")->usual_ms, 6000000);
	assert_int_equal(provider_operation(p, "say")->usual_ms, 0);
	provider_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(durations), cmocka_unit_test(of_kinds)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
