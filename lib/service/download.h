/*
 * download: fetches a result, or a photo by its URL, into a file, whole or not
 * at all.
 *
 * Redirects are followed one by one. The account's credentials go to the API's
 * own origin and nowhere else. Plain http is allowed only if the API itself is
 * on loopback, and a host with a private or special address (http/address.h)
 * only if the API has such an address.
 *
 * A photo has no account. Each address on its way is asked at the pace of its
 * host (accounts_host), which also says if it may be private. An object of a
 * store is asked for with a signature, at the store's own origin and nowhere
 * else; that address may be private, because the user configured it.
 *
 * A data: URL is the file itself: its bytes are decoded and judged like those
 * of a response.
 *
 * A transfer that breaks off is resumed if the server proves that the file is
 * still the same (http/range.h), else it begins again.
 *
 * Nothing is written beyond max_bytes. A file is kept only if it is whole by
 * its own format (image/whole.h); else it is fetched again from the first byte,
 * at most four times.
 */
#ifndef AV_SERVICE_DOWNLOAD_H
#define AV_SERVICE_DOWNLOAD_H

#include "base/outname.h"
#include "photo/filetype.h"
#include "service/call.h"

struct download_spec {
	struct account *account; /* NULL: of a photo */
	/* May be relative to the API, of a photo not. Copied. */
	const char *url;
	/* Signs requests to the origin of url; NULL: nobody. */
	const struct http_signer *signer;
	/* Of the file's path. NULL: into a private file (base/outfile.h) of any
	 * type, perhaps damaged; its descriptor is in the result. */
	const char *template;
	/* Without ext. Its strings outlive the download. */
	struct outname name;
	struct json_object *types;  /* media type -> file extension */
	struct filetype *filetypes; /* borrowed */
	bool force;
	/* After it a failure is final. Of a photo it begins with the first
	 * request. */
	int64_t timeout_ms;
	/* 0: 4 GiB if a type is of video, 64 MiB if all are of pictures, else
	 * 256 MiB. */
	uint64_t max_bytes;
	const char *sha256; /* that the file must have; NULL: any */
};

struct download_result {
	const struct failure *failure; /* NULL: the rest is set */
	bool expired; /* the URL has expired; the service has a new one */
	const char *file, *type, *sha256;
	uint64_t bytes;
	int fd; /* private: borrowed for the call */
};

struct download;
typedef void download_fn(void *arg, const struct download_result *result);

/* fn is called once, on the loop, never from within. */
struct download *download_start(struct engine *engine,
    const struct download_spec *spec, download_fn *fn, void *arg);

/* Ends it soon, with `interrupted`. */
void download_stop(struct download *d);

#endif
