/* Texts of options: which are accepted, and what they mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/units.h"

/* Sanitizers stop a shift that overflows. */
static void
sizes(void **unused)
{
	static const struct {
		const char *text;
		int64_t bytes;
	} good[] = {{"1", 1}, {"1000", 1000}, {"64k", 64 << 10}, {"64M", 64 << 20},
	    {"4G", INT64_C(4) << 30}, {"8589934591G", INT64_C(8589934591) << 30},
	    {"9223372036854775807", INT64_MAX}};
	static const char *const bad[] = {"", "0", "0G", "-1", "x", "k", "1K", "1kB",
	    "1.5M", "1 k", "8589934592G", "9999999999G", "9223372036854775807k"};
	int64_t bytes;

	(void)unused;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		assert_true(units_bytes(good[i].text, &bytes));
		assert_int_equal(bytes, good[i].bytes);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (units_bytes(bad[i], &bytes))
			fail_msg("'%s' is %lld bytes", bad[i], (long long)bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(sizes)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
