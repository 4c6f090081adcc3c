/* Texts and values: options, templates, file names, lines, and the order of exit statuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/backoff.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/outname.h"
#include "base/similar.h"
#include "base/units.h"
#include "os/lines.h"
#include "program/opt.h"
#include "program/table.h"
#include "provider/template.h"
#include "json/json.h"

#define N(a) (sizeof(a) / sizeof *(a))

static void
times(void **state)
{
	static const struct {
		const char *text;
		int64_t ms; /* -1: refused */
	} all[] = {{"90", 90000}, {"90s", 90000}, {"10m", 600000}, {"1h", 3600000},
	    {"2d", 172800000}, {"0.5s", 500}, {"250ms", 250}, {"", -1}, {"s", -1},
	    {"1x", -1}, {"-1", -1}, {"+1", -1}, {"0x10", -1}, {"inf", -1}, {"nan", -1},
	    {"1e3", -1}, {" 1", -1}, {"1 s", -1}, {"99999999999999d", -1}};

	(void)state;
	for (size_t i = 0; i < N(all); i++) {
		int64_t ms = -1;
		bool ok = units_ms(all[i].text, &ms);
		assert_int_equal(ok, all[i].ms >= 0);
		if (ok)
			assert_int_equal(ms, all[i].ms);
	}
}

static void
points_in_time(void **state)
{
	static const struct {
		const char *text, *since, *until; /* NULL: refused */
	} all[] = {{"2026-11-21", "2026-11-20T23:00:00.000Z", "2026-11-21T23:00:00.000Z"},
	    {"2026-10-25", "2026-10-24T22:00:00.000Z", "2026-10-25T23:00:00.000Z"},
	    {"2026-11-21T08:00:00", "2026-11-21T07:00:00.000Z",
	        "2026-11-21T07:00:00.000Z"},
	    {"2026-07-21T08:00:00.5", "2026-07-21T06:00:00.500Z",
	        "2026-07-21T06:00:00.500Z"},
	    {"2026-11-21T08:00:00Z", "2026-11-21T08:00:00.000Z",
	        "2026-11-21T08:00:00.000Z"},
	    {"friday", "2026-11-26T23:00:00.000Z", "2026-11-27T23:00:00.000Z"},
	    {"Mon", "2026-11-22T23:00:00.000Z", "2026-11-23T23:00:00.000Z"},
	    {"saturday", "2026-11-20T23:00:00.000Z", "2026-11-21T23:00:00.000Z"},
	    {"today", "2026-11-26T23:00:00.000Z", "2026-11-27T23:00:00.000Z"},
	    {"yesterday", "2026-11-25T23:00:00.000Z", "2026-11-26T23:00:00.000Z"},
	    {"7d", "2026-11-20T12:00:00.000Z", "2026-11-20T12:00:00.000Z"},
	    {"90m", "2026-11-27T10:30:00.000Z", "2026-11-27T10:30:00.000Z"},
	    {"", NULL, NULL}, {"7", NULL, NULL}, {"2026", NULL, NULL}, {"m", NULL, NULL},
	    {"mo", NULL, NULL}, {"2026-13-01", NULL, NULL}, {"20261121xx", NULL, NULL},
	    {"2026-11-21T08", NULL, NULL}, {"tomorrow", NULL, NULL}};
	int64_t now, ms;
	bool zoned;

	(void)state;
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	assert_true(clock_read("2026-11-27T12:00:00Z", &now, &zoned)); /* a Friday */
	for (size_t i = 0; i < N(all); i++)
		for (int end = 0; end < 2; end++) {
			const char *wanted = end ? all[i].until : all[i].since;
			bool ok = units_when(all[i].text, end, now, &ms);
			char text[CLOCK_TEXT];

			if (ok != (wanted != NULL))
				fail_msg("'%s' is %d", all[i].text, ok);
			if (ok)
				assert_string_equal(clock_write(text, ms), wanted);
		}
	unsetenv("TZ");
}

static void
rates(void **state)
{
	static const struct {
		const char *text;
		double rate; /* 0: refused */
	} all[] = {{"5", 5}, {"5/s", 5}, {"30/m", 0.5}, {"0.5", 0.5}, {"0", 0}, {"-1", 0},
	    {"5/h", 0}, {"/s", 0}, {"5/s ", 0}, {"inf", 0}};

	(void)state;
	for (size_t i = 0; i < N(all); i++) {
		double rate = 0;
		assert_int_equal(units_rate(all[i].text, &rate), all[i].rate > 0);
		if (all[i].rate > 0)
			assert_true(rate == all[i].rate);
	}
}

static void
pauses(void **state)
{
	int64_t next;

	(void)state;
	for (unsigned n = 0; n < 200; n++)
		for (uint32_t r = 0; r < 3; r++) {
			int64_t ms = backoff_ms(n, 500, 30000, r * 0x7fffffffu);
			int64_t top = n < 6 ? 500 << n : 30000;
			assert_in_range(ms, top / 2, top);
		}
	for (int64_t ms = 0; ms < 5000; ms = next) {
		int64_t now = backoff_grow(ms, 5000, UINT32_MAX, &next);
		assert_in_range(now, ms - ms / 10, ms + ms / 10);
		assert_true(next > ms && next <= 5000);
	}
}

static void
file_names(void **state)
{
	static const struct {
		const char *template, *file, *path;
	} all[] = {{"out/{stem}.{ext}", "ann.jpg", "out/ann.png"},
	    {"out/{stem}.{ext}", "a/b/ann", "out/ann.png"},
	    {"out/{stem}", "../../etc/passwd", "out/passwd"},
	    {"out/{stem}", "..", "out/_"}, {"out/{stem}", "x/..jpg", "out/_"},
	    {"out/{stem}", ".", "out/_"}, {"out/{stem}", "", "out/_"},
	    {"out/{stem}", "/", "out/_"}, {"{stem}/{kind}", "..x.", "_.x/hi"},
	    {"out/{stem}", "a\nb\x7f", "out/a_b_"}, {"out/{stem}", "\xff\xfe", "out/__"},
	    {"out/{stem}", "a#1?.jpg", "out/a#1?"},
	    {"out/{stem}", "\xc3\xa4", "out/\xc3\xa4"}, {"out/{name}", "x", "out/_"},
	    {"{stem}{stem}", "{id}", "{id}{id}"}, {"{stem}", NULL, "7.2"},
	    {"{source_ext}", "a.b/ann", "_"}, {"{source_ext}", "ann.JPG", "JPG"},
	    {"{source_ext}", ".jpg", "_"}, {"{source_ext}", "ann.", "_"},
	    {"{dir}", NULL, "_"}, {"out/{dir}/{stem}", "ann.jpg", "out/ann"},
	    {"out/{dir}/{stem}", "a/b/ann.jpg", "out/a/b/ann"},
	    {"{dir}/{stem}", "/home/ann.jpg", "home/ann"},
	    {"{dir}/{stem}", "/ann.jpg", "ann"}, {"{dir}/{stem}", "//ann.jpg", "ann"},
	    {"out/{dir}/{stem}", "../../ann.jpg", "out/_./_./ann"},
	    {"out/{dir}/{stem}", "./a/.//ann.jpg", "out/a/ann"},
	    {"out/{dir}/{stem}", ".ssh/\x01/ann", "out/_ssh/_/ann"},
	    {"{dir}-{stem}", "ann.jpg", "-ann"}, {"{dir}-{stem}", "a/b/ann", "a/b-ann"}};
	static const char *const urls[][2] = {
	    {"https://h.example/a/ann.jpg?x=/y.z#f", "h.example/a/ann.jpg"},
	    {"https://h.example/ann", "h.example/ann._"},
	    {"https://h.example/../ann.png", "h.example/_./ann.png"},
	};

	(void)state;
	for (size_t i = 0; i < N(all) + N(urls); i++) {
		const char *url = i < N(all) ? NULL : urls[i - N(all)][0];
		struct outname name = {.file = url == NULL ? all[i].file : NULL,
		    .url = url,
		    .kind = "hi",
		    .id = "7.2",
		    .ext = "png"};
		struct buf path = {0};

		outname_path(url == NULL ? all[i].template : "{dir}/{stem}.{source_ext}",
		    &name, &path);
		assert_string_equal(
		    path.data, url == NULL ? all[i].path : urls[i - N(all)][1]);
		buf_release(&path);
	}
}

static void
file_templates(void **state)
{
	static const char *const bad[] = {"out/{nothing}", "a{stem", "{}"};
	const char *at;
	char *ok = outname_template("out", OUTNAME_USUAL, &at);

	(void)state;
	assert_string_equal(ok, "out/{stem}.{provider}.{kind}.{ext}");
	free(ok);
	ok = outname_template(OUTNAME_KEYS, OUTNAME_USUAL, &at);
	assert_string_equal(ok, OUTNAME_KEYS);
	free(ok);
	for (size_t i = 0; i < N(bad); i++) {
		assert_null(outname_template(bad[i], OUTNAME_USUAL, &at));
		assert_string_equal(at, strchr(bad[i], '{'));
	}
}

/* The template in the message gives both records another name. */
static void
file_names_told_apart(void **state)
{
	static const struct {
		const char *template, *a, *b, *better; /* b NULL: the same photo */
	} all[] = {
	    {"out/{stem}.{ext}", "x/front.jpg", "y/front.jpg",
	        "out/{dir}/{stem}.{source_ext}.{ext}"},
	    {"{stem}", "front.jpg", "front.png", "{dir}/{stem}.{source_ext}"},
	    {"o/{dir}/{stem}.{kind}", "a/front.jpg", "a/front.png",
	        "o/{dir}/{stem}.{source_ext}.{kind}"},
	    {"o/{name}.{ext}", "a/x.jpg", "b/y.jpg",
	        "o/{dir}/{stem}.{source_ext}.{name}.{ext}"},
	    {"{stem}.{kind}.{ext}", "front.jpg", NULL,
	        "{stem}.{provider}.{id}.{kind}.{ext}"},
	    {"{provider}.{kind}.{id}", "front.jpg", NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < N(all); i++) {
		struct outname a = {
		    .file = all[i].a, .id = "1", .name = "n", .kind = "k"};
		struct outname b = {.file = all[i].b != NULL ? all[i].b : all[i].a,
		    .id = all[i].better != NULL ? "2" : "1",
		    .name = "n",
		    .kind = "k"};
		struct buf path[4] = {0};
		struct hashset taken = {0};
		struct err e;
		char *better;

		assert_int_equal(
		    outname_take(&taken, all[i].template, &a, &path[0], &e), 0);
		assert_int_equal(
		    outname_take(&taken, all[i].template, &b, &path[1], &e), -1);
		assert_int_equal(e.code, CODE_TARGET_TAKEN);
		better = strstr(e.message, "-o '");
		if (all[i].better == NULL) {
			assert_null(better);
		} else {
			better += strlen("-o '");
			*strchr(better, '\'') = '\0';
			assert_string_equal(better, all[i].better);
			assert_int_equal(
			    outname_take(&taken, better, &a, &path[2], &e), 0);
			assert_int_equal(
			    outname_take(&taken, all[i].better, &b, &path[3], &e), 0);
		}
		for (size_t k = 0; k < N(path); k++)
			buf_release(&path[k]);
		hashset_release(&taken);
	}
}

static void
long_file_names(void **state)
{
	char stem[5001];
	struct outname name = {.file = stem};
	struct buf path = {0};

	(void)state;
	memset(stem, 'x', sizeof stem - 1);
	stem[sizeof stem - 1] = '\0';
	outname_path("{stem}{stem}", &name, &path);
	assert_true(path.len <= 255);
	buf_release(&path);
}

static void
templates(void **state)
{
	static const char vars[] =
	    "{\"a\":1,\"b\":{\"c\":\"x y\"},\"n\":null,\"big\":9007199254740993,\"o\":{},\"id\":\"a/b\","
	    "\"l\":[{\"t\":\"one\"},{\"t\":\"two\",\"k\":2}]}";
	static const struct {
		const char *template, *filled; /* NULL: the result is absent */
	} all[] = {{"\"{a}\"", "1"}, {"\"{big}\"", "9007199254740993"},
	    {"\"{b}\"", "{\"c\":\"x y\"}"}, {"\"{b.c}\"", "\"x y\""},
	    {"\"v {a}.\"", "\"v 1.\""}, {"\"v {zz}\"", NULL}, {"\"{zz|a}\"", "1"},
	    {"\"{n|b.c}\"", "\"x y\""}, {"\"{b.c.d}\"", NULL}, {"\"{a.b}\"", NULL},
	    {"\"v {o}\"", NULL}, {"\"{A}\"", "\"{A}\""}, {"\"{}\"", "\"{}\""},
	    {"\"{a\"", "\"{a\""}, {"{\"x\":\"{zz}\"}", NULL},
	    {"{\"x\":{\"y\":\"{zz}\"},\"k\":\"{a}\"}", "{\"k\":1}"},
	    {"[\"{zz}\",\"{a}\"]", "[1]"}, {"[\"{zz}\"]", NULL}, {"{}", "{}"},
	    {"[]", "[]"}, {"5", "5"},
	    /* an element for each of a list, once without it */
	    {"[{\"{each}\":\"{l}\",\"t\":\"{each.t|a}\",\"k\":\"{each.k|a}\"}]",
	        "[{\"t\":\"one\",\"k\":1},{\"t\":\"two\",\"k\":2}]"},
	    {"[{\"{each}\":\"{zz}\",\"t\":\"{each.t|a}\"},5]", "[{\"t\":1},5]"},
	    {"[{\"{each}\":\"{zz}\",\"t\":\"{each.t}\"}]", NULL},
	    {"[{\"{each}\":\"{l}\",\"k\":\"{each.k}\"}]", "[{\"k\":2}]"}};
	struct err e;
	struct json_object *v = json_parse(vars, strlen(vars), &e);

	(void)state;
	for (size_t i = 0; i < N(all); i++) {
		struct json_object *t =
		    json_parse(all[i].template, strlen(all[i].template), &e);
		struct json_object *filled = template_fill(t, v);
		struct buf out = {0};

		if (filled != NULL)
			json_write(&out, filled);
		if (all[i].filled == NULL)
			assert_null(filled);
		else
			assert_string_equal(out.data, all[i].filled);
		buf_release(&out);
		json_object_put(filled);
		json_object_put(t);
	}
	json_object_put(v);
}

static void
paths(void **state)
{
	static const struct {
		const char *id, *path; /* NULL: refused */
	} all[] = {{"\"av1\"", "/a/av1/s"}, {"\"a/b\"", "/a/a%2Fb/s"}, {"\"..\"", NULL},
	    {"\".\"", NULL}, {"\"\"", NULL}, {"\"../x\"", "/a/..%2Fx/s"}, {"5", "/a/5/s"},
	    {"\"%2e\"", "/a/%252e/s"}, {"\"a?b#c\"", "/a/a%3Fb%23c/s"}, {"{}", NULL},
	    {"[1]", NULL}, {"\"a\\u0000b\"", NULL}, {"\"\\r\\n\"", "/a/%0D%0A/s"}};

	(void)state;
	for (size_t i = 0; i < N(all); i++) {
		struct json_object *vars = json_new_object();
		struct buf out = {0};
		struct err e;

		json_put(vars, "id", json_parse(all[i].id, strlen(all[i].id), &e));
		assert_int_equal(
		    template_path(&out, "/a/{id}/s", vars), all[i].path != NULL);
		if (all[i].path != NULL)
			assert_string_equal(out.data, all[i].path);
		buf_release(&out);
		json_object_put(vars);
	}
}

/* The lines of a text, each in brackets, with `!` before a line that is too long. */
static void
lines_of(const char *text, size_t len, char *out)
{
	struct lines l;
	struct line line;
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], text, len), (ssize_t)len);
	close(fds[1]);
	lines_init(&l, fds[0], '\n', 4);
	*out = '\0';
	do {
		assert_int_equal(lines_read(&l), 0);
		while (lines_next(&l, &line)) {
			strcat(out, line.too_long ? "![" : "[");
			strncat(out, line.text, line.len);
			strcat(out, "]");
		}
	} while (!l.eof);
	while (lines_next(&l, &line))
		fail();
	lines_release(&l);
	close(fds[0]);
}

static void
lines(void **state)
{
	static const struct {
		const char *text, *lines;
	} all[] = {{"", ""}, {"a", "[a]"}, {"a\n", "[a]"}, {"a\nb", "[a][b]"},
	    {"\n\n", "[][]"}, {"abcd\n", "[abcd]"}, {"abcde\n", "![abcd]"},
	    {"abcdefgh", "![abcd]"}, {"abcdefgh\nx\n", "![abcd][x]"}, {"abcd", "[abcd]"},
	    {"abcde\nabcde\nabcd", "![abcd]![abcd][abcd]"}};
	char out[256];

	(void)state;
	for (size_t i = 0; i < N(all); i++) {
		lines_of(all[i].text, strlen(all[i].text), out);
		assert_string_equal(out, all[i].lines);
	}
}

static void
similar_words(void **state)
{
	static const char *const known[] = {
	    "anam", "argil", "avtr1", "loom", "protoface", "voiceId", "export", "list"};
	static const struct {
		const char *word, *meant; /* NULL: nothing */
	} all[] = {{"anamm", "anam"}, {"anma", "anam"}, {"Anam", "anam"}, {"ana", "anam"},
	    {"protofcae", "protoface"}, {"prtoface", "protoface"}, {"voice", "voiceId"},
	    {"voiceid=5", "voiceId"}, {"lst", "list"}, {"exprt", "export"},
	    {"nobody", NULL}, {"x", NULL}, {"", NULL}, {"heygen", NULL}, {"show", NULL},
	    {"a-word-that-is-much-longer-than-any-of-the-known-words", NULL}};

	(void)state;
	for (size_t i = 0; i < N(all); i++) {
		struct similar s = {.word = all[i].word};
		char hint[80] = "";

		for (size_t k = 0; k < N(known); k++)
			similar_try(&s, known[k]);
		if (all[i].meant != NULL)
			snprintf(hint, sizeof hint, "; did you mean '%s'?", all[i].meant);
		assert_string_equal(s.hint, hint);
	}
}

/* Each record as its members, errors as "!"; rows are split at line feeds. */
static void
tables(void **state)
{
	static const struct {
		const char *text, *records;
	} all[] = {{"file,name\na,b\r\n", "{\"file\":\"a\",\"name\":\"b\"}"},
	    {"file;x,y\na,b;\"c;d\"\n", "{\"file\":\"a,b\",\"x,y\":\"c;d\"}"},
	    {"\"file\"\t\na\t\n\t\n", "{\"file\":\"a\"}"},
	    {"URL,o.a,o.b\nu,1,\nu,,\"\"\"\"\n",
	        "{\"url\":\"u\",\"o\":{\"a\":\"1\"}}{\"url\":\"u\",\"o\":{\"b\":\"\\\"\"}}"},
	    {"file\n\"a\r\n\nb\"\r\nc\n", "{\"file\":\"a\\r\\n\\nb\"}{\"file\":\"c\"}"},
	    {"file,n\na\nb,\"c\"d\ne,f,\ng,h\n", "!!!{\"file\":\"g\",\"n\":\"h\"}"},
	    {"file\n\"a\nb\n", "!"}, {"a,b\nfile,c\n", "!"}, {"file,o,o.a\na,b,c\n", "!"},
	    {"", ""}};

	(void)state;
	for (size_t i = 0; i < N(all); i++) {
		const char *line = all[i].text;
		struct buf out = {0};
		struct table t = {0};
		bool over = false;

		buf_str(&out, "");
		while (!over) {
			size_t len = strcspn(line, "\n");
			struct rec *r;

			over = line[len] == '\0';
			r = over ? table_end(&t, "x")
			         : table_line(&t, "x", line, len, false);
			line += len + 1;
			if (r != NULL && rec_failed(r))
				buf_chr(&out, '!');
			else if (r != NULL && rec_write(r, &out))
				out.data[--out.len] = '\0';
			rec_free(r);
		}
		assert_string_equal(out.data, all[i].records);
		buf_release(&out);
		table_release(&t);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(times),
	    cmocka_unit_test(points_in_time), cmocka_unit_test(rates),
	    cmocka_unit_test(pauses), cmocka_unit_test(file_names),
	    cmocka_unit_test(file_templates), cmocka_unit_test(file_names_told_apart),
	    cmocka_unit_test(long_file_names), cmocka_unit_test(templates),
	    cmocka_unit_test(paths), cmocka_unit_test(lines), cmocka_unit_test(tables),
	    cmocka_unit_test(similar_words)};

	return cmocka_run_group_tests_name("words", tests, NULL, NULL);
}
