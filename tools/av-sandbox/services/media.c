/*
 * The media origin: files that are drawn when a client gets them, at URLs that are signed
 * and expire. No credential may be sent to it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "core/origin.h"
#include "core/stats.h"
#include "services/draw.h"
#include "services/services.h"

enum { CACHED = 16, SIG = 32 };

/* The files that were drawn last, so that a request for a range need not draw again. */
static struct cached {
	char *path;
	const char *type;
	struct buf data;
	char etag[SHA256_HEX];
} cache[CACHED];
static unsigned cache_next;

static void
sign(const char *path, const char *expires, char out[SHA256_HEX])
{
	char *key = mem_printf("media %llu", (unsigned long long)opts.seed);
	char *text = mem_printf("%s %s", path, expires);

	hmac_hex(key, text, out);
	out[SIG] = '\0';
	free(text);
	free(key);
}

void
media_url(
    struct json_object *o, const char *name, const struct sb_item *it, const char *what)
{
	char *path, *url, expires[24], sig[SHA256_HEX];

	if (what == NULL) {
		obj_text(o, name, NULL);
		return;
	}
	path = mem_printf("/%s/%s/%s", service_names[it->service], it->id, what);
	snprintf(expires, sizeof expires, "%lld",
	    (long long)(clock_unix_ms() / 1000 + opts.url_life));
	sign(path, expires, sig);
	url = mem_printf("%s%s?expires=%s&sig=%s", origin_media(), path, expires, sig);
	obj_text(o, name, url);
	free(url);
	free(path);
}

static bool
signature_holds(struct req *r)
{
	const char *expires = req_query(r, "expires"), *sig = req_query(r, "sig");
	char wanted[SHA256_HEX];

	if (expires == NULL || sig == NULL || r->query.n != 2)
		return false;
	sign(r->path, expires, wanted);
	return strcmp(sig, wanted) == 0 &&
	       strtoll(expires, NULL, 10) * 1000 > clock_unix_ms();
}

/* The item of a path "/SERVICE/ID/WHAT"; *what points into the path. */
static struct sb_item *
item_at(enum service_no service, const char *path, const char **what)
{
	const char *id = strchr(path + 1, '/') + 1, *slash = strchr(id, '/');
	struct sb_item *it = NULL;
	char *copy;

	if (slash == NULL)
		return NULL;
	copy = mem_strn(id, (size_t)(slash - id));
	for (int kind = 0; kind < ITEM_KINDS && it == NULL; kind++)
		it = state_find(service, (enum item_kind)kind, copy);
	free(copy);
	*what = slash + 1;
	return it;
}

static struct cached *
file_at(enum service_no service, const char *path)
{
	struct cached *c;
	struct sb_item *it;
	const char *what;

	for (int i = 0; i < CACHED; i++)
		if (cache[i].path != NULL && strcmp(cache[i].path, path) == 0)
			return &cache[i];
	it = item_at(service, path, &what);
	if (it == NULL)
		return NULL;
	c = &cache[cache_next++ % CACHED];
	free(c->path);
	c->path = NULL;
	buf_clear(&c->data);
	c->type = draw(it, what, &c->data);
	if (c->type == NULL)
		return NULL;
	c->path = mem_str(path);
	digest_hex(c->data.data, c->data.len, c->etag);
	c->etag[SIG] = '\0';
	return c;
}

/* Answers with one range of bytes (206), without any (416), or with all of them. */
static void
answer_file(struct req *r, const struct cached *c)
{
	const char *range = req_header(r, "Range"),
	           *condition = req_header(r, "If-Range");
	long long from = 0, to = (long long)c->data.len - 1, last = to;
	char quoted[SHA256_HEX + 2], extra;
	unsigned status = 200;

	snprintf(quoted, sizeof quoted, "\"%s\"", c->etag);
	if (range != NULL && (condition == NULL || strcmp(condition, quoted) == 0)) {
		if (sscanf(range, "bytes=-%lld%c", &from, &extra) == 1) {
			from = from > to ? 0 : to + 1 - from;
			status = 206;
		} else if (sscanf(range, "bytes=%lld-%lld%c", &from, &to, &extra) == 2 ||
		           sscanf(range, "bytes=%lld-%c", &from, &extra) == 1) {
			to = to > last ? last : to;
			status = 206;
		}
		if (status == 206 && (from > to || from < 0))
			status = 416;
	}
	req_answer(r, status);
	req_answer_header(r, "ETag", "%s", quoted);
	req_answer_header(r, "Accept-Ranges", "bytes");
	if (status == 416) {
		req_answer_header(r, "Content-Range", "bytes */%lld", last + 1);
		return;
	}
	r->answer.type = c->type;
	buf_add(&r->answer.body, c->data.data + from, (size_t)(to - from + 1));
	if (status == 206)
		req_answer_header(
		    r, "Content-Range", "bytes %lld-%lld/%lld", from, to, last + 1);
}

/* The service that the path's first segment names, or -1. */
static int
service_of(const char *path)
{
	const char *slash = path != NULL ? strchr(path + 1, '/') : NULL;

	return slash != NULL ? service_no(path + 1, (size_t)(slash - path - 1)) : -1;
}

static void
serve_file(struct req *r, enum service_no service)
{
	struct cached *c;

	if (strcmp(r->method, "GET") != 0 && strcmp(r->method, "HEAD") != 0)
		req_answer(r, 405);
	else if (!signature_holds(r))
		req_answer(r, 403);
	else if ((c = file_at(service, r->path)) == NULL)
		req_answer(r, 404);
	else
		answer_file(r, c);
}

static void
media_serve(struct req *r)
{
	int service = service_of(r->path);
	bool leaked = req_header(r, "Authorization") != NULL ||
	              req_header(r, "x-api-key") != NULL ||
	              req_header(r, "Cookie") != NULL;
	const struct fault *f;

	if (leaked)
		stats_credentials_on_media(
		    service < 0 ? OTHER : (enum service_no)service);
	if (service < 0) {
		req_answer(r, 404);
		return;
	}
	req_count(r, (enum service_no)service, MEDIA);
	f = r->fault;
	r->fault_hit = f != NULL;
	if (f != NULL && f->kind == FAULT_STATUS) {
		req_answer(r, f->status);
		return;
	}
	if (f == NULL || f->after)
		serve_file(r, r->counted_as);
	else
		req_answer(r, 0);
	r->answer.fault = f;
}

const struct service media_service = {
    .no = OTHER,
    .name = "media",
    .serve = media_serve,
};

void
media_free(void)
{
	for (int i = 0; i < CACHED; i++) {
		free(cache[i].path);
		buf_release(&cache[i].data);
	}
}
