/* Tokens without a service: how long they live, and what happens after one is refused. No server
 * listens at the token URL, so a request would fail the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "auth/secret.h"
#include "auth/token.h"
#include "auth/token_file.h"
#include "base/mem.h"

#define TOKEN_URL "http://127.0.0.1:1/token"

static char dir[] = "/tmp/av-token-test.XXXXXX";

static const char description[] =
    "{\"header\": \"Authorization\", \"scheme\": \"Bearer\", \"oauth\": {"
    " \"token_url\": \"" TOKEN_URL "\", \"grants\": [{"
    " \"name\": \"client_credentials\", \"grant_type\": \"client_credentials\"}]}}";
static struct auth auth;

static void
load(struct creds *c)
{
	struct err e;

	assert_int_equal(creds_load(c, "acme", NULL, &e), 0);
}

/* Puts a token where token_get looks for it. */
static void
put(const char *access, int64_t age, int64_t lifetime)
{
	const char *const parts[] = {
	    "acme", TOKEN_URL, "id", NULL, NULL, NULL, "client_credentials"};
	struct token_file f;
	struct stored_token k = {.access_token = mem_str(access), .lifetime = lifetime};
	struct err e;

	clock_stamp_now(&k.obtained);
	k.obtained.wall -= age;
	k.obtained.boot -= age;
	assert_int_equal(token_file_open(&f, parts, 7, &e), 0);
	assert_int_equal(token_file_lock(&f, &e), 1);
	assert_int_equal(token_file_write(&f, &k, &e), 0);
	token_file_close(&f);
	stored_token_release(&k);
}

static enum code
get(const char *rejected, int64_t min_valid, char *out, size_t size)
{
	struct creds c;
	struct token t;
	struct err e = {CODE_NONE, ""};
	const struct token_want w = {
	    .auth = &auth, .creds = &c, .rejected = rejected, .min_valid = min_valid};

	load(&c);
	out[0] = '\0';
	if (token_get(&w, &t, &e) == 0)
		snprintf(out, size, "%s", t.access_token);
	token_release(&t);
	creds_release(&c);
	return e.code;
}

static void
test_life(void **state)
{
	static const struct {
		int64_t lifetime, wall, boot; /* elapsed on each clock */
		bool same_boot;
		int64_t left;
	} cases[] = {
	    {3600, 0, 0, true, 3600},
	    {3600, 3599, 3599, true, 1},
	    {3600, 3600, 3600, true, 0},
	    {3600, 100000, 100000, true, 0},
	    {3600, -1, 10, true, 0},       /* obtained in the future */
	    {3600, 60, 3600, true, 0},     /* wall clock set back */
	    {3600, 60, 600, true, 3000},   /* the same, still valid */
	    {3600, 60, 3600, false, 3540}, /* other boot: its clock is ignored */
	    {3600, 7200, 60, true, 0},     /* wall clock set forward: renew early */
	    {-1, 100000, 100000, true, INT64_MAX}, /* no lifetime given */
	    {-1, -1, 0, true, 0},
	};
	struct clock_stamp now = {
	    .wall = 1000000, .boot = 500000, .boot_id = "this boot"};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct stored_token k = {.access_token = mem_str("t"),
		    .lifetime = cases[i].lifetime,
		    .obtained = {.wall = now.wall - cases[i].wall,
		        .boot = now.boot - cases[i].boot}};
		strcpy(k.obtained.boot_id, cases[i].same_boot ? "this boot" : "another");
		assert_int_equal(stored_token_left(&k, &now), cases[i].left);
		stored_token_release(&k);
	}
}

static void
test_rejected(void **state)
{
	char got[64];

	(void)state;
	put("second", 0, 3600);
	assert_int_equal(get(NULL, 60, got, sizeof got), CODE_NONE);
	assert_string_equal(got, "second");
	/* another process has renewed it already: no request */
	assert_int_equal(get("first", 60, got, sizeof got), CODE_NONE);
	assert_string_equal(got, "second");
	/* the stored token was refused: it has to be renewed */
	assert_int_equal(get("second", 60, got, sizeof got), CODE_NETWORK);
}

static void
test_min_valid(void **state)
{
	char got[64];

	(void)state;
	put("t", 3500, 3600);
	assert_int_equal(get(NULL, 50, got, sizeof got), CODE_NONE);
	assert_int_equal(get(NULL, 150, got, sizeof got), CODE_NETWORK);
	put("t", 1700, 3600);
	assert_int_equal(get(NULL, 1000000, got, sizeof got), CODE_NONE);
	put("t", 3600, 3600);
	assert_int_equal(get(NULL, 0, got, sizeof got), CODE_NETWORK);
}

static void
test_key(void **state)
{
	const struct auth key = {.kind = AUTH_KEY, .header = "x-api-key"};
	struct creds c;
	struct token t;
	struct err e;
	struct buf line = {0};
	struct token_want w = {.auth = &key, .creds = &c};

	(void)state;
	setenv("ACME_API_KEY", "k1", 1);
	load(&c);
	assert_int_equal(token_get(&w, &t, &e), 0);
	token_header(&key, &t, &line);
	assert_string_equal(line.data, "x-api-key: k1");
	token_release(&t);
	w.rejected = "k1";
	assert_int_equal(token_get(&w, &t, &e), -1);
	assert_int_equal(e.code, CODE_UNAUTHORIZED);
	assert_null(strstr(e.message, "k1"));
	token_release(&t);
	buf_release(&line);
	creds_release(&c);
	unsetenv("ACME_API_KEY");
}

static void
test_aliases(void **state)
{
	struct json_object *aliases = json_object_new_array();
	struct creds_from from = {.fd = -1, .aliases = aliases};
	struct creds c;
	struct err e;

	(void)state;
	json_object_array_add(aliases, json_object_new_string("old-name"));
	setenv("OLD_NAME_USERNAME", "alias", 1);
	assert_int_equal(creds_load(&c, "acme", &from, &e), 0);
	assert_string_equal(c.value[CRED_USERNAME], "alias");
	creds_release(&c);
	setenv("ACME_USERNAME", "own", 1);
	assert_int_equal(creds_load(&c, "acme", &from, &e), 0);
	assert_string_equal(c.value[CRED_USERNAME], "own");
	creds_release(&c);
	unsetenv("ACME_USERNAME");
	json_object_put(aliases);
}

static void
test_hide(void **state)
{
	char text[] = "bad pass-word: pass-word pass-wor";

	(void)state;
	secret_hide(text, "pass-word");
	assert_string_equal(text, "bad *********: ********* pass-wor");
	secret_hide(text, "abc"); /* too short to be told from a word */
	secret_hide(text, NULL);
}

static void
test_urls_move(void **state)
{
	struct oauth o = {.token_url = "https://auth.example.org/oauth/token",
	    .authorize_url = "https://auth.example.org/authorize?x=1",
	    .revoke_url = "https://other.example.org/revoke"};
	struct oauth_urls u;
	struct creds c;
	struct err e;

	(void)state;
	setenv("ACME_TOKEN_URL", "http://127.0.0.1:8080/t", 1);
	load(&c);
	assert_int_equal(oauth_urls_init(&u, &o, &c, &e), 0);
	assert_string_equal(u.token, "http://127.0.0.1:8080/t");
	assert_string_equal(u.authorize, "http://127.0.0.1:8080/authorize?x=1");
	assert_string_equal(u.revoke, "https://other.example.org/revoke");
	oauth_urls_release(&u);
	creds_release(&c);
	unsetenv("ACME_TOKEN_URL");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_life),
	    cmocka_unit_test(test_rejected),
	    cmocka_unit_test(test_min_valid),
	    cmocka_unit_test(test_key),
	    cmocka_unit_test(test_aliases),
	    cmocka_unit_test(test_hide),
	    cmocka_unit_test(test_urls_move),
	};
	struct json_object *o = json_tokener_parse(description);
	char command[128];
	int failed;

	if (mkdtemp(dir) == NULL)
		return 1;
	setenv("XDG_STATE_HOME", dir, 1);
	setenv("XDG_CONFIG_HOME", dir, 1);
	setenv("ACME_CLIENT_ID", "id", 1);
	setenv("ACME_CLIENT_SECRET", "secret", 1);
	auth_init(&auth, o);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	auth_release(&auth);
	json_object_put(o);
	snprintf(command, sizeof command, "rm -r %s", dir);
	if (system(command) != 0)
		return 1;
	return failed;
}
