/* What is nearly JSON becomes JSON, and what it says stays; a value that is cut is not taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "json/json.h"
#include "json/mend.h"

#define N(a) (sizeof(a) / sizeof *(a))

/* cut: something is missing or follows. mended NULL: it does not become JSON. */
static const struct {
	const char *text, *mended;
	bool cut;
} all[] = {
    {"{\"id\":\"a1\",\"n\":[1,-2.5e3,true,null]}",
        "{\"id\":\"a1\",\"n\":[1,-2.5e3,true,null]}", false},
    {"\xef\xbb\xbf{\"id\":\"a1\"}", "{\"id\":\"a1\"}", false},
    {"\xef\xbb\xbf\xef\xbb\xbf \r\n[7]\n", "[7]", false},
    {"{\"id\":\"a1\",\"score\":NaN}", "{\"id\":\"a1\",\"score\":null}", false},
    {"{\"a\":-Infinity,\"b\":Infinity,\"c\":nan,\"d\":-inf,\"id\":\"NaN\"}",
        "{\"a\":null,\"b\":null,\"c\":null,\"d\":null,\"id\":\"NaN\"}", false},
    {"{\"id\":\"a1\",\"name\":\"J\xf6rg\"}", "{\"id\":\"a1\",\"name\":\"J\\ufffdrg\"}",
        false},
    {"{\"id\":\"a1\",\"x\":\"\xc3\"}", "{\"id\":\"a1\",\"x\":\"\\ufffd\"}", false},
    {"{\"x\":\"one\ntwo\tthree\x1b\",\"id\":1}",
        "{\"x\":\"one\\ntwo\\tthree\\u001b\",\"id\":1}", false},
    {"{\"x\":\"C:\\data \\' \\x41\",\"id\":1}",
        "{\"x\":\"C:\\\\data \\\\' \\\\x41\",\"id\":1}", false},
    {"{\"id\":\"a1\",}", "{\"id\":\"a1\"}", false},
    {"{\"a\":[1,2,\n],\"id\":\"a1\" , }", "{\"a\":[1,2],\"id\":\"a1\"}", false},
    /* Content-Length counted characters instead of bytes. */
    {"{\"id\":\"a1\",\"name\":\"J\xc3\xb6rg\"",
        "{\"id\":\"a1\",\"name\":\"J\xc3\xb6rg\"}", true},
    {"{\"id\":\"a1\",\"name\":\"J\xc3\xb6r", "{\"id\":\"a1\"}", true},
    {"{\"face\":{\"id\":\"a1\",\"is", "{\"face\":{\"id\":\"a1\"}}", true},
    {"{\"face\":{\"id\":\"a1\",\"is\":", "{\"face\":{\"id\":\"a1\"}}", true},
    {"{\"n\":5,\"id\":\"a1", "{\"n\":5}", true},
    {"{\"id\":12", "{}", true},
    {"{\"id\":12,", "{\"id\":12}", true},
    {"[{\"id\":\"a1\"},{\"id\":\"a2", "[{\"id\":\"a1\"},{}]", true},
    {"{", "{}", true},
    {"{\"id\":\"a1\"}<!-- 3 ms -->", "{\"id\":\"a1\"}", true},
    {"{\"id\":\"a1\"}\n{\"id\":\"a2\"}", "{\"id\":\"a1\"}", true},
    {"{\"id\":\"a1\",'x':2}", "{\"id\":\"a1\"}", true},
    {"{\"id\":\"a1\",\"n\":tru}", NULL, false},
    {"{\"id\" \"a1\"}", NULL, false},
    {"", NULL, false},
    {"\xef\xbb\xbf", NULL, false},
    {"\"a1\"", NULL, false},
    {"<html>{\"id\":\"a1\"}</html>", NULL, false},
    {"NaN", NULL, false},
};

static void
mends(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < N(all); i++) {
		struct json_object *got = NULL, *wanted = NULL;
		struct buf out = {0};
		struct err e;
		bool cut = false;

		if (json_mend(all[i].text, strlen(all[i].text), &out, &cut))
			got = json_parse(out.data, out.len, &e);
		if (all[i].mended != NULL)
			wanted = json_parse(all[i].mended, strlen(all[i].mended), &e);
		if (!json_object_equal(got, wanted) || (got != NULL && cut != all[i].cut))
			fail_msg("%s: %s%s", all[i].text,
			    out.len > 0 ? out.data : "nothing", cut ? " (cut)" : "");
		json_object_put(got);
		json_object_put(wanted);
		buf_release(&out);
	}
}

/* Every cut of a text gives what is whole in it, and never an id that is not the one. */
static void
every_cut(void **unused)
{
	static const char text[] =
	    "{\"face\":{\"tags\":[1,\"a\"],\"id\":\"face-12\"},\"n\":3}";
	size_t whole = 0;

	(void)unused;
	for (size_t len = 1; len < sizeof text - 1; len++) {
		struct buf out = {0};
		struct json_object *o;
		struct err e;
		bool cut;
		char *id;

		assert_true(json_mend(text, len, &out, &cut));
		assert_true(cut);
		o = json_parse(out.data, out.len, &e);
		assert_non_null(o);
		id = json_text(o, "/face/id");
		whole += id != NULL;
		if (id != NULL)
			assert_string_equal(id, "face-12");
		free(id);
		json_object_put(o);
		buf_release(&out);
	}
	assert_int_equal(whole, sizeof "},\"n\":3}" - 1);
}

static void
too_deep(void **unused)
{
	char text[JSON_DEPTH + 1];
	struct buf out = {0};
	bool cut;

	(void)unused;
	memset(text, '[', sizeof text);
	assert_true(json_mend(text, JSON_DEPTH, &out, &cut));
	assert_false(json_mend(text, sizeof text, &out, &cut));
	buf_release(&out);
}

/* A NUL after the value, as of a server that sends its string with its end. */
static void
nul(void **unused)
{
	static const char text[] = "{\"id\":\"a1\"}";
	struct buf out = {0};
	bool cut;

	(void)unused;
	assert_true(json_mend(text, sizeof text, &out, &cut));
	assert_true(cut);
	assert_string_equal(out.data, text);
	buf_release(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(mends),
	    cmocka_unit_test(every_cut),
	    cmocka_unit_test(nul),
	    cmocka_unit_test(too_deep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
