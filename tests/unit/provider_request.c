/* What a request is made of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "provider/request.h"
#include "provider_case.h"
#include "json/json.h"

/* The marked name is never longer than the provider allows. */
static void
marked_names(void **unused)
{
	static const struct {
		int64_t max;
		const char *name, *marked;
	} all[] = {{0, "Ann Lee", "Ann Lee 12345678"},
	    {16, "Ann Lee", "Ann Lee 12345678"}, {15, "Ann Lee", "Ann Le 12345678"},
	    {10, "Ann Lee", "A 12345678"}, {11, "J\xc3\xb6rg", "J\xc3\xb6 12345678"},
	    {9, "Ann Lee", "Ann Lee"}, {8, "Ann Lee", "Ann Lee"},
	    {7, "Ann Lee", "Ann Lee"}, {1, "A", "A"}};

	(void)unused;
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		struct provider p = {.name_max = all[i].max};
		struct json_object *vars = json_new_object();

		request_vars_mark_name(vars, &p, "12345678");
		assert_null(json_str(vars, "/name"));
		json_put_str(vars, "name", all[i].name);
		request_vars_mark_name(vars, &p, "12345678");
		assert_string_equal(json_str(vars, "/name"), all[i].marked);
		json_object_put(vars);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(marked_names)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
