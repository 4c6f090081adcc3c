/*
 * photo_limits: what a provider's description says about photos, in the form that check.h takes.
 */
#ifndef AV_PROVIDER_LIMITS_H
#define AV_PROVIDER_LIMITS_H

#include "photo/limits.h"
#include "provider/provider.h"

/* Holds the lists that image points to; texts are the provider's. */
struct photo_limits {
	struct image_limits image;
	const char **types;
	struct aspect *aspects;
};

void photo_limits_init(struct photo_limits *l, const struct provider *p);
void photo_limits_release(struct photo_limits *l);

#endif
