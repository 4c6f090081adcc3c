/*
 * download: fetches a result into a file, whole or not at all.
 *
 * Redirects are followed here, one by one: the account's credentials go to the API's own origin
 * and nowhere else. What breaks off is taken up again where it broke, where the server can say that
 * it is still the same (http/range.h), else from the first byte. Plain http only where the API itself
 * is on loopback.
 */
#ifndef AV_SERVICE_DOWNLOAD_H
#define AV_SERVICE_DOWNLOAD_H

#include "base/outfile.h"
#include "photo/filetype.h"
#include "service/call.h"

struct download_spec {
	struct account *account;
	const char *url;            /* perhaps relative to the API; copied */
	const char *template;       /* of the target's path */
	struct outfile_name name;   /* without ext; its strings outlive the download */
	struct json_object *types;  /* media types that it may have -> extension */
	struct filetype *filetypes; /* borrowed */
	bool force;
	int64_t timeout_ms; /* how long failures are put up with */
};

struct download_result {
	const struct failure *failure; /* NULL: the rest is set */
	bool expired; /* the address no longer holds; ask the service for a new one */
	const char *file, *type, *sha256;
	uint64_t bytes;
};

struct download;
typedef void download_fn(void *arg, const struct download_result *result);

/* fn is called once, on the loop, never from within. */
struct download *download_start(
    struct engine *engine, const struct download_spec *spec, download_fn *fn, void *arg);

/* Ends it soon, with `interrupted`. */
void download_stop(struct download *d);

#endif
