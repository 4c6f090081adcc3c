/* Options: where they come from, the type they are read as, and their faults. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/strings.h"
#include "provider/options.h"
#include "provider_case.h"
#include "json/json.h"

#define N(a)     (sizeof(a) / sizeof *(a))
#define PLAIN    (JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)
#define LIST_MAX 8

/* The two operations declare `size` with different types. */
static const char service[] =
    "{'name': 'acme', 'title': 'Acme', 'base_url': 'https://acme.example',"
    " 'operations': {"
    "   'draw': {'method': 'POST', 'path': '/drawings', 'options': {"
    "     'properties': {'size': {'type': 'string'}, 'text': {'type': 'string', 'minLength': 2},"
    "       'hand': {'type': 'string'}, 'foot': {'type': 'string'}},"
    "     'required': ['text'], 'not': {'required': ['hand', 'foot']}}},"
    "   'create': {'method': 'POST', 'path': '/faces', 'repeatable': false, 'options': {"
    "     'properties': {"
    "       'size': {'type': 'integer', 'minimum': 1, 'maximum': 30},"
    "       'zoom': {'type': 'number'}, 'solve': {'type': 'boolean'},"
    "       'name': {'type': 'string'},"
    "       'extras': {'type': 'object', 'properties': {'level': {'type': 'integer'}},"
    "         'additionalProperties': {'type': 'string'}}}}},"
    "   'say': {'method': 'POST', 'path': '/said', 'options': {"
    "     'properties': {'text': {'type': 'string'}, 'name': {'type': 'string'}},"
    "     'oneOf': [{'required': ['text']}, {'required': ['name']}]}},"
    "   'sing': {'method': 'POST', 'path': '/songs', 'options': {"
    "     'properties': {'voice': {'type': 'object', 'required': ['type']}},"
    "     'required': ['voice']}},"
    "   'status': {'method': 'GET', 'path': '/faces'}}}";

static struct provider *acme;

/* Merges a record's options with those of the command line, which end with NULL. */
static struct json_object *
options(const char *record, const char *const *given)
{
	char *line = quoted(record);
	struct err e = {0};
	struct rec *rec = rec_parse(line, strlen(line), &e);
	const char *v[LIST_MAX];
	struct strings list = {.v = v};
	struct json_object *o;

	if (rec == NULL)
		fail_msg("%s: %s", record, e.message);
	for (; given[list.n] != NULL; list.n++)
		v[list.n] = given[list.n];
	o = options_of(rec, acme, &list);
	rec_free(rec);
	free(line);
	return o;
}

static void
record_and_command_line(void **state)
{
	static const struct {
		const char *record, *given[LIST_MAX], *options;
	} all[] = {
	    {"{}", {NULL}, "{}"},
	    /* the record's own win, the rest is added; of duplicates the first counts */
	    {"{'options':{'size':7}}", {"size=5", "zoom=2", NULL}, "{'size':7,'zoom':2}"},
	    {"{'options':{'zoom':1.10}}", {NULL}, "{'zoom':1.10}"},
	    {"{}", {"size=5", "size=6", NULL}, "{'size':5}"},
	    {"{'options':null}", {"size=5", NULL}, "{'size':5}"},
	    {"{'options':[1]}", {"size=5", NULL}, "{'size':5}"},
	    {"{'options':'x'}", {NULL}, "{}"},
	    /* read as the declared type; create's declaration comes first */
	    {"{}", {"name=5", "size=5", "zoom=1.50", "solve=false", NULL},
	        "{'name':'5','size':5,'zoom':1.50,'solve':false}"},
	    {"{}", {"name=", "text=a=b", "hand={}", NULL},
	        "{'name':'','text':'a=b','hand':'{}'}"},
	    {"{}", {"solve", "name", NULL}, "{'solve':true,'name':'true'}"},
	    /* a malformed value stays a text, for the check to refuse */
	    {"{}", {"size=large", "zoom=0x10", "solve=", NULL},
	        "{'size':'large','zoom':'0x10','solve':''}"},
	    {"{}", {"size=5 6", "solve=null", "zoom=07", NULL},
	        "{'size':'5 6','solve':'null','zoom':'07'}"},
	    {"{}", {"size=12345678901234567890123", NULL},
	        "{'size':12345678901234567890123}"},
	    /* not declared */
	    {"{}", {"colour=5", "=5", "a.b=c", NULL}, "{'colour':'5','':'5','a.b':'c'}"},
	    /* members of an object are texts, unless they are declared */
	    {"{}", {"extras={}", NULL}, "{'extras':{}}"},
	    {"{}", {"extras.job=j1", "extras.n=5", "extras.a.b=c", NULL},
	        "{'extras':{'job':'j1','n':'5','a.b':'c'}}"},
	    {"{'options':{'extras':{'job':'mine'}}}",
	        {"extras.job=j", "extras.n=5", NULL},
	        "{'extras':{'job':'mine','n':'5'}}"},
	    {"{'options':{'extras':7}}", {"extras.job=j", NULL}, "{'extras':7}"},
	    {"{}", {"extras.level=5", NULL}, "{'extras':{'level':5}}"},
	    {"{}", {"name.first=Ann", NULL}, "{'name.first':'Ann'}"},
	};

	(void)state;
	for (size_t i = 0; i < N(all); i++) {
		struct json_object *o = options(all[i].record, all[i].given);
		char *wanted = quoted(all[i].options);

		assert_string_equal(json_object_to_json_string_ext(o, PLAIN), wanted);
		free(wanted);
		json_object_put(o);
	}
}

/* The record's own options are not changed. */
static void
the_records_options_are_not_changed(void **state)
{
	static const char line[] = "{\"options\":{\"extras\":{\"a\":\"b\"}}}";
	struct err e;
	struct rec *rec = rec_parse(line, sizeof line - 1, &e);
	const char *v[] = {"extras.c=d", "size=5"};
	struct json_object *o = options_of(rec, acme, &(struct strings){v, 2});

	(void)state;
	assert_string_equal(
	    json_object_to_json_string_ext(rec_get(rec, "options"), PLAIN),
	    "{\"extras\":{\"a\":\"b\"}}");
	assert_int_equal(json_object_object_length(json_at(o, "/extras")), 2);
	json_object_put(o);
	rec_free(rec);
}

static void
each_operation_takes_its_options(void **state)
{
	static const struct {
		const char *op, *options, *taken; /* NULL: none */
	} all[] = {
	    {"create", "{'size':5,'text':'ab','x':1}", "{'size':5}"},
	    {"draw", "{'size':5,'text':'ab','x':1}", "{'size':5,'text':'ab'}"},
	    {"create", "{'text':'ab'}", NULL},
	    {"create", "{}", NULL},
	    {"status", "{'size':5}", NULL},
	    {"create", "{'size':null}", NULL},
	};

	(void)state;
	for (size_t i = 0; i < N(all); i++) {
		struct json_object *from = parsed(all[i].options), *taken;

		taken = options_for(provider_operation(acme, all[i].op), from);
		json_object_put(from);
		if (all[i].taken == NULL) {
			assert_null(taken);
		} else {
			char *wanted = quoted(all[i].taken);
			assert_string_equal(
			    json_object_to_json_string_ext(taken, PLAIN), wanted);
			free(wanted);
		}
		json_object_put(taken);
	}
}

/* Each finding as "code message", in order. */
static void
check_findings(const struct findings *fs, const char *const *wanted)
{
	for (unsigned i = 0; i < fs->n; i++) {
		char *got = mem_printf(
		    "%s %s", code_info(fs->list[i].code)->name, fs->list[i].message);

		assert_int_equal(fs->list[i].severity, SEVERITY_REFUSED);
		if (wanted[i] == NULL)
			fail_msg("one too many: %s", got);
		assert_string_equal(got, wanted[i]);
		free(got);
	}
	assert_null(wanted[fs->n]);
}

static void
faults(void **state)
{
	static const struct {
		const char *options, *findings[LIST_MAX];
	} all[] = {
	    {"{}", {NULL}},
	    {"{'size':30,'zoom':1,'solve':true,'name':'','text':'ab','extras':{}}",
	        {NULL}},
	    {"{'size':31}",
	        {"option_invalid option 'size' must be at most 30; got 31", NULL}},
	    {"{'size':1.5}",
	        {"option_invalid option 'size' must be of type integer; got 1.5", NULL}},
	    {"{'size':'x','solve':1}",
	        {"option_invalid option 'size' must be of type integer; got \"x\"",
	            "option_invalid option 'solve' must be of type boolean; got 1",
	            NULL}},
	    {"{'extras':{'a':5}}",
	        {"option_invalid option 'extras/a' must be of type string; got 5", NULL}},
	    {"{'colour':5}", {"option_unknown Acme has no option 'colour'", NULL}},
	    {"{'':5}", {"option_unknown Acme has no option ''", NULL}},
	};

	(void)state;
	for (size_t i = 0; i < N(all); i++) {
		struct json_object *o = parsed(all[i].options);
		struct findings fs = {0};

		options_check(acme, NULL, o, &fs);
		check_findings(&fs, all[i].findings);
		json_object_put(o);
	}
}

/* Where operations have an option of one name, the schema of the one at hand counts. */
static void
the_schema_of_the_operation(void **state)
{
	struct json_object *o = parsed("{'size':'large'}");
	struct findings fs = {0};

	(void)state;
	options_check(acme, provider_operation(acme, "draw"), o, &fs);
	assert_int_equal(fs.n, 0);
	options_check(acme, provider_operation(acme, "create"), o, &fs);
	assert_int_equal(fs.n, 1);
	json_object_put(o);
}

/* The message for a mistyped name lists each known name once. */
static void
known_names_are_listed(void **state)
{
	struct json_object *o = parsed("{'sise':5}");
	struct findings fs = {0};

	(void)state;
	options_check(acme, NULL, o, &fs);
	assert_string_equal(fs.list[0].got, "sise");
	assert_string_equal(fs.list[0].wanted,
	    "size, text, hand, foot, zoom, solve, name, extras, voice");
	json_object_put(o);
}

static void
faults_of_an_operation(void **state)
{
	static const struct {
		const char *op, *options, *findings[LIST_MAX];
	} all[] = {
	    {"draw", "{'text':'ab'}", {NULL}},
	    {"draw", "{}",
	        {"option_missing option 'text' is required; give it with -O text=VALUE",
	            NULL}},
	    /* options_check reports values */
	    {"draw", "{'text':''}", {NULL}},
	    {"draw", "{'text':'ab','hand':'l','foot':'r'}",
	        {"option_invalid the set of options is of a form that is not allowed",
	            NULL}},
	    {"say", "{}",
	        {"option_missing option 'text' or 'name' is required; give it with -O text=VALUE",
	            NULL}},
	    {"say", "{'name':'x'}", {NULL}},
	    {"say", "{'name':'x','text':'y'}",
	        {"option_invalid the set of options fits 2 forms; only one may fit",
	            NULL}},
	    {"sing", "{}",
	        {"option_missing option 'voice' is required; give it with -O voice.type=VALUE",
	            NULL}},
	    {"create", "{}", {NULL}},
	    {"status", "{}", {NULL}},
	};

	(void)state;
	for (size_t i = 0; i < N(all); i++) {
		struct json_object *o = parsed(all[i].options);
		struct findings fs = {0};

		options_check_operation(provider_operation(acme, all[i].op), o, &fs);
		check_findings(&fs, all[i].findings);
		json_object_put(o);
	}
}

static void
options_that_are_no_object(void **state)
{
	static const struct {
		const char *record;
		unsigned n;
	} all[] = {{"{}", 0}, {"{'options':{}}", 0}, {"{'options':null}", 0},
	    {"{'options':[]}", 1}, {"{'options':'size=5'}", 1}, {"{'options':5}", 1}};

	(void)state;
	for (size_t i = 0; i < N(all); i++) {
		char *line = quoted(all[i].record);
		struct err e;
		struct rec *rec = rec_parse(line, strlen(line), &e);
		struct findings fs = {0};

		options_check_record(rec, &fs);
		assert_int_equal(fs.n, all[i].n);
		if (fs.n > 0)
			assert_int_equal(fs.list[0].code, CODE_OPTION_INVALID);
		rec_free(rec);
		free(line);
	}
}

static int
load(void **state)
{
	(void)state;
	acme = described(service);
	return 0;
}

static int
unload(void **state)
{
	(void)state;
	provider_free(acme);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(record_and_command_line),
	    cmocka_unit_test(the_records_options_are_not_changed),
	    cmocka_unit_test(each_operation_takes_its_options), cmocka_unit_test(faults),
	    cmocka_unit_test(known_names_are_listed),
	    cmocka_unit_test(the_schema_of_the_operation),
	    cmocka_unit_test(faults_of_an_operation),
	    cmocka_unit_test(options_that_are_no_object)};

	return cmocka_run_group_tests_name("options", tests, load, unload);
}
