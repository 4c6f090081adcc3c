#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "json/scan.h"

/* Valid and invalid texts. LIT keeps a NUL inside a text. */
struct text {
	const char *at;
	size_t len;
};
#define LIT(s)                                                                           \
	{                                                                                \
		s, sizeof(s) - 1                                                         \
	}

static const struct text sound[] = {
    LIT("{}"),
    LIT("[]"),
    LIT(" {\t}\r\n"),
    LIT("0"),
    LIT("-0"),
    LIT("1"),
    LIT("-1.5e+3"),
    LIT("1E400"),
    LIT("0.0"),
    LIT("0e0"),
    LIT("1e-07"),
    LIT("123456789012345678901234567890"),
    LIT("\"\""),
    LIT("\"a\""),
    LIT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\""),
    LIT("\"\\ud83d\\ude00\""),
    LIT("\"\\ud800\""),
    LIT("\"\\u0000\""),
    LIT("\"\x7f\""),
    LIT("\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""),
    LIT("\"\xe2\x80\xa8\""),
    LIT("true"),
    LIT("false"),
    LIT("null"),
    LIT("[1,2 , 3]"),
    LIT("[[],{},[{}]]"),
    LIT("{\"a\":{\"b\":[{\"c\":[1]}]}}"),
    LIT("{\"a\":1,\"a\":2}"),
    LIT("{\"\":0}"),
    LIT("{\"a\\u0000b\":0}"),
    LIT("[\"1234567\",\"12345678\",\"123456789\"]"),
    LIT("[true,false,null,[],{}]"),
    LIT("\"\xf4\x8f\xbf\xbf\""),
    LIT("\"\xee\x80\x80\""),
};

static const struct text unsound[] = {
    LIT(""),
    LIT(" "),
    LIT("{"),
    LIT("}"),
    LIT("["),
    LIT("]"),
    LIT("{]"),
    LIT("[}"),
    LIT("[1,]"),
    LIT("[,1]"),
    LIT("[1 2]"),
    LIT("{\"a\"}"),
    LIT("{\"a\":}"),
    LIT("{\"a\":1,}"),
    LIT("{,}"),
    LIT("{a:1}"),
    LIT("{'a':1}"),
    LIT("{1:1}"),
    LIT("{\"a\" 1}"),
    LIT("{\"a\"::1}"),
    LIT("{\"a\":1 \"b\":2}"),
    LIT("{}{}"),
    LIT("{} x"),
    LIT("1 2"),
    LIT("01"),
    LIT("-01"),
    LIT("-"),
    LIT("+1"),
    LIT("1."),
    LIT(".5"),
    LIT("-.5"),
    LIT("1e"),
    LIT("1e+"),
    LIT("1.e5"),
    LIT("0x1"),
    LIT("1_0"),
    LIT("NaN"),
    LIT("Infinity"),
    LIT("-Infinity"),
    LIT("tru"),
    LIT("True"),
    LIT("nul"),
    LIT("truee"),
    LIT("\""),
    LIT("\"a"),
    LIT("\"\\\""),
    LIT("\"\\x\""),
    LIT("\"\\u12\""),
    LIT("\"\\u12g4\""),
    LIT("\"\\u"),
    LIT("\"\\"),
    LIT("\"\\\0\""),
    LIT("\"a\nb\""),
    LIT("\"\t\""),
    LIT("\"\0\""),
    LIT("\"\x1f\""),
    LIT("\xef\xbb\xbf{}"),
    LIT("\"\x80\""),
    LIT("\"\xc0\xaf\""),
    LIT("\"\xe0\x9f\xbf\""),
    LIT("\"\xed\xa0\x80\""),
    LIT("\"\xf4\x90\x80\x80\""),
    LIT("\"\xf5\x80\x80\x80\""),
    LIT("\"\xc3\""),
    LIT("\"\xc3"),
    LIT("\"\xf0\x9f\x98\""),
    LIT("\"1234567\xff\""),
    LIT("\"12345678\x01\""),
    LIT("[1]\0"),
    LIT("\0"),
    LIT("{}\0{}"),
    LIT("// a\n1"),
    LIT("1/**/"),
    LIT("[1],"),
    LIT("[\"a\",\n4\n,1,"),
    LIT("{\"a\":1]"),
    LIT("[1}"),
    LIT("\xc2\xa0[]"),
    LIT("[\f]"),
    LIT("[\v1]"),
    LIT("\"\xfe\xff\""),
};

/* Copies the text into an allocation of its size, so that a sanitizer sees a read past the end. */
static bool
accepts(const char *at, size_t len, struct scan *s)
{
	char *exact = malloc(len > 0 ? len : 1);
	bool ok;

	assert_non_null(exact);
	memcpy(exact, at, len);
	ok = scan_text(exact, len, s, NULL, NULL);
	assert_int_equal(ok, s->what == NULL);
	assert_true(s->at <= len);
	free(exact);
	return ok;
}

static void
test_valid_texts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof sound / sizeof *sound; i++) {
		struct scan s;
		if (!accepts(sound[i].at, sound[i].len, &s))
			fail_msg("refused: %s (%s)", sound[i].at, s.what);
	}
}

static void
test_invalid_texts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof unsound / sizeof *unsound; i++) {
		struct scan s;
		if (accepts(unsound[i].at, unsound[i].len, &s))
			fail_msg("accepted: %s", unsound[i].at);
	}
}

/* No proper prefix of a container or string is valid. */
static void
test_each_prefix_is_refused(void **state)
{
	static const char text[] =
	    " {\"k\\u00e9y\":[1.5e3,\"\xf0\x9f\x98\x80\\ud83d\",true,null],\"b\":{}}";
	struct scan s;

	(void)state;
	assert_true(accepts(text, sizeof text - 1, &s));
	for (size_t n = 0; n < sizeof text - 1; n++)
		assert_false(accepts(text, n, &s));
}

/* A byte that ends a plain run is found at every offset within the words that are skipped. */
static void
test_each_place_in_a_string(void **state)
{
	static const unsigned char bad[] = {0x00, 0x0a, 0x1f, 0x80, 0xc0, 0xff};
	char text[42];
	struct scan s;

	(void)state;
	for (unsigned c = 0; c < 256; c++)
		for (size_t i = 1; i < sizeof text - 1; i++) {
			bool ok = c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
			memset(text, 'x', sizeof text);
			text[0] = text[sizeof text - 1] = '"';
			text[i] = (char)c;
			assert_int_equal(accepts(text, sizeof text, &s), ok);
			if (memchr(bad, (int)c, sizeof bad) != NULL)
				assert_int_equal(s.at, i);
		}
}

static void
test_depth(void **state)
{
	static char text[2 * SCAN_DEPTH + 2];
	struct scan s;

	(void)state;
	memset(text, '[', SCAN_DEPTH + 1);
	memset(text + SCAN_DEPTH + 1, ']', SCAN_DEPTH + 1);
	assert_true(accepts(text + 1, 2 * SCAN_DEPTH, &s));
	assert_int_equal(s.depth, SCAN_DEPTH);
	assert_false(accepts(text, sizeof text, &s));
	for (size_t i = 0; i < SCAN_DEPTH / 2; i++)
		memcpy(text + 1 + 2 * i, "[{", 2);
	assert_false(accepts(text + 1, 2 * SCAN_DEPTH, &s));
}

static bool
same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void
test_results_of_a_scan(void **state)
{
	static const struct {
		const char *text;
		char type;
		size_t depth;
		const char *secret;
	} rows[] = {
	    {" {}", '{', 1, NULL},
	    {"\n1", '1', 0, NULL},
	    {"[{\"a\":[]}]", '[', 3, NULL},
	    {"{\"access_token\":1}", '{', 1, "access_token"},
	    {"{\"a\":[{\"b\":{\"access_token\":null}}]}", '{', 4, "access_token"},
	    {"{\"\\u0061ccess_toke\\u006E\":1}", '{', 1, "access_token"},
	    {"{\"access\\u005ftoken\":1}", '{', 1, "access_token"},
	    {"{\"a\":\"access_token\"}", '{', 1, NULL},
	    {"[\"access_token\"]", '[', 1, NULL},
	    {"{\"access_tokens\":1,\"access_toke\":3}", '{', 1, NULL},
	    {"{\"LOOM_API_KEY\":1}", '{', 1, "API key"},
	    {"{\"password\":1,\"a\":\"api_key=\"}", '{', 1, NULL},
	    {"{\"Access_token\":2}", '{', 1, "access_token"},
	    {"{\"access_token\\u0000\":1}", '{', 1, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct scan s;
		assert_true(accepts(rows[i].text, strlen(rows[i].text), &s));
		if (s.type != rows[i].type || s.depth != rows[i].depth ||
		    !same_text(s.secret, rows[i].secret))
			fail_msg("%s", rows[i].text);
	}
}

static void
list_member(void *cookie, const struct scan_member *m)
{
	struct buf *b = cookie;

	buf_printf(b, "<%.*s>%.*s;", (int)m->key.len, m->key.at != NULL ? m->key.at : "",
	    (int)m->value.len, m->value.at);
}

static void
test_members(void **state)
{
	static const struct {
		const char *text, *members;
	} rows[] = {
	    {"{}", ""},
	    {"7", ""},
	    {"\"a\"", ""},
	    {" { \"a\" : 1 , \"b\":[ 1,{} ] ,\"a\":{\"x\":{\"y\":2}}}",
	        "<a>1;<b>[ 1,{} ];<a>{\"x\":{\"y\":2}};"},
	    {"{\"\":\"\",\"\\\"\":\"\\\\\"}", "<>\"\";<\\\">\"\\\\\";"},
	    {"[ 1 , [] , {\"a\":2} , \"s\" ]", "<>1;<>[];<>{\"a\":2};<>\"s\";"},
	    {"{\"a\":[],\"b\":{}}", "<a>[];<b>{};"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct scan s;
		struct buf b = {0};
		buf_str(&b, "");
		assert_true(
		    scan_text(rows[i].text, strlen(rows[i].text), &s, list_member, &b));
		assert_string_equal(b.data, rows[i].members);
		buf_release(&b);
	}
}

static void
test_keys(void **state)
{
	static const struct {
		const char *key, *name;
		bool same;
	} rows[] = {
	    {"a", "a", true},
	    {"", "", true},
	    {"a", "", false},
	    {"", "a", false},
	    {"ab", "a", false},
	    {"\\u0061", "a", true},
	    {"\\u00E9", "\xc3\xa9", true},
	    {"\xc3\xa9", "\xc3\xa9", true},
	    {"\\ud83d\\ude00", "\xf0\x9f\x98\x80", true},
	    {"\\ud83d", "\xef\xbf\xbd", true},
	    {"\\ud83d\\u0041",
	        "\xef\xbf\xbd"
	        "A",
	        true},
	    {"a\\/b\\\\\\\"\\b\\f\\n\\r\\t", "a/b\\\"\b\f\n\r\t", true},
	    {"a\\u0000", "a", false},
	    {"\\u0000", "", false},
	    {"\\u20ac", "\xe2\x82\xac", true},
	    {"abc\\u0064", "abcde", false},
	    {"abc\\u0064e", "abcd", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct slice k = {rows[i].key, strlen(rows[i].key)};
		if (scan_key_is(k, rows[i].name) != rows[i].same)
			fail_msg("%s, %s", rows[i].key, rows[i].name);
	}
}

static void
test_secrets(void **state)
{
	static const struct {
		const char *text, *kind;
		bool open;
	} rows[] = {
	    {"access_token", "access_token", true},
	    {"{\"access_token\":", "access_token", true},
	    {"  \"access_token\": \"eyJ\",", "access_token", false},
	    {"xxaccess\\u005ftokenxx", "access_token", false},
	    {"\\u0061\\u0063\\u0063ess_token", "access_token", true},
	    {"\\\\u0061ccess_token", "access_token",
	        true}, /* a false alarm, on the safe side */
	    {"access_toke", NULL, false},
	    {"aaccess_token", "access_token", true},
	    {"accessToken=x", "access_token", false},
	    {"[{'ID-TOKEN':'x'}]", "id_token", false},
	    {"covid_token.jpg", NULL, false},
	    {"myIdToken=1", "id_token", false},
	    {"export ANAM_API_KEY='k'", "API key", false},
	    {"ANAM_API_KEY =", "API key", true},
	    {"x-api-key: k", "API key", false},
	    {"photos/api_key.jpg", NULL, false},
	    {"LOOM_PASSWORD=k", "password", false},
	    {"photos/forgot_password.jpg", NULL, false},
	    {"password=1.jpg", NULL, false},
	    {"Authorization: Bearer k", "Authorization header", false},
	    {"", NULL, false},
	    {"\\", NULL, false},
	    {"\\u00", NULL, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		bool open;
		const char *kind = scan_secret(rows[i].text, strlen(rows[i].text), &open);
		if (!same_text(kind, rows[i].kind) || open != rows[i].open)
			fail_msg("%s: %s", rows[i].text, kind);
	}
}

static void
test_find(void **state)
{
	static const char text[] =
	    "{\"a\":{\"b\":[10, {\"c/d\":\"x\",\"~\":2}]},\n \"a\\u0062\":[[]],\"a\":{\"b\":[11,{\"c/d\":3,\"~\":4}]},\"\":5}";
	static const struct {
		const char *pointer, *value, *key;
	} rows[] = {
	    {"", text, NULL},
	    {"/a/b/0", "11", NULL},
	    {"/a/b/1/c~1d", "3", "c/d"},
	    {"/a/b/1/~0", "4", "~"},
	    {"/ab", "[[]]", "a\\u0062"},
	    {"/ab/0", "[]", NULL},
	    {"/", "5", ""},
	    {"/a/b/2", NULL, NULL},
	    {"/a/b/-", NULL, NULL},
	    {"/a/b/00", NULL, NULL},
	    {"/a/b/0/x", NULL, NULL},
	    {"/c", NULL, NULL},
	    {"a", NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct scan_member m;
		bool found = scan_find(text, sizeof text - 1, rows[i].pointer, &m);
		if (found != (rows[i].value != NULL))
			fail_msg("%s", rows[i].pointer);
		if (!found)
			continue;
		assert_int_equal(m.value.len, strlen(rows[i].value));
		assert_memory_equal(m.value.at, rows[i].value, m.value.len);
		assert_int_equal(m.key.at != NULL, rows[i].key != NULL);
		if (rows[i].key != NULL)
			assert_memory_equal(m.key.at, rows[i].key, m.key.len);
	}
}

static void
test_place(void **state)
{
	size_t line, column;

	(void)state;
	scan_place("ab\n\xc3\xa9x", 0, &line, &column);
	assert_int_equal(line, 1);
	assert_int_equal(column, 1);
	scan_place("ab\n\xc3\xa9x", 5, &line, &column);
	assert_int_equal(line, 2);
	assert_int_equal(column, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_valid_texts),
	    cmocka_unit_test(test_invalid_texts),
	    cmocka_unit_test(test_each_prefix_is_refused),
	    cmocka_unit_test(test_each_place_in_a_string),
	    cmocka_unit_test(test_depth),
	    cmocka_unit_test(test_results_of_a_scan),
	    cmocka_unit_test(test_members),
	    cmocka_unit_test(test_keys),
	    cmocka_unit_test(test_secrets),
	    cmocka_unit_test(test_find),
	    cmocka_unit_test(test_place),
	};

	return cmocka_run_group_tests_name("scan", tests, NULL, NULL);
}
