/*
 * data_url: the bytes that a data: URL holds (RFC 2397).
 */
#ifndef AV_HTTP_DATA_URL_H
#define AV_HTTP_DATA_URL_H

#include <stdbool.h>

#include "http/types.h"

bool data_url_is(const char *url);

/* Gives the bytes to the sink, in pieces. -1 if the URL is damaged or the sink
 * refused. Base64 may be of either alphabet, with white space in it and without
 * its padding. */
int data_url_read(const char *url, http_sink *sink, void *arg);

#endif
