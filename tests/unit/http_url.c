/* URLs: which are accepted, resolved, written in one spelling, or hold their data. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "http/data_url.h"
#include "http/link.h"
#include "http/url.h"

static void
links(void **unused)
{
	static const char *const all[][3] = {{"</a>; rel=next", "next", "/a"},
	    {"</a>;rel=\"prev next\"", "next", "/a"}, {"</a>; REL=NEXT", "next", "/a"},
	    {"</a>; rel=prev, </b>; rel=next", "next", "/b"},
	    {"</a,b>; title=\"x, <y>; rel=next\"; rel=prev , <c>; rel=next", "next", "c"},
	    {"</a>; title=\"\\\"\"; rel=next", "next", "/a"},
	    {"</a>; rel=prev; rel=next", "next", NULL},
	    {"</a>; rel=nextish", "next", NULL}, {"</a>; rel", "next", NULL},
	    {"</a>; rel=\"next", "next", "/a"}, {"</a; rel=next", "next", NULL},
	    {"rel=next", "next", NULL}, {"", "next", NULL}, {"<>; rel=next", "next", ""},
	    {"</a>, </b>;rel = next", "next", "/b"}, {"</a>; rel=\"", "next", NULL}};

	(void)unused;
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		char *got = link_target(all[i][0], all[i][1]);

		if (all[i][2] == NULL)
			assert_null(got);
		else
			assert_string_equal(got, all[i][2]);
		free(got);
	}
}

static void
urls(void **unused)
{
	static const char *const good[] = {"https://api.example.com/v1",
	    "http://127.0.0.1:8080/", "http://127.9.9.9/", "http://localhost/x",
	    "http://[::1]:80/", "HTTPS://EXAMPLE.com"};
	static const char *const bad[] = {"http://example.com/", "ftp://example.com/",
	    "http://127.0.0.1.example.com/", "http://localhost.example.com/",
	    "file:///etc/passwd", "https://user:pw@example.com/",
	    "https://user@example.com/", "", "example", "user:pw@localhost:80",
	    "http://[::2]/", "http://128.0.0.1/", "https://"};
	/* Without a scheme: the one that is missing. */
	static const char *const bare[][2] = {{"localhost:8080", "http://localhost:8080"},
	    {"127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1"},
	    {"[::1]:80", "http://[::1]:80"},
	    {"api.example.com", "https://api.example.com"},
	    {"api.example.com:443/v1", "https://api.example.com:443/v1"}};
	struct err e;
	char *s;

	(void)unused;
	for (size_t i = 0; i < sizeof bare / sizeof *bare; i++) {
		assert_int_equal(url_check(bare[i][0], &e), -1);
		assert_string_equal(strstr(e.message, "write ") + 6, bare[i][1]);
	}
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_int_equal(url_check(good[i], &e), 0);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(url_check(bad[i], &e), -1);
		assert_int_equal(e.code, CODE_URL_REFUSED);
		assert_null(strstr(e.message, "pw"));
	}
	assert_true(url_same_origin("https://a.com/x", "HTTPS://A.com:443/y?z"));
	assert_false(url_same_origin("https://a.com/", "https://a.com:8443/"));
	assert_false(url_same_origin("https://a.com/", "http://a.com/"));
	assert_false(url_same_origin("https://a.com/", "https://a.com.evil.org/"));
	assert_false(url_same_origin("nonsense", "nonsense"));
	s = url_resolve("https://a.com/v1/x?y=1", "/z/../w?q=%20");
	assert_string_equal(s, "https://a.com/w?q=%20");
	free(s);
	s = url_resolve("https://a.com/v1/x", "https://b.org/p");
	assert_string_equal(s, "https://b.org/p");
	free(s);
	s = url_resolve("https://a.com/v1/x", "y");
	assert_string_equal(s, "https://a.com/v1/y");
	free(s);
	s = url_resolve("https://a.com/v1/x", "//c.net/y");
	assert_string_equal(s, "https://c.net/y");
	free(s);
	s = url_resolve(
	    "https://a.com/v1/x", "\t https://b.org/my face.png?n=J\xc3\xb6rg%20\r\n");
	assert_string_equal(s, "https://b.org/my%20face.png?n=J%C3%B6rg%20");
	free(s);
	s = url_resolve("https://a.com/v1/x", " two words\x01");
	assert_string_equal(s, "https://a.com/v1/two%20words");
	free(s);
	assert_null(url_resolve("nonsense of no use", "y"));
	assert_null(url_resolve("https://a.com/", "https://b c.org/"));
	assert_null(url_resolve("https://a.com/", "data:text/plain,x"));
}

/* Fails when the buffer is full. */
static bool
sink(void *arg, uint64_t offset, const char *data, size_t len)
{
	struct buf *b = arg;

	(void)offset;
	buf_add(b, data, len);
	return !b->full;
}

static void
data_urls(void **unused)
{
	static const struct {
		const char *url, *bytes; /* NULL: damaged */
	} all[] = {{"data:text/plain;base64,aGVsbG8=", "hello"},
	    {"DATA:;BASE64,aGVsbG8", "hello"},
	    {"data:image/png;name=a;base64,aGVs\r\n bG8=\n", "hello"},
	    {"data:;base64,aGVsbG8%3D#top", "hello"},
	    {"data:;base64,Pz8_-w==", "??\x3f\xfb"}, {"data:,a%20b%2", "a b%2"},
	    {"data:,", ""}, {"data:;base64,", ""}, {"data:;base64,aGVsbG8=x", NULL},
	    {"data:;base64,aGVs!G8=", NULL}, {"data:;base64,aGVsb", NULL},
	    {"data:;base64", NULL}};
	struct buf got;

	(void)unused;
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		int rc;

		buf_init(&got, 100);
		buf_add(&got, "", 0);
		rc = data_url_read(all[i].url, sink, &got);
		if ((rc == 0) != (all[i].bytes != NULL) ||
		    (rc == 0 && strcmp(got.data, all[i].bytes) != 0))
			fail_msg("%s: %d %s", all[i].url, rc, got.data);
		buf_release(&got);
	}
	buf_init(&got, 3);
	assert_int_equal(data_url_read("data:,four", sink, &got), -1);
	assert_true(data_url_is("Data:x"));
	assert_false(data_url_is("database:x"));
	assert_false(data_url_is(NULL));
	buf_release(&got);
}

static void
canonical_urls(void **unused)
{
	static const struct {
		const char *url, *canonical;
	} all[] = {{"https://api.example/v1", "https://api.example/v1"},
	    {"https://api.example", "https://api.example"},
	    {"https://api.example/v1//", "https://api.example/v1"},
	    {"HTTPS://API.Example:443/V1", "https://api.example/V1"},
	    {"https://api.example:8443/v1", "https://api.example:8443/v1"},
	    {"http://127.1:80/v1", "http://127.0.0.1/v1"},
	    {"http://2130706433:8/v1", "http://127.0.0.1:8/v1"},
	    {"http://0x7f.1/v1", "http://127.0.0.1/v1"},
	    {"https://a.com:08443/v1", "https://a.com:8443/v1"},
	    {"http://a.com:80/v1", "http://a.com/v1"},
	    {"https://a.com/v1/x/..", "https://a.com/v1"},
	    {"https://a.com/x/../v1/./y", "https://a.com/v1/y"},
	    {"https://a.com/x/%2e%2E/v1", "https://a.com/v1"},
	    {"https://a.com/%61vatars%2d%7E", "https://a.com/avatars-~"},
	    {"https://a.com/a%2fb%3a%zz%4", "https://a.com/a%2Fb%3A%zz%4"},
	    {"https://a.com/%00%c3%A9", "https://a.com/%00%C3%A9"},
	    {"https://%41.com/", "https://a.com"},
	    {"https://[::1]:443/x/", "https://[::1]/x"},
	    {"nonsense of no use/", "nonsense of no use"}, {"", ""}};

	(void)unused;
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		char *once = url_canonical(all[i].url), *twice = url_canonical(once);

		assert_string_equal(once, all[i].canonical);
		assert_string_equal(twice, once);
		free(once);
		free(twice);
	}
}

/* What can be told of a URL without libcurl. */
static void
whole_urls(void **unused)
{
	static const char *const whole[] = {"https://a", "HTTP://a/b?c#d",
	    "s3+x://bucket/key", "https://[::1]/", "https://j\xc3\xb6rg.example/"};
	static const char *const broken[] = {"", "https", "https:", "https:/a",
	    "https://", "https:///a", "https://?a", "https://#", "https://:80/",
	    "https://@a", "https://a b", "https://a\t", "https://a\x7f", "://a",
	    "a/b://c", "data:,x"};

	(void)unused;
	for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
		assert_true(url_is_whole(whole[i]));
	for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
		assert_false(url_is_whole(broken[i]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(urls),
	    cmocka_unit_test(links), cmocka_unit_test(data_urls),
	    cmocka_unit_test(canonical_urls), cmocka_unit_test(whole_urls)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
