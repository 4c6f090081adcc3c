#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "auth/s3.h"
#include "base/buf.h"
#include "base/mem.h"
#include "http/url.h"

#define SCHEME "s3://"

/* NULL if the variable is not set, or empty. */
static const char *
variable(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && *value != '\0' ? value : NULL;
}

void
s3_init(struct s3 *s, const char *endpoint)
{
	*s = (struct s3){
	    .endpoint = endpoint != NULL ? endpoint : variable("AWS_ENDPOINT_URL_S3"),
	    .region = variable("AWS_REGION")};
	if (s->region == NULL)
		s->region = variable("AWS_DEFAULT_REGION");
	if (s->region == NULL)
		s->region = "us-east-1";
	s->scope = mem_printf("aws:amz:%s:s3", s->region);
	s->signer = (struct http_signer){.scope = s->scope,
	    .key_id = variable("AWS_ACCESS_KEY_ID"),
	    .key = variable("AWS_SECRET_ACCESS_KEY"),
	    .session = variable("AWS_SESSION_TOKEN")};
}

void
s3_release(struct s3 *s)
{
	free(s->scope);
	*s = (struct s3){0};
}

bool
s3_is_url(const char *url)
{
	return strncasecmp(url, SCHEME, strlen(SCHEME)) == 0;
}

/* Appends the key as a path: what the signature is computed over. */
static int
add_key(struct buf *out, const char *key, struct err *e)
{
	for (;; key++) {
		size_t len = strcspn(key, "/");
		char *segment = mem_strn(key, len);
		bool dots = strcmp(segment, ".") == 0 || strcmp(segment, "..") == 0;

		buf_chr(out, '/');
		url_encode(out, segment);
		free(segment);
		if (dots)
			return err_set(e, CODE_URL_REFUSED,
			    "a part of the key is '.' or '..', which a URL cannot have");
		key += len;
		if (*key == '\0')
			return 0;
	}
}

/* Appends the base URL of a bucket. Amazon's certificate fits no name with further dots, so
 * the bucket stands in the path then, as with endpoints of others. */
static void
add_bucket(const struct s3 *s, struct buf *out, const char *bucket)
{
	size_t len = s->endpoint != NULL ? strlen(s->endpoint) : 0;

	while (len > 0 && s->endpoint[len - 1] == '/')
		len--;
	if (s->endpoint != NULL) {
		buf_add(out, s->endpoint, len);
		buf_printf(out, "/%s", bucket);
	} else if (strchr(bucket, '.') != NULL) {
		buf_printf(out, "https://s3.%s.amazonaws.com/%s", s->region, bucket);
	} else {
		buf_printf(out, "https://%s.s3.%s.amazonaws.com", bucket, s->region);
	}
}

char *
s3_resolve(const struct s3 *s, const char *url, struct err *e)
{
	const char *name = url + strlen(SCHEME);
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                          "0123456789.-_");
	struct buf out = {0};
	char *bucket;
	int rc;

	if (len < 3 || *name == '.' || name[len] != '/' || name[len + 1] == '\0') {
		err_set(e, CODE_URL_REFUSED, "not an object: write s3://BUCKET/KEY");
		return NULL;
	}
	if (s->signer.key_id == NULL || s->signer.key == NULL) {
		err_set(e, CODE_NO_CREDENTIALS,
		    "%s is not set; export it to read objects of a store",
		    s->signer.key_id == NULL ? "AWS_ACCESS_KEY_ID"
		                             : "AWS_SECRET_ACCESS_KEY");
		return NULL;
	}
	bucket = mem_strn(name, len);
	add_bucket(s, &out, bucket);
	rc = add_key(&out, name + len + 1, e);
	free(bucket);
	if (rc == 0)
		rc = url_check(out.data, e);
	if (rc == 0)
		return buf_take(&out);
	buf_release(&out);
	return NULL;
}
