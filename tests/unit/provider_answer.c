/* What an answer means: its class, its members, the wait it asks for. Answers come through
 * libcurl, like real ones. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <curl/curl.h>

#include "base/mem.h"
#include "provider/answer.h"
#include "provider_case.h"
#include "service/failure.h"
#include "json/json.h"

#define N(a) (sizeof(a) / sizeof *(a))

/* Saturday, 21 Nov 2026 12:00:00 GMT */
#define NOON ((int64_t)1795262400)

static const char service[] =
    "{'name': 'acme', 'title': 'Acme', 'base_url': 'https://acme.example',"
    " 'error': {'code': '/error/code', 'request_id': {'header': 'X-Request-Id'},"
    "           'message': ['/error/message', {'join': '/detail', 'pointer': '/msg'},"
    "               {'join': '/data'}, '/detail', {'header': 'X-Why'}]},"
    " 'outcomes': ["
    "   {'status': [400, 404], 'is': 'refused'},"
    "   {'status': 401, 'is': 'auth'},"
    "   {'status': 403, 'header': 'X-Why', 'value': 'plan', 'is': 'account'},"
    "   {'status': 403, 'header': 'X-Why', 'is': 'auth'},"
    "   {'status': 429, 'pointer': '/error/code', 'value': 'slow', 'is': 'wait'},"
    "   {'status': 429, 'pointer': '/error/code', 'value': '7', 'is': 'account'},"
    "   {'status': 429, 'pointer': '/error/code', 'is': 'refused'},"
    "   {'status': 302, 'is': 'ok'}],"
    " 'operations': {"
    "   'create': {'method': 'POST', 'path': '/faces', 'repeatable': false,"
    "     'outcomes': [{'status': [200, 201], 'is': 'ok'}, {'status': 404, 'is': 'account'}],"
    "     'answer': {'take': {'id': '/face/id', 'provider_status': '/face/state',"
    "         'seen': {'value': 'yes'}, 'place': {'header': 'Location'},"
    "         'url': {'list': '/links', 'where': {'/rel': 'big', '/n': 2}, 'pointer': '/href'}},"
    "       'required': ['id'], 'states': 'face'}},"
    "   'status': {'method': 'GET', 'path': '/faces',"
    "     'answer': {'take': {'provider_status': '/state'},"
    "       'required': ['provider_status'], 'states': 'face'}},"
    "   'avatars': {'method': 'GET', 'path': '/faces', 'paging': {'style': 'none', 'items': ''}},"
    "   'files': {'method': 'GET', 'path': '/faces', 'answer': {'take': {"
    "     'url': {'list': '/all', 'where': {'/type': '{kind.file}'}, 'pointer': '/url'}}}},"
    "   'exports': {'method': 'GET', 'path': '/exports', 'answer': {'take': {"
    "     'url': {'list': '', 'where': {'/state': 'done'}, 'pointer': {'list': '/files',"
    "       'where': {'/is': '{kind.file}'}, 'pointer': '/url'}}}}},"
    "   'remove': {'method': 'DELETE', 'path': '/faces'}},"
    " 'states': {'face': {'drawing': 'processing', 'done': 'ready', '7': 'failed'}}}";

static struct provider *acme;

/* An answer as it was received. */
struct reply {
	struct answer a;
	struct http_response r;
	CURL *easy;
	char *body;
};

/* The server: it accepts when libcurl has connected, before the request is sent. */
struct server {
	int listening, fd;
	char *answer;
};

static int
serve(void *arg, char *ip, char *own_ip, int port, int own_port)
{
	struct server *s = arg;

	(void)ip, (void)own_ip, (void)port, (void)own_port;
	s->fd = accept(s->listening, NULL, NULL);
	assert_true(s->fd >= 0);
	assert_int_equal(
	    write(s->fd, s->answer, strlen(s->answer)), (ssize_t)strlen(s->answer));
	return CURL_PREREQFUNC_OK;
}

/* Receives headers, each with its CRLF, through libcurl. */
static CURL *
transfer(int status, const char *headers)
{
	struct sockaddr_in at = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct server s = {.listening = socket(AF_INET, SOCK_STREAM, 0), .fd = -1};
	socklen_t len = sizeof at;
	CURL *easy = curl_easy_init();
	char *url;

	assert_int_equal(bind(s.listening, (struct sockaddr *)&at, len), 0);
	assert_int_equal(listen(s.listening, 1), 0);
	assert_int_equal(getsockname(s.listening, (struct sockaddr *)&at, &len), 0);
	url = mem_printf("http://127.0.0.1:%d/", ntohs(at.sin_port));
	s.answer =
	    mem_printf("HTTP/1.1 %d X\r\n%sContent-Length: 0\r\n\r\n", status, headers);
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, serve);
	curl_easy_setopt(easy, CURLOPT_PREREQDATA, &s);
	assert_int_equal(curl_easy_perform(easy), CURLE_OK);
	close(s.fd);
	close(s.listening);
	free(s.answer);
	free(url);
	return easy;
}

static void
reply_init_len(
    struct reply *y, int status, const char *headers, const char *body, size_t len)
{
	y->body = quoted(body);
	y->easy = transfer(status, headers);
	y->r = (struct http_response){.fate = HTTP_ANSWERED,
	    .sent = true,
	    .status = status,
	    .body = y->body,
	    .len = len,
	    .easy_ = y->easy};
	answer_init(&y->a, &y->r, provider_operation(acme, "create"));
}

static void
reply_init(struct reply *y, int status, const char *headers, const char *body)
{
	reply_init_len(y, status, headers, body, strlen(body));
}

static void
reply_release(struct reply *y)
{
	answer_release(&y->a);
	curl_easy_cleanup(y->easy);
	free(y->body);
}

static void
check_text(char *got, const char *wanted)
{
	if (wanted == NULL)
		assert_null(got);
	else if (got == NULL)
		fail_msg("nothing instead of %s", wanted);
	else
		assert_string_equal(got, wanted);
	free(got);
}

static void
outcomes(void **state)
{
	static const struct {
		const char *op;
		int status;
		const char *headers, *body;
		enum outcome outcome;
	} all[] = {
	    /* the operation's rules first, then the provider's, in order */
	    {"create", 201, "", "{'face':{'id':'a'}}", OUTCOME_OK},
	    {"create", 200, "", "{'face':{'id':12345678901234567890}}", OUTCOME_OK},
	    {"create", 404, "", "", OUTCOME_ACCOUNT},
	    {"status", 404, "", "", OUTCOME_REFUSED},
	    {"create", 401, "", "", OUTCOME_AUTH},
	    {"create", 403, "X-Why: plan\r\n", "", OUTCOME_ACCOUNT},
	    {"create", 403, "x-why: key\r\n", "", OUTCOME_AUTH},
	    {"create", 403, "X-Why: key\r\nX-Why: plan\r\n", "", OUTCOME_ACCOUNT},
	    {"create", 429, "", "{'error':{'code':'slow'}}", OUTCOME_WAIT},
	    {"create", 429, "", "{'error':{'code':7}}", OUTCOME_ACCOUNT},
	    {"create", 429, "", "{'error':{'code':'7'}}", OUTCOME_ACCOUNT},
	    {"create", 429, "", "{'error':{'code':'slower'}}", OUTCOME_REFUSED},
	    /* a rule for a member does not apply if it is absent or a container */
	    {"create", 429, "", "{'error':{'code':null}}", OUTCOME_WAIT},
	    {"create", 429, "", "{'error':{'code':['7']}}", OUTCOME_WAIT},
	    {"create", 429, "", "{'error':{'code':'7\\u0000'}}", OUTCOME_WAIT},
	    {"create", 429, "", "{'error':'7'}", OUTCOME_WAIT},
	    {"create", 429, "", "slow down", OUTCOME_WAIT},
	    /* by HTTP alone, also for a paid request */
	    {"create", 402, "", "", OUTCOME_ACCOUNT},
	    {"create", 413, "", "<html>", OUTCOME_REFUSED},
	    {"create", 422, "", "{}", OUTCOME_REFUSED},
	    {"create", 409, "", "", OUTCOME_UNKNOWN},
	    {"status", 402, "", "", OUTCOME_ACCOUNT},
	    {"status", 429, "", "", OUTCOME_WAIT},
	    {"status", 421, "", "", OUTCOME_WAIT},
	    {"status", 425, "", "", OUTCOME_WAIT},
	    /* without a rule a paid request is unknown, except for a 2xx with all required
	     * members; other requests follow HTTP */
	    {"create", 202, "", "{'face':{'id':'a'}}", OUTCOME_OK},
	    {"create", 202, "", "{'face':{}}", OUTCOME_UNKNOWN},
	    {"create", 403, "", "", OUTCOME_UNKNOWN},
	    {"create", 500, "", "", OUTCOME_UNKNOWN},
	    {"create", 418, "", "", OUTCOME_UNKNOWN},
	    {"remove", 204, "", "", OUTCOME_OK},
	    {"remove", 299, "", "", OUTCOME_OK},
	    {"status", 403, "", "", OUTCOME_REFUSED},
	    {"status", 410, "", "", OUTCOME_REFUSED},
	    {"status", 408, "", "", OUTCOME_WAIT},
	    {"status", 423, "", "", OUTCOME_WAIT},
	    {"status", 500, "", "", OUTCOME_WAIT},
	    {"status", 599, "", "", OUTCOME_WAIT},
	    /* no rule can change a redirect */
	    {"create", 302, "", "{'face':{'id':'a'}}", OUTCOME_REDIRECTED},
	    {"status", 304, "", "", OUTCOME_REDIRECTED},
	    /* a 2xx without a required member: perhaps made */
	    {"create", 201, "", "", OUTCOME_UNKNOWN},
	    {"create", 201, "", "{'face':{'id':'a'}", OUTCOME_OK},
	    /* an id in plain sight counts, whatever is wrong beside it */
	    {"create", 201, "", "{'face':{'id':'a'}} ok", OUTCOME_OK},
	    {"create", 201, "", "{'face':{'id':'a'},'name':'J\xf6", OUTCOME_OK},
	    {"create", 201, "", "\xef\xbb\xbf{'x':NaN,'face':{'id':'a'}}", OUTCOME_OK},
	    {"create", 201, "", "{'face':{'id':'a", OUTCOME_UNKNOWN},
	    {"create", 201, "", "{'face':{'id':12", OUTCOME_UNKNOWN},
	    {"create", 201, "", "{'face':{'id':NaN}}", OUTCOME_UNKNOWN},
	    {"create", 201, "", "{'face':{'id':'a\x01'}}", OUTCOME_UNKNOWN},
	    {"create", 201, "", "<html>", OUTCOME_UNKNOWN},
	    {"create", 201, "", "{'face':{'id':''}}", OUTCOME_UNKNOWN},
	    {"create", 201, "", "{'face':{'id':null}}", OUTCOME_UNKNOWN},
	    {"create", 201, "", "{'face':{'id':{'x':1}}}", OUTCOME_UNKNOWN},
	    {"create", 201, "", "{'face':[{'id':'a'}]}", OUTCOME_UNKNOWN},
	    {"create", 201, "", "{'face':{'id':'a\\u0000b'}}", OUTCOME_UNKNOWN},
	    {"create", 201, "", "{'face':{'id':'\xff'}}", OUTCOME_UNKNOWN},
	    {"create", 201, "", "null", OUTCOME_UNKNOWN},
	    {"status", 200, "", "{'state':null}", OUTCOME_WAIT},
	    {"status", 200, "", "Bad gateway", OUTCOME_WAIT},
	};

	(void)state;
	for (size_t i = 0; i < N(all); i++) {
		struct reply y;
		enum outcome got;

		reply_init(&y, all[i].status, all[i].headers, all[i].body);
		got = answer_outcome(&y.a, acme, provider_operation(acme, all[i].op));
		if (got != all[i].outcome)
			fail_msg("%s, %d %s%s: %d instead of %d", all[i].op,
			    all[i].status, all[i].headers, all[i].body, got,
			    all[i].outcome);
		reply_release(&y);
	}
}

/* A member that an operation takes from the answer, or NULL. */
static char *
taken_text(const struct answer *a, const char *operation, const char *member)
{
	bool known;
	struct json_object *all =
	    answer_taken(a, provider_operation(acme, operation), &known);
	char *text = mem_str(json_object_get_string(json_member(all, member)));

	json_object_put(all);
	return text;
}

static void
members(void **state)
{
	static const struct {
		const char *member, *headers, *body, *text; /* NULL: absent */
	} all[] = {
	    {"id", "", "{'face':{'id':'a/b'}}", "a/b"},
	    {"id", "", "{'face':{'id':9007199254740993}}", "9007199254740993"},
	    {"id", "", "{'face':{'id':123456789012345678901234567890}}",
	        "123456789012345678901234567890"},
	    {"id", "", "{'face':{'id':1.50}}", "1.50"},
	    {"id", "", "{'face':{'id':true}}", NULL},
	    {"id", "", "{'face':{'id':'a\\ud800'}}", NULL},
	    {"id", "", "{'face':{'id':'\\ud83d\\ude00'}}", "\xf0\x9f\x98\x80"},
	    {"id", "", "{'face':{'id':{}}}", NULL},
	    {"id", "", "{'face':7}", NULL},
	    {"id", "", "['face']", NULL},
	    {"id", "", "7", NULL},
	    {"id", "", "", NULL},
	    {"id", "", "no JSON", NULL},
	    {"nothing", "", "{'nothing':1}", NULL},
	    {"seen", "", "", "yes"},
	    {"place", "", "", NULL},
	    {"place", "location:  /faces/7 \r\n", "", "/faces/7"},
	    {"place", "Location:\r\n", "", ""},
	    {"url", "",
	        "{'links':[{'rel':'big','n':1,'href':'a'},{'rel':'big','n':2,'href':'b'},"
	        "{'rel':'big','n':2,'href':'c'}]}",
	        "b"},
	    {"url", "", "{'links':[7,null,[],{'rel':'big','n':2}]}", NULL},
	    {"url", "", "{'links':[{'rel':'big','n':'2','href':'a'}]}", NULL},
	    {"url", "", "{'links':{'rel':'big','n':2,'href':'a'}}", NULL},
	    {"url", "", "{'links':[]}", NULL},
	    {"url", "", "{}", NULL},
	};

	(void)state;
	for (size_t i = 0; i < N(all); i++) {
		struct reply y;

		reply_init(&y, 200, all[i].headers, all[i].body);
		check_text(taken_text(&y.a, "create", all[i].member), all[i].text);
		reply_release(&y);
	}
}

/* The status of an answer, and whether the service's word is known. */
static void
check_status(const char *body, const char *status, bool known)
{
	struct reply y;
	struct json_object *all;
	bool got;

	reply_init(&y, 200, "", body);
	all = answer_taken(&y.a, provider_operation(acme, "status"), &got);
	check_text(json_text(all, "/status"), status);
	assert_int_equal(got, known);
	json_object_put(all);
	reply_release(&y);
}

static void
states(void **state)
{
	(void)state;
	check_status("{'state':'drawing'}", "processing", true);
	check_status("{'state':'done'}", "ready", true);
	check_status("{'state':7}", "failed", true);
	check_status("{'state':'Done'}", "processing", false);
	check_status("{'state':''}", "processing", false);
	/* An absent state does not count as unknown. */
	check_status("{'state':null}", NULL, true);
	check_status("{'state':['done']}", NULL, true);
	check_status("done", NULL, true);
}

static void
taken_members(void **state)
{
	struct err e;
	struct json_object *entry = json_parse("{\"face\":{\"id\":5}}", 17, &e), *taken;
	const struct operation *create = provider_operation(acme, "create");
	struct reply y;
	bool known;

	(void)state;
	reply_init(&y, 201, "Location: /7\r\n", "{'face':{'id':7,'state':'done'},'x':1}");
	taken = answer_taken(&y.a, create, &known);
	assert_string_equal(json_object_to_json_string_ext(taken,
	                        JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE),
	    "{\"id\":\"7\",\"provider_status\":\"done\",\"seen\":\"yes\",\"place\":\"/7\","
	    "\"status\":\"ready\"}");
	json_object_put(taken);
	/* Without members the result is an empty object; a list entry has no headers. */
	taken = answer_taken(&y.a, provider_operation(acme, "remove"), &known);
	assert_int_equal(json_object_object_length(taken), 0);
	assert_true(known);
	json_object_put(taken);
	taken = answer_taken(&(struct answer){.body = entry}, create, NULL);
	assert_string_equal(json_object_to_json_string_ext(taken, JSON_C_TO_STRING_PLAIN),
	    "{\"id\":\"5\",\"seen\":\"yes\"}");
	json_object_put(taken);
	json_object_put(entry);
	reply_release(&y);
}

/* An element of a list within an element of a list. */
static void
elements_within_elements(void **state)
{
	static const struct {
		const char *vars, *url;
	} all[] = {{"{'kind':{'file':'a'}}", "/2"}, {"{'kind':{'file':'c'}}", NULL}};
	const struct operation *exports = provider_operation(acme, "exports");
	struct reply y;

	(void)state;
	reply_init(&y, 200, "",
	    "[{'state':'new','files':[{'is':'a','url':'/0'}]},"
	    "{'state':'done','files':[{'is':'b','url':'/1'},{'is':'a','url':'/2'}]}]");
	for (size_t i = 0; i < N(all); i++) {
		struct json_object *taken;

		y.a.vars = parsed(all[i].vars);
		taken = answer_taken(&y.a, exports, NULL);
		check_text(mem_str(answer_url(taken, "url")), all[i].url);
		json_object_put(taken);
		json_object_put(y.a.vars);
	}
	reply_release(&y);
}

/* An element is chosen by the value of a kind; without a value there is none. */
static void
elements_by_variables(void **state)
{
	static const struct {
		const char *vars, *url;
	} all[] = {{"{'kind':{'file':'b'}}", "/2"}, {"{'kind':{'file':'c'}}", NULL},
	    {"{'kind':{}}", NULL}, {"{}", NULL}};
	const struct operation *files = provider_operation(acme, "files");
	struct reply y;

	(void)state;
	reply_init(&y, 200, "",
	    "{'all':[{'url':'/0'},{'type':'a','url':'/1'},{'type':'b','url':'/2'}]}");
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		struct json_object *taken;
		const char *url;

		y.a.vars = parsed(all[i].vars);
		taken = answer_taken(&y.a, files, NULL);
		url = answer_url(taken, "url");
		if (all[i].url == NULL)
			assert_null(url);
		else
			assert_string_equal(url, all[i].url);
		json_object_put(taken);
		json_object_put(y.a.vars);
	}
	reply_release(&y);
}

static void
waits(void **state)
{
	static const struct {
		const char *headers;
		int64_t ms; /* -1: not stated */
	} all[] = {
	    {"", -1},
	    {"Retry-After: 0\r\n", 0},
	    {"Retry-After: 120\r\n", 120000},
	    {"retry-after:   7  \r\n", 7000},
	    {"Retry-After: 1.5\r\n", 1500},
	    {"Retry-After: 1\r\nRetry-After: 2\r\n", 2000},
	    {"Retry-After:\r\n", -1},
	    {"Retry-After: -5\r\n", -1},
	    {"Retry-After: soon\r\n", -1},
	    {"Retry-After: 5 s\r\n", -1},
	    {"Retry-After: 5, 6\r\n", -1},
	    {"Retry-After: nan\r\n", -1},
	    {"Retry-After: inf\r\n", -1},
	    {"Retry-After: 1e99\r\n", -1},
	    {"Retry-After: 0x10\r\n", -1},
	    {"Retry-After: 99999999999\r\n", -1},
	    {"Retry-After: Sat, 21 Nov 2026 12:00:30 GMT\r\n", 30000},
	    {"Retry-After: Saturday, 21-Nov-26 12:00:30 GMT\r\n", 30000},
	    {"Retry-After: Sat Nov 21 12:00:30 2026\r\n", 30000},
	    {"Retry-After: Sat, 21 Nov 2026 12:00:00 GMT\r\n", 0},
	    {"Retry-After: Sat, 21 Nov 2026 11:00:00 GMT\r\n", 0},
	    {"Retry-After: Sat, 99 Nov 2026 12:00:30 GMT\r\n", -1},
	    /* a date is read by the server's clock */
	    {"Date: Fri, 20 Nov 2026 12:00:00 GMT\r\n"
	     "Retry-After: Fri, 20 Nov 2026 12:00:30 GMT\r\n",
	        30000},
	    {"Date: Sun, 22 Nov 2026 12:00:00 GMT\r\n"
	     "Retry-After: Sun, 22 Nov 2026 12:00:30 GMT\r\n",
	        30000},
	    {"Date: yesterday\r\nRetry-After: Sat, 21 Nov 2026 12:00:30 GMT\r\n", 30000},
	    {"Date: Sun, 22 Nov 2026 12:00:00 GMT\r\nRetry-After: 3\r\n", 3000},
	    {"X-Wait: 9\r\n", -1},
	};

	(void)state;
	for (size_t i = 0; i < N(all); i++) {
		struct reply y;
		int64_t ms;

		reply_init(&y, 429, all[i].headers, "");
		ms = answer_wait_ms(&y.a, acme, NOON);
		if (ms != all[i].ms)
			fail_msg("%s: %lld", all[i].headers, (long long)ms);
		reply_release(&y);
	}
}

static void
waits_by_the_description(void **state)
{
	static const char text[] =
	    "{'name': 'acme', 'title': 'Acme', 'base_url': 'https://acme.example',"
	    " 'retry_after': ['X-Wait', 'X-Later'],"
	    " 'operations': {'create': {'method': 'POST', 'path': '/faces'}}}";
	static const struct {
		const char *headers;
		int64_t ms;
	} all[] = {{"Retry-After: 5\r\n", -1}, {"X-Later: 5\r\n", 5000},
	    {"X-Later: 5\r\nX-Wait: 6\r\n", 6000}, {"X-Later: 5\r\nX-Wait: ?\r\n", -1}};
	struct provider *p = described(text);

	(void)state;
	for (size_t i = 0; i < N(all); i++) {
		struct reply y;

		reply_init(&y, 429, all[i].headers, "");
		assert_int_equal(answer_wait_ms(&y.a, p, NOON), all[i].ms);
		reply_release(&y);
	}
	provider_free(p);
}

static void
errors(void **state)
{
	static const struct {
		const char *headers, *body, *code, *message, *id;
	} all[] = {
	    {"", "", NULL, NULL, NULL},
	    {"X-Request-Id: r1\r\n", "{'error':{'code':5,'message':'No.'}}", "5", "No.",
	        "r1"},
	    {"", "{'error':{'code':{'a':1},'message':[1]},'detail':'Why'}", NULL, "Why",
	        NULL},
	    {"X-Why: because\r\n", "{'error':'No.'}", NULL, "because", NULL},
	    {"",
	        "{'detail':[{'loc':['body'],'msg':'No name.'},{'msg':''},{'msg':'No face.'}]}",
	        NULL, "No name.; No face.", NULL},
	    {"", "{'detail':[],'data':['Two faces','Too dark',7]}", NULL,
	        "Two faces; Too dark; 7", NULL},
	    {"X-Why: because\r\n", "<h1>No.</h1>", NULL, "because", NULL},
	};

	(void)state;
	for (size_t i = 0; i < N(all); i++) {
		struct reply y;

		reply_init(&y, 400, all[i].headers, all[i].body);
		check_text(answer_error(&y.a, acme, "code"), all[i].code);
		check_text(answer_error(&y.a, acme, "message"), all[i].message);
		check_text(answer_error(&y.a, acme, "request_id"), all[i].id);
		reply_release(&y);
	}
}

/* An id of 4 MB, and the deepest nesting allowed. */
static void
huge(void **state)
{
	enum { LEN = 4 << 20, DEEP = 100000 };
	char *body = mem_new(1, LEN + 32), *id;
	struct reply y;

	(void)state;
	strcpy(body, "{'face':{'id':'");
	memset(body + strlen(body), 'x', LEN);
	strcat(body, "'}}");
	reply_init(&y, 201, "", body);
	assert_int_equal(answer_outcome(&y.a, acme, provider_operation(acme, "create")),
	    OUTCOME_UNKNOWN);
	id = taken_text(&y.a, "create", "id");
	assert_int_equal(strlen(id), LEN);
	free(id);
	reply_release(&y);
	memset(body, '[', DEEP);
	memset(body + DEEP, ']', DEEP);
	body[2 * DEEP] = '\0';
	reply_init(&y, 201, "", body);
	assert_null(y.a.body);
	reply_release(&y);
	free(body);
}

static void
check_failure(const struct failure *f, const char *message, const char *code)
{
	if (strstr(f->err.message, message) == NULL)
		fail_msg("%s", f->err.message);
	assert_string_equal(f->provider_code, code);
	assert_string_equal(f->request_id, code);
}

/* A service's error message becomes one line of limited length, without our key. */
static void
words(void **state)
{
	static const char key[] = "k-0123456789";
	struct failure f = {0};
	char text[1000], body[2500], header[1100];
	struct reply y;

	(void)state;
	reply_init(&y, 400, "X-Request-Id: a\x1b[1m k-0123456789\r\n",
	    "{'error':{'code':'a\\u001b[1m k-0123456789','message':'No\\n k-0123456789'}}");
	failure_answered(&f, CODE_REFUSED, "no", &y.a, acme, key);
	check_failure(&f, "(400): No\\n ************", "a\\x1b[1m ************");
	reply_release(&y);
	/* The code is cut in the middle of the key. */
	memset(text, 'x', sizeof text);
	strcpy(text + 251, key);
	memset(text + 251 + strlen(key), 'x', sizeof text - 252 - strlen(key));
	text[sizeof text - 1] = '\0';
	snprintf(body, sizeof body, "{'error':{'code':'%s','message':'%s'}}", text, text);
	snprintf(header, sizeof header, "X-Request-Id: %s\r\n", text);
	reply_init(&y, 400, header, body);
	failure_answered(&f, CODE_REFUSED, "no", &y.a, acme, key);
	strcpy(text + 251, "*****");
	check_failure(&f, text, text);
	reply_release(&y);
	failure_release(&f);
}

/* The length counts: nothing beyond it is read, and a NUL does not end the body. */
static void
lengths(void **state)
{
	struct reply y;

	(void)state;
	reply_init_len(&y, 200, "", "{'state':'done'}garbage", 16);
	check_text(taken_text(&y.a, "status", "provider_status"), "done");
	assert_false(y.a.is_odd);
	reply_release(&y);
	reply_init_len(&y, 200, "", "{'state':'done'}", 17);
	assert_true(y.a.is_odd);
	assert_non_null(
	    strstr(y.a.odd.message, "column 17: something follows the value"));
	check_text(taken_text(&y.a, "status", "provider_status"), "done");
	reply_release(&y);
}

/* A list is read only if it is whole: what is missing might be what is looked for. */
static void
lists_are_whole(void **state)
{
	static const struct {
		const char *body;
		bool read;
	} all[] = {{"[{'id':'a'}]", true}, {"[{'id':'a','n':NaN,'x':'\xe9'}]", true},
	    {"[{'id':'a'},{'id':'b", false}, {"[{'id':'a'}] [{'id':'b'}]", false}};

	(void)state;
	for (size_t i = 0; i < N(all); i++) {
		char *body = quoted(all[i].body);
		struct http_response r = {
		    .status = 200, .body = body, .len = strlen(body)};
		struct answer a;

		answer_init(&a, &r, provider_operation(acme, "avatars"));
		assert_int_equal(a.body != NULL, all[i].read);
		answer_release(&a);
		free(body);
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
	const struct CMUnitTest tests[] = {cmocka_unit_test(outcomes),
	    cmocka_unit_test(members), cmocka_unit_test(states),
	    cmocka_unit_test(taken_members), cmocka_unit_test(elements_by_variables),
	    cmocka_unit_test(elements_within_elements), cmocka_unit_test(waits),
	    cmocka_unit_test(waits_by_the_description), cmocka_unit_test(errors),
	    cmocka_unit_test(huge), cmocka_unit_test(words), cmocka_unit_test(lengths),
	    cmocka_unit_test(lists_are_whole)};

	return cmocka_run_group_tests_name("answer", tests, load, unload);
}
