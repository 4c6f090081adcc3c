/*
 * probe: asks services whether they accept credentials, each by one free
 * request: the operation that its description names (auth.check). If it has an
 * operation `quota`, another one asks what is left.
 */
#ifndef AV_SERVICE_PROBE_H
#define AV_SERVICE_PROBE_H

#include "service/account.h"

/* The caller sets the first two, and zeroes the rest. */
struct probe {
	const char *provider; /* borrowed */
	bool offline; /* send nothing: find out what needs no response */
	/* The result. CODE_NONE: the service accepts the credentials;
	 * not_offered: the description names no operation to ask by. */
	struct err err;
	char *asked; /* "GET https://api.example.org/v1/avatars" */
	char *quota; /* "plan free, credits 120"; NULL: it is not told */
	enum config_source url_from, label_from;
	char *base_url; /* NULL: there is no account, and err says why */
	const char *label;
	bool clock_known;
	int64_t clock_offset; /* as in service/account.h, in ms */
};

/* Asks all at the same time, and returns when all have answered, after at most
 * PROBE_MS and a last response. Passing trouble is tried again until then. */
#define PROBE_MS 3000
void probe_all(
    struct probe *probes, size_t n, const struct account_options *options);

void probe_release(struct probe *p);

#endif
