#include <stdio.h>

#include "core/origin.h"

static char api[32], media[32];

void
origin_set(unsigned api_port, unsigned media_port)
{
	snprintf(api, sizeof api, "http://127.0.0.1:%u", api_port);
	snprintf(media, sizeof media, "http://127.0.0.1:%u", media_port);
}

const char *
origin_api(void)
{
	return api;
}

const char *
origin_media(void)
{
	return media;
}
