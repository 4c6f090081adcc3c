/*
 * s3: objects of Amazon S3 and its like: their URLs, and the keys that sign the
 * requests for them.
 *
 * Keys, region and endpoint come from the variables of AWS's own programs:
 * AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION or
 * AWS_DEFAULT_REGION, AWS_ENDPOINT_URL_S3. The profiles in ~/.aws are not read.
 *
 * Sources: AWS's "Signature Version 4 signing process" and "Virtual hosting of
 * buckets"; the signature itself is libcurl's.
 */
#ifndef AV_AUTH_S3_H
#define AV_AUTH_S3_H

#include <stdbool.h>

#include "base/err.h"
#include "http/types.h"

struct s3 {
	struct http_signer signer;
	const char *endpoint; /* base URL; NULL: Amazon's */
	const char *region;
	char *scope;
};

/* endpoint: of an option, or NULL; borrowed. */
void s3_init(struct s3 *s, const char *endpoint);
void s3_release(struct s3 *s);

/* True for "s3://...". */
bool s3_is_url(const char *url);

/* The https URL of s3://BUCKET/KEY, to be signed with s->signer. The caller
 * frees it. NULL: url_refused, or no_credentials. */
char *s3_resolve(const struct s3 *s, const char *url, struct err *e);

#endif
