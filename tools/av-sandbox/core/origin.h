/*
 * origin: the URLs of the two origins, "http://127.0.0.1:PORT" each.
 */
#ifndef SANDBOX_ORIGIN_H
#define SANDBOX_ORIGIN_H

#include <stdbool.h>

/* The server sets them as soon as it listens. */
void origin_set(unsigned api_port, unsigned media_port);

/* True if "HOST:PORT" is the address of an origin, by one of its names. */
bool origin_has(const char *origin, const char *address);

/* Where the services' calls go. */
const char *origin_api(void);

/* Where the files are that the services made. */
const char *origin_media(void);

#endif
