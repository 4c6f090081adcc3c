/* How many requests are in flight while their number finds itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "service/slots.h"

#define MOST 64

/* A service that answers `at_once` requests in 100 ms, and more of them later: the time of
 * so many responses, with all slots in use. */
static void
serve(struct slots *s, int64_t *now, size_t at_once, size_t responses)
{
	double ms = (double)*now;

	while (slots_take(s, *now))
		;
	while (responses-- > 0) {
		ms += 100.0 / (double)(s->taken < at_once ? s->taken : at_once);
		*now = (int64_t)ms;
		slots_return(s, true, *now);
		while (slots_take(s, *now))
			;
	}
}

static void
fixed(void **unused)
{
	struct slots s;
	int64_t now = 1000;

	(void)unused;
	slots_init(&s, 4, 4);
	serve(&s, &now, MOST, 10000);
	assert_int_equal(s.taken, 4);
	slots_return(&s, false, now);
	assert_true(slots_take(&s, now));
	assert_false(slots_free(&s));
}

static void
grows_while_it_pays(void **unused)
{
	static const size_t at_once[] = {1, 4, 12, 30};
	struct slots s;
	int64_t now = 1000;

	(void)unused;
	slots_init(&s, 4, MOST);
	serve(&s, &now, 1000, 5000);
	assert_int_equal(s.now, MOST);
	assert_int_equal(s.taken, MOST);
	for (size_t i = 0; i < sizeof at_once / sizeof *at_once; i++) {
		size_t highest = 0;
		slots_init(&s, 4, MOST);
		serve(&s, &now, at_once[i], 2000);
		for (int n = 0; n < 5000; n++) {
			serve(&s, &now, at_once[i], 1);
			if (s.now > highest)
				highest = s.now;
		}
		assert_true(highest >= at_once[i]);
		assert_true(highest <= at_once[i] * 2 + 4);
	}
}

/* Without more to do than the slots allow, their number stays. */
static void
stays_while_some_are_free(void **unused)
{
	struct slots s;

	(void)unused;
	slots_init(&s, 4, MOST);
	for (int64_t now = 1000; now < 100000; now += 10) {
		assert_true(slots_take(&s, now));
		assert_true(slots_take(&s, now));
		slots_return(&s, true, now + 1);
		slots_return(&s, true, now + 2);
	}
	assert_int_equal(s.now, 4);
}

static void
halves_once_for_a_crowd(void **unused)
{
	struct slots s;
	int64_t now = 1000;

	(void)unused;
	slots_init(&s, 4, MOST);
	serve(&s, &now, 1000, 5000);
	for (int i = 0; i < MOST; i++)
		slots_return(&s, false, now);
	assert_int_equal(s.taken, 0);
	assert_int_equal(s.now, MOST / 2);
	serve(&s, &now, 1000, 5000);
	assert_int_equal(s.now, MOST);
	/* Nothing else than failures: not fewer than at first. */
	for (int i = 0; i < 1000; i++) {
		slots_return(&s, false, now);
		slots_take(&s, now);
	}
	assert_int_equal(s.now, 4);
	assert_int_equal(s.taken, 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(fixed),
	    cmocka_unit_test(grows_while_it_pays),
	    cmocka_unit_test(stays_while_some_are_free),
	    cmocka_unit_test(halves_once_for_a_crowd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
