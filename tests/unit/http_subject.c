/* Which object a URL is of: signed URLs of storage services, and URLs that only look so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hex.h"
#include "http/url.h"
#include "ledger/key.h"

#define N(a) (sizeof(a) / sizeof *(a))
#define H    "https://photos.example/ann.jpg"

/* A signed URL, and what is left of it. */
static const char *const is_signed[][2] = {
    /* Amazon S3, version 4: whole, little, beside others, names in other cases */
    {H "?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIA%2F20261127%2Feu%2Fs3"
       "%2Faws4_request&X-Amz-Date=20261127T010000Z&X-Amz-Expires=900"
       "&X-Amz-SignedHeaders=host&X-Amz-Security-Token=IQo%3D&X-Amz-Signature=0af3",
        H},
    {H "?X-Amz-Date=20261127T010000Z&X-Amz-Signature=0af3", H},
    {H "?versionId=3/L4&X-Amz-Date=1&X-Amz-Signature=0af3", H "?versionId=3/L4"},
    {H "?X-Amz-Date=1&versionId=3&X-Amz-Signature=0af3&w=2", H "?versionId=3&w=2"},
    {H "?x-amz-date=1&x-amz-signature=0af3", H},
    {H "?X%2DAmz-Date=1&X-Amz-S%69gnature=0af3", H},
    {H "?X-Amz-Signature=0af3#top", H "#top"},
    {"http://127.0.0.1:9000/b/ann.jpg?X-Amz-Signature=0af3&X-Amz-Date=1",
        "http://127.0.0.1:9000/b/ann.jpg"},
    /* version 2 */
    {H "?AWSAccessKeyId=AKIA&Expires=1798000000&Signature=vjb%2Byk%3D", H},
    {H "?AWSAccessKeyId=AKIA&Signature=v&Expires=1&x-amz-security-token=t&a=b", H "?a=b"},
    /* CloudFront, with a canned policy and with its own */
    {H "?color=red&Expires=1798&Signature=nit~_&Key-Pair-Id=K2J&Hash-Algorithm=SHA256",
        H "?color=red"},
    {H "?Policy=eyA_&Signature=nit~_&Key-Pair-Id=K2J", H},
    /* Google, version 4 and 2 */
    {H "?X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Credential=a%40b&X-Goog-Date=1"
       "&X-Goog-Expires=900&X-Goog-SignedHeaders=host&X-Goog-Signature=24",
        H},
    {H "?generation=17&X-Goog-Date=1&X-Goog-Signature=24", H "?generation=17"},
    {H "?GoogleAccessId=a%40b&Expires=1798&Signature=Xq%2F", H},
    /* Azure: for a blob, for an account, of a user, by a policy */
    {H "?sv=2022-11-02&st=1&se=2026-11-28T00%3A00Z&sr=b&sp=r&spr=https&sig=a%3D", H},
    {H "?sv=2022-11-02&ss=b&srt=o&sp=r&se=2&st=1&spr=https&sig=a%3D", H},
    {H "?sp=r&st=1&se=2&skoid=o&sktid=t&skt=1&ske=2&sks=b&skv=2022-11-02&sv=2022-11-02"
       "&sr=b&sig=a%3D",
        H},
    {H "?snapshot=2026-11-27&sv=2022-11-02&si=readers&sr=b&sig=a",
        H "?snapshot=2026-11-27"},
    /* Alibaba, version 4 and 1; x-oss-process makes another picture */
    {H "?x-oss-signature-version=OSS4-HMAC-SHA256&x-oss-credential=L&x-oss-date=1"
       "&x-oss-expires=9&x-oss-additional-headers=host&x-oss-signature=70c5",
        H},
    {H "?x-oss-process=image/resize,w_9&x-oss-credential=L&x-oss-signature=70c5",
        H "?x-oss-process=image/resize,w_9"},
    {H "?OSSAccessKeyId=L&Expires=1798&Signature=EyN%3D&security-token=CAIS", H},
    /* Tencent, Huawei */
    {H "?q-sign-algorithm=sha1&q-ak=A&q-sign-time=1;2&q-key-time=1;2&q-header-list=host"
       "&q-url-param-list=&q-signature=9f&x-cos-security-token=t",
        H},
    {H "?AccessKeyId=H&Expires=1798&Signature=ab&x-obs-security-token=t", H},
};

/* What stays as it is: no signature, or only a part of one. */
static const char *const not_signed[] = {H, H "?", H "?w=640&h=480",
    H "#X-Amz-Signature=1", H "?&&", H "?=X-Amz-Signature", H "?X-Amz-Signature2=1&a",
    H "?X-Amz-Date=1", H "?q=X-Amz-Signature", H "?Expires=1&Signature=2", H "?Expires=1",
    H "?sp=r&sv=3", H "?sig=1&sv=2", H "?sig=a&sp=b", H "?st=1&se=2&sr=b",
    H "?Key-Pair-Id=K&Signature=s", H "?Policy=p&Signature=s",
    H "?GoogleAccessId=g&Signature=s", H "?x-oss-signature=1",
    H "?AWSAccessKeyId=a&Expires=1", H "?q-ak=1", H "?token=abc&Expires=5", H "?%00=1",
    "ann.jpg", ""};

static void
signatures_are_left_out(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < N(is_signed); i++) {
		char *object = url_subject(is_signed[i][0], false);

		assert_string_equal(object, is_signed[i][1]);
		free(object);
	}
}

static void
other_urls_stay(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < N(not_signed); i++) {
		char *object = url_subject(not_signed[i], false);
		char *exact = url_subject(not_signed[i], true);

		assert_string_equal(object, not_signed[i]);
		assert_string_equal(exact, not_signed[i]);
		free(object);
		free(exact);
	}
}

static void
exact_keeps_apart_without_the_secret(void **unused)
{
	char *a = url_subject(H "?w=1&X-Amz-Date=1&X-Amz-Signature=secret1", true);
	char *b = url_subject(H "?w=1&X-Amz-Date=2&X-Amz-Signature=secret2", true);

	(void)unused;
	assert_string_not_equal(a, b);
	assert_memory_equal(a, H "?w=1#sha256=", strlen(H "?w=1#sha256="));
	assert_null(strstr(a, "secret"));
	assert_null(strstr(b, "secret"));
	free(a);
	free(b);
}

/* Known hashes: were they to change, requests would be paid for again. */
static void
keys_stay(void **unused)
{
	static const char *const urls[][2] = {
	    {H "?w=640&Expires=5",
	        "60d7ec5d3f9da88dfd7eded92cd2ce7fe1332a1592fe99903d34bb44e6bb4a4c"},
	    {H "?X-Amz-Date=1&X-Amz-Signature=0af3",
	        "ab220ea5fa15bbc56fdf682beaba8e6464ea7a42155ceaf4d1ead8f92b1f4250"},
	    {H, "ab220ea5fa15bbc56fdf682beaba8e6464ea7a42155ceaf4d1ead8f92b1f4250"},
	};

	(void)unused;
	for (size_t i = 0; i < N(urls); i++) {
		char *object = url_subject(urls[i][0], false);
		struct ledger_key key = {.operation = "create",
		    .provider = "anam",
		    .base = "https://api.anam.ai/v1",
		    .account = "",
		    .subject = object};
		unsigned char hash[LEDGER_KEY_HASH];
		char hex[2 * LEDGER_KEY_HASH + 1];

		ledger_key_hash(&key, "{}", hash);
		hex_of(hex, hash, sizeof hash);
		assert_string_equal(hex, urls[i][1]);
		free(object);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(signatures_are_left_out),
	    cmocka_unit_test(other_urls_stay),
	    cmocka_unit_test(exact_keeps_apart_without_the_secret),
	    cmocka_unit_test(keys_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
