#include <curl/curl.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/sha256.h"
#include "http/url.h"

#define AZURE                                                                            \
	"st se sp si sip spr sr ss srt sdd ses skoid sktid skt ske sks skv saoid suoid " \
	"scid"
#define OSS "security-token"
#define OSS4                                                                             \
	"x-oss-signature-version x-oss-date x-oss-expires x-oss-additional-headers "     \
	"x-oss-security-token"
#define COS                                                                              \
	"q-sign-algorithm q-sign-time q-key-time q-header-list q-url-param-list "        \
	"x-cos-security-token"

/* How storage services sign the query of a URL. A scheme is recognized by all the
 * parameters of `needed`, since a site may mean something of its own by `Expires` or
 * `sp`. No prefix `x-oss-*`: x-oss-process makes another picture. */
static const struct scheme {
	const char *needed[3];
	const char
	    *others; /* optional parameters; `*` at the end: all with this prefix */
} schemes[] = {
    {{"X-Amz-Signature"}, "X-Amz-*"}, /* Amazon S3, version 4 */
    {{"AWSAccessKeyId", "Signature", "Expires"}, "x-amz-security-token"}, /* 2 */
    {{"Key-Pair-Id", "Signature", "Expires"}, "Hash-Algorithm"},          /* CloudFront */
    {{"Key-Pair-Id", "Signature", "Policy"}, "Hash-Algorithm"},
    {{"X-Goog-Signature"}, "X-Goog-*"}, /* Google Cloud Storage, version 4 */
    {{"GoogleAccessId", "Signature", "Expires"}, ""}, /* 2 */
    {{"sv", "sig", "sp"}, AZURE}, /* Azure: permissions in the URL, or in a policy */
    {{"sv", "sig", "si"}, AZURE},
    {{"x-oss-signature", "x-oss-credential"}, OSS4},   /* Alibaba OSS, version 4 */
    {{"OSSAccessKeyId", "Signature", "Expires"}, OSS}, /* 1 */
    {{"q-signature", "q-ak"}, COS},                    /* Tencent COS */
    {{"AccessKeyId", "Signature", "Expires"}, "x-obs-security-token"}, /* Huawei OBS */
};

#define N(a) (sizeof(a) / sizeof *(a))

/* The end of the query parameter at s. */
static const char *
parameter_end(const char *s)
{
	return s + strcspn(s, "&#");
}

/* Whether the parameter at s has this name, or begins with it if it ends in `*`. */
static bool
is_named(const char *s, const char *name, size_t len)
{
	bool prefix = len > 0 && name[len - 1] == '*';
	char *own = curl_easy_unescape(NULL, s, (int)strcspn(s, "=&#"), NULL);
	bool same = own != NULL && strncasecmp(own, name, prefix ? len - 1 : len) == 0 &&
	            (prefix || own[len] == '\0');

	curl_free(own);
	return same;
}

static bool
has_parameter(const char *query, const char *name)
{
	for (const char *s = query;; s++) {
		if (is_named(s, name, strlen(name)))
			return true;
		s = parameter_end(s);
		if (*s != '&')
			return false;
	}
}

/* The scheme that signed the query; NULL: none that is known. */
static const struct scheme *
scheme_of(const char *query)
{
	for (size_t i = 0; i < N(schemes); i++) {
		const char *const *needed = schemes[i].needed;
		size_t n = 0;

		while (n < N(schemes[i].needed) && needed[n] != NULL &&
		       has_parameter(query, needed[n]))
			n++;
		if (n == N(schemes[i].needed) || needed[n] == NULL)
			return &schemes[i];
	}
	return NULL;
}

static bool
belongs(const struct scheme *scheme, const char *parameter)
{
	for (size_t i = 0; i < N(scheme->needed) && scheme->needed[i] != NULL; i++)
		if (is_named(parameter, scheme->needed[i], strlen(scheme->needed[i])))
			return true;
	for (const char *s = scheme->others; *s != '\0';) {
		size_t len = strcspn(s, " ");

		if (is_named(parameter, s, len))
			return true;
		s += len + strspn(s + len, " ");
	}
	return false;
}

char *
url_subject(const char *url, bool exact)
{
	const char *query = url + strcspn(url, "?#");
	const struct scheme *scheme = *query == '?' ? scheme_of(query + 1) : NULL;
	char first = '?', hex[SHA256_HEX];
	struct sha256 sha;
	struct buf out = {0};

	if (scheme == NULL)
		return mem_str(url);
	buf_add(&out, url, (size_t)(query - url));
	while (*query == '?' || *query == '&') {
		const char *parameter = query + 1;

		query = parameter_end(parameter);
		if (belongs(scheme, parameter))
			continue;
		buf_chr(&out, first);
		buf_add(&out, parameter, (size_t)(query - parameter));
		first = '&';
	}
	buf_str(&out, query);
	if (exact) {
		sha256_init(&sha);
		sha256_add(&sha, url, strlen(url));
		sha256_hex(&sha, hex);
		buf_printf(&out, "#sha256=%s", hex);
	}
	return buf_take(&out);
}
