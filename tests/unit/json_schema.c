#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "provider/builtin.h"
#include "json/json.h"
#include "json/schema.h"

static void
collect(void *cookie, const char *pointer, const char *message)
{
	buf_printf(cookie, "%s: %s;", pointer, message);
}

/* Wraps the JSON in an array, so that null is a value as well. */
static struct json_object *
parse(const char *text)
{
	struct buf b = {0};
	struct err e = {0};
	struct json_object *o;

	buf_printf(&b, "[%s]", text);
	o = json_parse(b.data, b.len, &e);
	if (o == NULL)
		fail_msg("%s: %s", text, e.message);
	buf_release(&b);
	return o;
}

static const struct {
	const char *schema, *value, *findings;
} rows[] = {
    {"{}", "1", ""},
    {"true", "1", ""},
    {"false", "1", ": is not allowed;"},
    {"{\"type\":\"string\"}", "1", ": must be of type string; got 1;"},
    {"{\"type\":[\"string\",\"null\"]}", "null", ""},
    {"{\"type\":[\"string\",\"null\"]}", "{}",
        ": must be of type string or null; got {};"},
    {"{\"type\":\"integer\"}", "3.0", ""},
    {"{\"type\":\"integer\"}", "3.5", ": must be of type integer; got 3.5;"},
    {"{\"type\":\"integer\"}", "123456789012345678901234567890", ""},
    {"{\"type\":\"number\"}", "3", ""},
    {"{\"type\":\"boolean\"}", "0", ": must be of type boolean; got 0;"},
    {"{\"type\":\"object\",\"minProperties\":1,\"maxProperties\":1}", "{}",
        ": must have at least 1 members; got 0;"},
    {"{\"enum\":[\"a\",\"b\",1,null]}", "1.0", ""},
    {"{\"enum\":[\"a\",\"b\",null]}", "null", ""},
    {"{\"enum\":[\"a\",\"b\",\"c\"]}", "\"x\"",
        ": must be \"a\", \"b\" or \"c\"; got \"x\";"},
    {"{\"const\":{\"a\":[1]}}", "{\"a\":[1]}", ""},
    {"{\"const\":1}", "2", ": must be 1; got 2;"},
    {"{\"const\":null}", "2", ": must be null; got 2;"},
    {"{\"minimum\":2,\"maximum\":3}", "1", ": must be at least 2; got 1;"},
    {"{\"minimum\":2,\"maximum\":3}", "3.5", ": must be at most 3; got 3.5;"},
    {"{\"exclusiveMinimum\":2}", "2", ": must be more than 2; got 2;"},
    {"{\"exclusiveMaximum\":2}", "2", ": must be less than 2; got 2;"},
    {"{\"minimum\":2}", "\"x\"", ""},
    {"{\"minLength\":2,\"maxLength\":3}", "\"\xc3\xa9\"",
        ": must have at least 2 characters; got 1;"},
    {"{\"minLength\":2,\"maxLength\":3}", "\"\xc3\xa9\xc3\xa9\xc3\xa9\"", ""},
    {"{\"maxLength\":1}", "\"ab\"", ": must have at most 1 characters; got 2;"},
    {"{\"pattern\":\"^a+$\"}", "\"aa\"", ""},
    {"{\"pattern\":\"^a+$\"}", "\"ab\"", ": must match ^a+$; got \"ab\";"},
    {"{\"pattern\":\"^a+$\"}", "\"a\\u0000b\"", ": must match ^a+$; got \"a\\u0000b\";"},
    {"{\"pattern\":\"^a+$\"}", "7", ""},
    {"{\"minItems\":1}", "[]", ": must have at least 1 elements; got 0;"},
    {"{\"maxItems\":1}", "[1,2]", ": must have at most 1 elements; got 2;"},
    {"{\"uniqueItems\":true}", "[1,2,1.0]",
        ": must not hold the same element twice (0 and 2);"},
    {"{\"uniqueItems\":true}", "[1,\"1\",[1]]", ""},
    {"{\"items\":{\"type\":\"string\"}}", "[\"a\",1,null]",
        "/1: must be of type string; got 1;/2: must be of type string; got null;"},
    {"{\"required\":[\"a\",\"b\"]}", "{\"a\":null}", ": member 'b' is missing;"},
    {"{\"properties\":{\"a/b~\":{\"properties\":{\"c\":{\"type\":\"null\"}}}}}",
        "{\"a/b~\":{\"c\":1}}", "/a~1b~0/c: must be of type null; got 1;"},
    {"{\"properties\":{\"food\":{}},\"additionalProperties\":false}",
        "{\"food\":1,\"foo\":2,\"bar\":3}",
        "/foo: unknown member 'foo' (did you mean 'food'?);/bar: unknown member 'bar';"},
    {"{\"properties\":{\"voiceId\":{}},\"additionalProperties\":false}",
        "{\"vioceId\":1}",
        "/vioceId: unknown member 'vioceId' (did you mean 'voiceId'?);"},
    {"{\"additionalProperties\":false}", "{\"a\":1}", "/a: unknown member 'a';"},
    {"{\"properties\":{\"a\":{}},\"patternProperties\":{\"^x-\":{\"type\":\"string\"}},\"additionalProperties\":{\"type\":\"integer\"}}",
        "{\"a\":[],\"x-1\":2,\"b\":\"c\",\"d\":4}",
        "/x-1: must be of type string; got 2;/b: must be of type integer; got \"c\";"},
    {"{\"propertyNames\":{\"pattern\":\"^[a-z]+$\"}}", "{\"ok\":1,\"N0\":2}",
        "/N0: must match ^[a-z]+$; got \"N0\";"},
    {"{\"oneOf\":[{\"type\":\"string\"},{\"type\":\"object\",\"required\":[\"a\",\"b\"]}]}",
        "{}", ": member 'a' is missing;: member 'b' is missing;"},
    {"{\"oneOf\":[{\"type\":\"string\"},{\"type\":\"object\"}]}", "1",
        ": has none of the allowed types; got 1;"},
    {"{\"oneOf\":[{\"required\":[\"a\"]},{\"required\":[\"b\"]}]}", "{\"a\":1,\"b\":2}",
        ": fits 2 forms; only one may fit;"},
    {"{\"oneOf\":[{\"required\":[\"a\"]},{\"required\":[\"b\"]}]}", "{\"b\":2}", ""},
    {"{\"anyOf\":[{\"minimum\":5},{\"maximum\":1}]}", "7", ""},
    {"{\"anyOf\":[{\"minimum\":5},{\"maximum\":1}]}", "3",
        ": must be at least 5; got 3;"},
    {"{\"allOf\":[{\"minimum\":5},{\"maximum\":1}]}", "3",
        ": must be at least 5; got 3;: must be at most 1; got 3;"},
    {"{\"not\":{\"type\":\"string\"}}", "1", ""},
    {"{\"not\":{\"type\":\"string\"}}", "\"s\"", ": is of a form that is not allowed;"},
    {"{\"if\":{\"minimum\":5},\"then\":{\"maximum\":6},\"else\":{\"const\":0}}", "7",
        ": must be at most 6; got 7;"},
    {"{\"if\":{\"minimum\":5},\"then\":{\"maximum\":6},\"else\":{\"const\":0}}", "1",
        ": must be 0; got 1;"},
    {"{\"then\":false,\"else\":false}", "1", ""},
    {"{\"$defs\":{\"n\":{\"type\":\"integer\"}},\"items\":{\"$ref\":\"#/$defs/n\"}}",
        "[1,\"a\"]", "/1: must be of type integer; got \"a\";"},
    {"{\"properties\":{\"c\":{\"$ref\":\"#\"}},\"required\":[\"v\"]}",
        "{\"v\":1,\"c\":{\"c\":{\"v\":1}}}", "/c: member 'v' is missing;"},
    {"{\"$ref\":\"#/$defs/no\"}", "1",
        ": the schema's $ref #/$defs/no points to nothing;"},
    {"{\"$ref\":\"#\"}", "1", ": the schema is nested too deeply;"},
    {"{\"format\":\"uuid\"}", "\"123e4567-e89b-12d3-a456-42661417400\"",
        ": must be a uuid; got \"123e4567-e89b-12d3-a456-42661417400\";"},
    {"{\"format\":\"uuid\"}", "\"123E4567-e89b-12d3-a456-426614174000\"", ""},
    {"{\"format\":\"date\"}", "\"2024-02-29\"", ""},
    {"{\"format\":\"date\"}", "\"2023-02-29\"", ": must be a date; got \"2023-02-29\";"},
    {"{\"format\":\"date-time\"}", "\"2023-02-28T23:59:60.5+02:00\"", ""},
    {"{\"format\":\"date-time\"}", "\"2023-02-28T24:00:00Z\"",
        ": must be a date-time; got \"2023-02-28T24:00:00Z\";"},
    {"{\"format\":\"uri\"}", "\"https://a.b/c?d=%20&e#f\"", ""},
    {"{\"format\":\"uri\"}", "\"https://a b\"", ": must be a uri; got \"https://a b\";"},
    {"{\"format\":\"uri\"}", "\"/a\"", ": must be a uri; got \"/a\";"},
    {"{\"format\":\"other\",\"minimum\":\"x\",\"x\":1}", "1", ""},
};

static void
test_checks(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct json_object *s = parse(rows[i].schema), *v = parse(rows[i].value);
		struct buf b = {0};
		size_t n, m;
		buf_str(&b, "");
		n = schema_check(json_at(s, "/0"), json_at(v, "/0"), collect, &b);
		m = schema_check(json_at(s, "/0"), json_at(v, "/0"), NULL, NULL);
		if (strcmp(b.data, rows[i].findings) != 0)
			fail_msg("%s, %s: %s", rows[i].schema, rows[i].value, b.data);
		assert_int_equal(n, m);
		assert_int_equal(n == 0, *rows[i].findings == '\0');
		buf_release(&b);
		json_object_put(s);
		json_object_put(v);
	}
}

static void
test_lint(void **state)
{
	static const struct {
		const char *schema, *findings;
	} lints[] = {
	    {"{\"type\":\"object\",\"properties\":{\"type\":{\"enum\":[1]}}}", ""},
	    {"{\"requird\":[]}", "/requird: unknown keyword 'requird';"},
	    {"{\"items\":{\"minimun\":1}}", "/items/minimun: unknown keyword 'minimun';"},
	    {"{\"oneOf\":[{\"pattern\":\"(\"}]}",
	        "/oneOf/pattern: is not a regular expression: (;"},
	    {"{\"$ref\":\"#/$defs/a\"}", "/$ref: $ref #/$defs/a points to nothing;"},
	    {"{\"type\":\"text\"}", "/type: there is no type 'text';"},
	    {"{\"minimum\":\"1\"}", "/minimum: is not a valid argument of 'minimum';"},
	    {"{\"properties\":{\"a\":1}}", "/properties/a: is not a schema;"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof lints / sizeof *lints; i++) {
		struct json_object *s = parse(lints[i].schema);
		struct buf b = {0};
		buf_str(&b, "");
		schema_lint(json_at(s, "/0"), collect, &b);
		assert_string_equal(b.data, lints[i].findings);
		buf_release(&b);
		json_object_put(s);
	}
}

/* The built-in schemas use only keywords that schema_check() knows. */
static void
test_our_own_schemas(void **state)
{
	int schemas = 0;

	(void)state;
	for (const struct builtin_file *f = builtin_files; f->path != NULL; f++) {
		struct json_object *s;
		struct buf b = {0};
		struct err e = {0};
		if (strncmp(f->path, "schema/", 7) != 0)
			continue;
		schemas++;
		s = json_parse(f->data, f->len, &e);
		if (s == NULL)
			fail_msg("%s: %s", f->path, e.message);
		if (schema_lint(s, collect, &b) != 0)
			fail_msg("%s: %s", f->path, b.data);
		json_object_put(s);
	}
	assert_true(schemas > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_checks),
	    cmocka_unit_test(test_lint),
	    cmocka_unit_test(test_our_own_schemas),
	};

	return cmocka_run_group_tests_name("schema", tests, NULL, NULL);
}
