/*
 * limits: what a description says about photos, in the form of photo/limits.h.
 */
#ifndef AV_PROVIDER_LIMITS_H
#define AV_PROVIDER_LIMITS_H

#include "photo/limits.h"
#include "provider/provider.h"

/* Owns the lists that image points to; the provider owns the strings. */
struct provider_limits {
	struct image_limits image;
	const char **types;
	struct aspect *aspects;
};

void provider_limits_init(struct provider_limits *l, const struct provider *p);
/* The same for what the service advises; without advice there are no limits. */
void provider_advice_init(struct provider_limits *l, const struct provider *p);
void provider_limits_release(struct provider_limits *l);

#endif
