#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "json/json.h"
#include "json/scan.h"

static struct json_object *
parse(const char *text)
{
	struct err e = {0};
	struct json_object *o = json_parse(text, strlen(text), &e);

	if (o == NULL)
		fail_msg("%s: %s", text, e.message);
	return o;
}

static void
test_refusals_name_the_place(void **state)
{
	static const struct {
		const char *text, *message;
	} rows[] = {
	    {"", "not JSON: line 1, column 1: it is empty"},
	    {"{\"a\":1,\n \"\xc3\xa9\": x}",
	        "not JSON: line 2, column 7: a value is expected"},
	    {"[1] 2", "not JSON: line 1, column 5: something follows the value"},
	    {"[\"\xff\"]", "not JSON: line 1, column 3: it is not UTF-8"},
	    {"null", "cannot parse the JSON text: it is null"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct err e = {0};
		assert_null(json_parse(rows[i].text, strlen(rows[i].text), &e));
		assert_string_equal(e.message, rows[i].message);
		assert_int_equal(e.code, CODE_BAD_ANSWER);
	}
}

static void
test_length_counts_not_the_nul(void **state)
{
	struct err e = {0};
	struct json_object *o;

	(void)state;
	assert_null(json_parse("{}\0", 3, &e));
	o = json_parse("12345", 3, &e);
	assert_int_equal(json_int(o, "", 0), 123);
	json_object_put(o);
}

static void
test_depth(void **state)
{
	char text[2 * (JSON_DEPTH + 1)];
	struct err e = {0};
	struct json_object *o;

	(void)state;
	memset(text, '[', JSON_DEPTH + 1);
	memset(text + JSON_DEPTH + 1, ']', JSON_DEPTH + 1);
	o = json_parse(text + 1, 2 * JSON_DEPTH, &e);
	assert_non_null(o);
	json_object_put(o);
	assert_null(json_parse(text, sizeof text, &e));
	o = json_parse_deep(text, sizeof text, SCAN_DEPTH, &e);
	assert_non_null(o);
	json_object_put(o);
}

static void
test_values_and_their_absence(void **state)
{
	struct json_object *o = parse(
	    "{\"s\":\"x\",\"z\":\"a\\u0000b\",\"n\":null,\"i\":-5,\"d\":3.0,\"h\":3.5,\"t\":true,"
	    "\"a\":[1,[2]],\"m~n\":{\"p/q\":7},\"big\":18446744073709551615,\"huge\":1e300}");

	(void)state;
	assert_string_equal(json_str(o, "/s"), "x");
	assert_null(json_str(o, "/z"));
	assert_null(json_str(o, "/n"));
	assert_null(json_str(o, "/i"));
	assert_null(json_str(o, "/nowhere/deeper"));
	assert_null(json_str(NULL, "/s"));
	assert_int_equal(json_int(o, "/i", 9), -5);
	assert_int_equal(json_int(o, "/d", 9), 3);
	assert_int_equal(json_int(o, "/h", 9), 9);
	assert_int_equal(json_int(o, "/s", 9), 9);
	assert_int_equal(json_int(o, "/n", 9), 9);
	assert_int_equal(json_int(o, "/big", 9), 9);
	assert_int_equal(json_int(o, "/huge", 9), 9);
	assert_int_equal(json_int(o, "/a/1/0", 9), 2);
	assert_int_equal(json_int(o, "/m~0n/p~1q", 9), 7);
	assert_true(json_num(o, "/h", 0) == 3.5);
	assert_true(json_num(o, "/i", 0) == -5);
	assert_true(json_num(o, "/s", 0.5) == 0.5);
	assert_true(json_flag(o, "/t", false));
	assert_true(json_flag(o, "/i", true));
	assert_true(json_has(o, "/n"));
	assert_false(json_has(o, "/no"));
	assert_null(json_at(o, "/n"));
	assert_ptr_equal(json_at(o, ""), o);
	assert_null(json_at(o, NULL));
	assert_false(json_has(o, NULL));
	assert_null(json_at(o, "s"));
	assert_null(json_at(o, "/n/deeper"));
	assert_null(json_at(o, "/s/deeper"));
	assert_null(json_at(o, "/a/9"));
	json_object_put(o);
}

/* Names of any length and kind, in nested objects and arrays. */
static void
test_deep_places(void **state)
{
#define N63 "a23456789012345678901234567890123456789012345678901234567890123"
	static const char text[] =
	    "{\"\":1,\"" N63 "\":2,\"" N63 "4\":{\"list\":[{\"~/\":{\"x\":3}}]}}";
	struct err e;
	struct json_object *o = json_parse(text, strlen(text), &e);

	(void)state;
	assert_int_equal(json_int(o, "/", 9), 1);
	assert_int_equal(json_int(o, "/" N63, 9), 2);
	assert_int_equal(json_int(o, "/" N63 "4/list/0/~0~1/x", 9), 3);
	assert_int_equal(json_int(o, "/" N63 "5/list/0/~0~1/x", 9), 9);
	json_object_put(o);
}

/* Text is the same after reading, copying and writing. */
static void
test_digits_are_kept(void **state)
{
	static const char *const numbers[] = {"0", "-0", "1", "-1", "1.10", "1.0", "1E5",
	    "1e+05", "0.1000000000000000055", "9007199254740993", "9223372036854775807",
	    "9223372036854775808", "-9223372036854775808", "-9223372036854775809",
	    "18446744073709551615", "18446744073709551616",
	    "123456789012345678901234567890", "-123456789012345678901234567890", "1e999",
	    "123456789012345678901234567890.50"};

	(void)state;
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		struct buf in = {0}, out = {0};
		struct json_object *o, *copy;
		char *text;
		buf_printf(&in, "{\"k\\\"-0\":[%s],\"id\":%s}", numbers[i], numbers[i]);
		o = parse(in.data);
		copy = json_copy(o);
		text = json_text(copy, "/id");
		assert_string_equal(text, numbers[i]);
		assert_true(json_write(&out, copy));
		assert_string_equal(out.data, in.data);
		free(text);
		json_object_put(o);
		json_object_put(copy);
		buf_release(&in);
		buf_release(&out);
	}
}

static void
test_text(void **state)
{
	struct json_object *o =
	    parse("{\"s\":\"61\",\"t\":true,\"n\":null,\"o\":{},\"a\":[]}");
	char *text = json_text(o, "/s");

	(void)state;
	assert_string_equal(text, "61");
	free(text);
	assert_null(json_text(o, "/t"));
	text = json_scalar(o, "/t");
	assert_string_equal(text, "true");
	free(text);
	assert_null(json_text(o, "/n"));
	assert_null(json_text(o, "/o"));
	assert_null(json_text(o, "/a"));
	assert_null(json_text(o, "/x"));
	json_object_put(o);
}

/* A text with a lone surrogate is none; U+FFFD and pairs are characters. */
static void
test_lone_surrogates(void **state)
{
	static const char *const lone[] = {"\\ud800", "\\uDFFF", "a\\udbffb",
	    "\\udc00\\ud800", "\\ud800\\ud800\\udc00", "\\ud83d\\n", "\\ud83d\\\\udc00",
	    "\\\\\\ud800"};
	static const char *const whole[] = {"\\ud83d\\ude00", "\\ufffd", "\xef\xbf\xbd",
	    "\\\\ud800", "\\ue000", "\\ud7ff", "\\\"\\ud83d\\ude00x"};

	(void)state;
	for (size_t i = 0; i < sizeof lone / sizeof *lone + sizeof whole / sizeof *whole;
	     i++) {
		bool ok = i >= sizeof lone / sizeof *lone;
		const char *s = ok ? whole[i - sizeof lone / sizeof *lone] : lone[i];
		char *json = mem_printf("{\"id\":\"%s\"}", s), *text;
		struct json_object *o = parse(json);

		text = json_text(o, "/id");
		if ((text != NULL) != ok)
			fail_msg("%s: %s", s, text != NULL ? text : "no text");
		free(text);
		free(json);
		json_object_put(o);
	}
}

static void
test_building_and_writing(void **state)
{
	struct json_object *o = json_new_object(), *a = json_new_array();
	struct buf b = {0};

	(void)state;
	json_put_str(o, "url", "https://x/\"\n\xc3\xa9\x7f");
	json_put_str(o, "none", NULL);
	json_put(o, "gone", NULL);
	json_put_str(o, "bad", "a\xff\xc3");
	json_put_int(o, "n", INT64_MIN);
	json_put_bool(o, "b", false);
	json_append(a, NULL);
	json_append(a, json_new_string("x"));
	json_put(o, "a", a);
	assert_true(json_write(&b, o));
	assert_string_equal(b.data,
	    "{\"url\":\"https://x/\\\"\\n\xc3\xa9\x7f\",\"bad\":\"a\xef\xbf\xbd\xef\xbf\xbd\","
	    "\"n\":-9223372036854775808,\"b\":false,\"a\":[null,\"x\"]}");
	buf_clear(&b);
	b.max = 5;
	assert_false(json_write(&b, o));
	buf_release(&b);
	json_object_put(o);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_refusals_name_the_place),
	    cmocka_unit_test(test_length_counts_not_the_nul),
	    cmocka_unit_test(test_depth),
	    cmocka_unit_test(test_values_and_their_absence),
	    cmocka_unit_test(test_deep_places),
	    cmocka_unit_test(test_digits_are_kept),
	    cmocka_unit_test(test_text),
	    cmocka_unit_test(test_lone_surrogates),
	    cmocka_unit_test(test_building_and_writing),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
