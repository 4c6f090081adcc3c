#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/origin.h"

static char api[32], media[32];

void
origin_set(unsigned api_port, unsigned media_port)
{
	snprintf(api, sizeof api, "http://127.0.0.1:%u", api_port);
	snprintf(media, sizeof media, "http://127.0.0.1:%u", media_port);
}

bool
origin_has(const char *origin, const char *address)
{
	static const char *const names[] = {"127.0.0.1", "localhost"};
	const char *port = strrchr(origin, ':');

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		size_t len = strlen(names[i]);
		if (strncasecmp(address, names[i], len) == 0 &&
		    (strcmp(address + len, port) == 0 ||
		        (address[len] == '\0' && strcmp(port, ":80") == 0)))
			return true;
	}
	return false;
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
