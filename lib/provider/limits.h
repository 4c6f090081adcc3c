/*
 * limits: what a provider's description says about photos, in the form that photo/limits.h takes.
 */
#ifndef AV_PROVIDER_LIMITS_H
#define AV_PROVIDER_LIMITS_H

#include "photo/limits.h"
#include "provider/provider.h"

/* Holds the lists that image points to; texts are the provider's. */
struct provider_limits {
	struct image_limits image;
	const char **types;
	struct aspect *aspects;
};

void provider_limits_init(struct provider_limits *l, const struct provider *p);
void provider_limits_release(struct provider_limits *l);

#endif
