#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "json/json.h"
#include "json/rec.h"
#include "json/scan.h"

static struct rec *
parse(const char *line)
{
	struct err e = {0};
	struct rec *r = rec_parse(line, strlen(line), &e);

	if (r == NULL)
		fail_msg("%s: %s", line, e.message);
	return r;
}

/* Checks that the record is written as that line. */
static void
assert_written(struct rec *r, const char *line)
{
	struct buf b = {0};

	buf_str(&b, "before ");
	assert_true(rec_write(r, &b));
	assert_true(b.len > 8 && b.data[b.len - 1] == '\n');
	b.data[b.len - 1] = '\0';
	assert_string_equal(b.data + 7, line);
	buf_release(&b);
}

static struct json_object *
value(const char *text)
{
	struct err e = {0};

	return json_parse(text, strlen(text), &e);
}

static void
test_untouched_is_identical(void **state)
{
	static const char *const lines[] = {
	    "{}",
	    " {\t} \r",
	    "{\"a\" :1 , \"a\":  2}",
	    "{\"id\":123456789012345678901234567890,\"x\":1.10,\"y\":1E5,\"z\":-0}",
	    "{\"\\u0061\":\"\\/\\u00e9\",\"\":null,\"error\" : null}",
	    "{\"options\":{\"b\":1,\"b\":[ 1 ,2 ]},\"file\":\"a\\ud83d.jpg\"}  ",
	};

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		struct rec *r = parse(lines[i]), *copy;
		rec_get(r, "id");
		rec_str(r, "file");
		rec_failed(r);
		assert_written(r, lines[i]);
		copy = rec_clone(r);
		rec_slim(r);
		assert_written(r, lines[i]);
		rec_free(r);
		assert_written(copy, lines[i]);
		rec_free(copy);
	}
}

static void
test_reading(void **state)
{
	struct rec *r = parse(
	    "{\"a\":1,\"file\":\"x\",\"n\":null,\"\\u0061\":\"l\\u00e4st\",\"b\":\"1\",\"b\":null,"
	    "\"z\":\"a\\u0000b\",\"o\":{\"id\":12345678901234567890123}}");
	char *id;

	(void)state;
	assert_string_equal(rec_str(r, "file"), "x");
	assert_string_equal(rec_str(r, "a"), "l\xc3\xa4st");
	assert_null(rec_str(r, "z"));
	assert_null(rec_str(r, "o"));
	assert_null(rec_get(r, "b"));
	assert_null(rec_get(r, "n"));
	assert_null(rec_get(r, "none"));
	assert_true(rec_has(r, "a"));
	assert_false(rec_has(r, "b"));
	assert_false(rec_has(r, "n"));
	assert_ptr_equal(rec_get(r, "o"), rec_get(r, "o"));
	id = json_text(rec_get(r, "o"), "/id");
	assert_string_equal(id, "12345678901234567890123");
	free(id);
	rec_slim(r);
	assert_string_equal(rec_str(r, "file"), "x");
	rec_free(r);
}

/* A line, the changes ("name=value" sets, "-name" removes), and the line that is written. */
static void
test_changes(void **state)
{
	static const struct {
		const char *line, *change, *written;
	} rows[] = {
	    {"{}", "a=1", "{\"a\":1}"},
	    {" { } ", "a=1", " {\"a\":1 } "},
	    {"{\"b\":2}", "a=1", "{\"b\":2,\"a\":1}"},
	    {"{ \"b\" : 2 } ", "a=1", "{ \"b\" : 2,\"a\":1 } "},
	    {"{ \"a\" : 2 ,\"b\":1.10}", "a=[1,\"/\"]",
	        "{ \"a\" : [1,\"/\"] ,\"b\":1.10}"},
	    {"{\"a\":1,\"b\":2, \"a\" :3}", "a=4", "{\"a\":1,\"b\":2, \"a\" :4}"},
	    {"{\"\\u0061\":1}", "a=4", "{\"\\u0061\":4}"},
	    {"{\"a\":{\"a\":1}}", "a=null", "{\"a\":null}"},
	    {"{\"x\":{\"a\":1}}", "a=2", "{\"x\":{\"a\":1},\"a\":2}"},
	    {"{}", "q\"\\=1", "{\"q\\\"\\\\\":1}"},
	    {"{}", "-a", "{}"},
	    {"{\"b\":1}", "-a", "{\"b\":1}"},
	    {"{\"a\":1}", "-a", "{}"},
	    {"{ \"a\":1 }", "-a", "{  }"},
	    {"{\"a\":1, \"b\":2, \"c\":3}", "-a", "{\"b\":2, \"c\":3}"},
	    {"{\"a\":1, \"b\":2,\t\"c\":3 }", "-b", "{\"a\":1,\t\"c\":3 }"},
	    {"{\"a\":1, \"b\":2 , \"c\":3 }", "-c", "{\"a\":1, \"b\":2 }"},
	    {"{\"a\":1,\"b\":2,\"a\":3,\"\\u0061\":4}", "-a", "{\"b\":2}"},
	    {"{\"a\":1,\"a\":3}", "-a", "{}"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *c = rows[i].change, *eq = strchr(c, '=');
		struct rec *r = parse(rows[i].line);
		if (*c == '-') {
			rec_remove(r, c + 1);
			assert_false(rec_has(r, c + 1));
		} else {
			char *name = mem_strn(c, (size_t)(eq - c));
			rec_set(r, name, value(eq + 1));
			free(name);
		}
		assert_written(r, rows[i].written);
		rec_slim(r);
		assert_written(r, rows[i].written);
		rec_free(r);
	}
}

static void
test_many_changes(void **state)
{
	struct rec *r = parse(
	    "{\"file\":\"f\",\"error\":{\"step\":\"poll\"},\"avatar\":{\"id\":9007199254740993.0,\"x\":1}}");
	struct json_object *avatar = rec_get(r, "avatar");

	(void)state;
	rec_set(r, "avatar", json_object_get(avatar)); /* itself */
	assert_ptr_equal(rec_get(r, "avatar"), avatar);
	json_put_str(rec_edit(r, "avatar"), "status", "ready");
	json_put_int(rec_edit(r, "new"), "n", 1);
	rec_remove(r, "error");
	rec_set_str(r, "file", "g");
	rec_set_str(r, "name", "N\xff");
	rec_set(r, "gone", json_new_object());
	rec_remove(r, "gone");
	assert_written(r,
	    "{\"file\":\"g\",\"avatar\":{\"id\":9007199254740993.0,\"x\":1,\"status\":\"ready\"},"
	    "\"new\":{\"n\":1},\"name\":\"N\xef\xbf\xbd\"}");
	rec_slim(r);
	rec_remove(r, "file");
	rec_set_str(r, "file", "h");
	assert_string_equal(rec_str(r, "file"), "h");
	rec_remove(r, "name");
	json_put_str(rec_edit(r, "name"), "is", "an object now");
	rec_remove(r, "avatar");
	assert_written(
	    r, "{\"file\":\"h\",\"new\":{\"n\":1},\"name\":{\"is\":\"an object now\"}}");
	rec_free(r);
}

static void
test_size_limit(void **state)
{
	struct rec *r = parse("{\"a\":\"0123456789\"}");
	struct buf b;

	(void)state;
	buf_init(&b, 20);
	buf_str(&b, "12");
	assert_false(rec_write(r, &b));
	assert_int_equal(b.len, 2);
	assert_string_equal(b.data, "12");
	rec_set_str(r, "b", "c");
	assert_false(rec_write(r, &b));
	assert_string_equal(b.data, "12");
	buf_release(&b);
	rec_free(r);
}

static void
test_refusals(void **state)
{
	static const struct {
		const char *line;
		enum code code;
		const char *message;
	} rows[] = {
	    {"{\"a\":01}", CODE_INVALID_RECORD,
	        "not a record: column 6: a number begins with 0"},
	    {"[{\"a\":1}]", CODE_INVALID_RECORD, "not a record: not a JSON object"},
	    {"{}{}", CODE_INVALID_RECORD,
	        "not a record: column 3: something follows the value"},
	    {"", CODE_INVALID_RECORD, "not a record: column 1: it is empty"},
	    {"{\"a\":[{\"access\\u005ftoken\":\"s3cret\"}]}", CODE_SECRET_IN_RECORD,
	        "the line seems to hold a secret (access_token) and is not shown; remove it: "
	        "programs read credentials from the environment or the credentials file; "
	        "rename a photo if this is its path"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct err e = {0};
		assert_null(rec_parse(rows[i].line, strlen(rows[i].line), &e));
		assert_int_equal(e.code, rows[i].code);
		assert_string_equal(e.message, rows[i].message);
	}
}

static void
test_too_long(void **state)
{
	char *line = mem_new(REC_MAX + 1, 1);
	struct err e = {0};
	struct rec *r;

	(void)state;
	memset(line, ' ', REC_MAX + 1);
	memcpy(line, "{}", 2);
	assert_null(rec_parse(line, REC_MAX + 1, &e));
	assert_int_equal(e.code, CODE_RECORD_TOO_LONG);
	r = rec_parse(line, REC_MAX, &e);
	assert_non_null(r);
	rec_free(r);
	free(line);
}

static void
test_bad_lines(void **state)
{
	struct err e = {0};
	struct rec *r;
	char line[2000];

	(void)state;
	err_set(&e, CODE_INVALID_RECORD, "why");
	r = rec_bad("upload", "{\"a\xff\0\"", 6, &e);
	assert_written(r,
	    "{\"input\":\"{\\\"a\xef\xbf\xbd\\u0000\\\"\",\"error\":{\"step\":\"upload\","
	    "\"code\":\"invalid_record\",\"message\":\"why\",\"retryable\":false}}");
	assert_true(rec_failed(r));
	rec_free(r);
	/* Cut at a character's boundary. */
	for (size_t i = 1020; i <= 1024; i++) {
		size_t want = i + 3 <= REC_INPUT ? REC_INPUT : i;
		memset(line, 'x', sizeof line);
		memcpy(line + i, "\xe2\x82\xac", 3);
		r = rec_bad("upload", line, sizeof line, &e);
		assert_int_equal(strlen(rec_str(r, "input")), want);
		rec_free(r);
	}
	memset(line, 0xff, sizeof line);
	r = rec_bad("upload", line, sizeof line, &e);
	assert_int_equal(strlen(rec_str(r, "input")), 3 * REC_INPUT);
	rec_free(r);
}

/* A secret is not echoed, whatever is wrong with the line. */
static void
test_secrets_are_not_echoed(void **state)
{
	static const char *const lines[] = {
	    "{\"access_token\":\"s3cret\"}",
	    "{\"a\":[{\"acc\\u0065ss_token\":\"s3cret\"}]}",
	    "{\"access_token\":\"s3cret\"",
	    "{\"acc\\u0065ss_token\":\"s3cret\",}",
	    "[{\"access_token\":\"s3cret\"}]",
	    "{\"Refresh-Token\":\"s3cret\"}",
	    "{\"x\":[{\"clientSecret\":\"s3cret\"}]}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		size_t len = strlen(lines[i]);
		struct err e = {0};
		struct buf b = {0};
		struct rec *r;
		assert_null(rec_parse(lines[i], len, &e));
		r = rec_bad("poll", lines[i], len, &e);
		assert_string_equal(
		    json_str(rec_get(r, "error"), "/code"), "secret_in_record");
		rec_write(r, &b);
		assert_null(strstr(b.data, "s3cret"));
		assert_null(strstr(b.data, "input"));
		buf_release(&b);
		rec_free(r);
	}
}

static void
test_failing(void **state)
{
	struct rec *r = parse("{\"file\":\"f\", \"error\":null}");
	struct json_object *error;
	struct err e = {0};

	(void)state;
	assert_false(rec_failed(r));
	err_set(&e, CODE_RATE_LIMITED, "wait");
	error = rec_fail(r, "upload", &e);
	json_put_str(error, "created", "no");
	json_put_int(error, "http_status", 429);
	assert_true(rec_failed(r));
	assert_written(r,
	    "{\"file\":\"f\", \"error\":{\"step\":\"upload\",\"code\":\"rate_limited\",\"message\":"
	    "\"wait\",\"retryable\":true,\"created\":\"no\",\"http_status\":429}}");
	rec_remove(r, "error");
	assert_false(rec_failed(r));
	assert_written(r, "{\"file\":\"f\"}");
	rec_free(r);
}

static void
test_line_feeds_become_blanks(void **state)
{
	struct rec *r = parse("{\n\"a\":\n\"x\\n\"\n}\n");

	(void)state;
	assert_written(r, "{ \"a\": \"x\\n\" } ");
	rec_free(r);
}

/* Generates records from fixed seeds, so that a failure can be reproduced. */
static uint32_t seed;

static uint32_t
below(uint32_t n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

static void
blanks(struct buf *b)
{
	static const char all[] = " \t\r ";

	while (below(4) == 0)
		buf_chr(b, all[below(4)]);
}

static const char *const keys[] = {
    "a", "b", "file", "avatar", "error", "\\u0061", "", "k\\\"", "\xc3\xa9"};
static const char *const names[] = {
    "a", "b", "file", "avatar", "error", "a", "", "k\"", "\xc3\xa9"};
static const char *const values[] = {"1", "-0", "1.10", "123456789012345678901234567890",
    "null", "true", "\"\"", "\"a,b}\\\"{\"", "[ ]", "{}", "[1, {\"a\":2}]",
    "{\"a\":1,\"a\" : 2}", "\"\\ud83d\\ude00\\/\""};

static void
generate(struct buf *b)
{
	uint32_t n = below(7);

	buf_clear(b);
	blanks(b);
	buf_chr(b, '{');
	blanks(b);
	for (uint32_t i = 0; i < n; i++) {
		if (i > 0) {
			buf_chr(b, ',');
			blanks(b);
		}
		buf_printf(b, "\"%s\"", keys[below(sizeof keys / sizeof *keys)]);
		blanks(b);
		buf_chr(b, ':');
		blanks(b);
		buf_str(b, values[below(sizeof values / sizeof *values)]);
		blanks(b);
	}
	buf_chr(b, '}');
	blanks(b);
}

/* All members except those of one name, as the bytes from key to end of value. */
struct others {
	const char *name;
	struct buf bytes;
	struct slice last; /* the last value of that name */
};

static void
keep_other(void *cookie, const struct scan_member *m)
{
	struct others *o = cookie;

	if (scan_key_is(m->key, o->name)) {
		o->last = m->value;
		return;
	}
	buf_add(&o->bytes, m->key.at, (size_t)(m->value.at + m->value.len - m->key.at));
	buf_chr(&o->bytes, '\n');
}

static void
check_change(const struct buf *line, const char *name, bool remove)
{
	struct others before = {.name = name}, after = {.name = name};
	struct err e = {0};
	struct rec *r = rec_parse(line->data, line->len, &e);
	struct buf out = {0};
	struct scan s;

	assert_non_null(r);
	if (remove)
		rec_remove(r, name);
	else
		rec_set_str(r, name, "new");
	assert_true(rec_write(r, &out));
	assert_true(scan_text(line->data, line->len, &s, keep_other, &before));
	assert_true(scan_text(out.data, out.len, &s, keep_other, &after));
	buf_str(&before.bytes, "");
	buf_str(&after.bytes, "");
	assert_string_equal(before.bytes.data, after.bytes.data);
	if (remove)
		assert_null(after.last.at);
	else
		assert_memory_equal(after.last.at, "\"new\"", 5);
	buf_release(&before.bytes);
	buf_release(&after.bytes);
	buf_release(&out);
	rec_free(r);
}

static void
test_generated(void **state)
{
	struct buf line = {0};

	(void)state;
	seed = 1;
	for (int round = 0; round < 20000; round++) {
		struct err e = {0};
		struct rec *r;
		const char *name;
		generate(&line);
		name = names[below(sizeof names / sizeof *names)];
		r = rec_parse(line.data, line.len, &e);
		assert_non_null(r);
		assert_written(r, line.data);
		rec_get(r, name);
		assert_written(r, line.data);
		rec_free(r);
		check_change(&line, name, true);
		check_change(&line, name, false);
	}
	buf_release(&line);
}

static void
test_waiting_takes_little_memory(void **state)
{
	static const char line[] =
	    "{\"file\":\"photos/ann.jpg\",\"provider\":\"p\",\"avatar\":{\"id\":\"7b0f\"}}";
	enum { COUNT = 1000 };
	struct rec *waiting[COUNT];
	struct mallinfo2 before = mallinfo2(), after;

	(void)state;
	for (int i = 0; i < COUNT; i++) {
		waiting[i] = parse(line);
		json_put_str(rec_edit(waiting[i], "avatar"), "status", "processing");
		rec_slim(waiting[i]);
	}
	after = mallinfo2();
	/* mallinfo2() is of no use with a sanitizer's allocator. */
	assert_true(
	    after.uordblks - before.uordblks < (size_t)COUNT * (sizeof line + 200));
	for (int i = 0; i < COUNT; i++)
		rec_free(waiting[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_untouched_is_identical),
	    cmocka_unit_test(test_reading),
	    cmocka_unit_test(test_changes),
	    cmocka_unit_test(test_many_changes),
	    cmocka_unit_test(test_size_limit),
	    cmocka_unit_test(test_refusals),
	    cmocka_unit_test(test_too_long),
	    cmocka_unit_test(test_bad_lines),
	    cmocka_unit_test(test_secrets_are_not_echoed),
	    cmocka_unit_test(test_failing),
	    cmocka_unit_test(test_line_feeds_become_blanks),
	    cmocka_unit_test(test_generated),
	    cmocka_unit_test(test_waiting_takes_little_memory),
	};

	return cmocka_run_group_tests_name("rec", tests, NULL, NULL);
}
