#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/outfile.h"
#include "http/data_url.h"
#include "http/range.h"
#include "http/url.h"
#include "provider/answer.h"
#include "service/download.h"
#include "json/json.h"

#define MAX_HOPS 5
#define BAD_MAX  4

struct download {
	struct attempt attempt;
	struct download_spec spec;
	download_fn *fn;
	void *arg;
	char *url;
	char *origin;         /* where the signer's signature goes, or NULL */
	struct account *host; /* of the url at hand, of a photo */
	unsigned hops;
	struct http_header headers[2]; /* of the request at hand */
	struct range resume;
	const char *objection; /* to the range at hand */
	uint64_t asked;        /* the byte that the request at hand begins with */
	uint64_t reached;      /* the most bytes there ever were */
	bool came;             /* bytes of the answer at hand */
	bool too_large;
	unsigned bad; /* whole answers that were no result */
	int64_t deadline;
	int write_errno;
	struct outfile target;
	struct keeping keeping;
	char *type;      /* of the file */
	struct buf path; /* its final one, or empty */
	char sha256[SHA256_HEX];
	int http_status; /* of the answer that it came with */
	struct download_result result;
};

static void
finish(void *arg)
{
	struct download *d = arg;

	if (d->attempt.failure.err.code != CODE_NONE)
		d->result.failure = &d->attempt.failure;
	d->fn(d->arg, &d->result);
	attempt_release(&d->attempt);
	if (d->host != NULL)
		account_leave_host(d->host);
	outfile_close(&d->target);
	range_clear(&d->resume);
	buf_release(&d->path);
	free(d->type);
	free(d->origin);
	free(d->url);
	free(d);
}

static void
fail_to_write(struct download *d)
{
	struct err e;

	err_set(&e, CODE_TARGET_UNWRITABLE, "cannot write '%s':",
	    d->target.part != NULL ? d->target.part : "a private file");
	failure_set(&d->attempt.failure, &e, NULL);
	finish(d);
}

/* Sets the failure that the download ends with if nothing better follows. */
static void
blame(struct download *d, const char *why, int http_status)
{
	struct failure *f = &d->attempt.failure;

	err_set(&f->err, CODE_DOWNLOAD_FAILED, "the %s could not be fetched: %s",
	    d->spec.account != NULL ? "result" : "photo", why);
	f->http_status = http_status;
}

/* Ends with a failure. The service has a new result for another run, but a photo stays
 * what it is: then the failure has this code. */
static void
give_up(struct download *d, enum code of_photo, const char *why, int http_status)
{
	blame(d, why, http_status);
	if (d->spec.account == NULL)
		d->attempt.failure.err.code = of_photo;
	finish(d);
}

/* True if the request at hand is signed. */
static bool
is_signed(const struct download *d)
{
	return d->origin != NULL && url_same_origin(d->url, d->origin);
}

static bool
may_be_local(const struct download *d)
{
	return is_signed(d) || account_may_be_local(d->attempt.account);
}

/* Makes the host of a photo's URL the account of the next attempt. */
static void
choose_host(struct download *d)
{
	struct account *before = d->host;

	if (d->spec.account != NULL)
		return;
	d->host = accounts_host(d->attempt.engine->accounts, d->url);
	d->attempt.account = d->host;
	if (before != NULL)
		account_leave_host(before);
}

/* Tries again: after the wait that the server asked for, else with backoff. */
static void
again(struct download *d, const char *why, int http_status, int64_t asked_ms)
{
	/* Progress resets the backoff: a bad line that moves on need not wait longer. */
	if (d->target.len > d->reached) {
		d->reached = d->target.len;
		d->attempt.failed = 0;
	}
	blame(d, why, http_status);
	attempt_back_off(&d->attempt, asked_ms);
}

/* A whole response that cannot be kept: begins again from the first byte, at most BAD_MAX
 * times. A data: URL stays the same. */
static void
not_a_result(struct download *d, const char *why, int http_status)
{
	if (!outfile_write(&d->target, 0, "", 0)) {
		fail_to_write(d);
	} else if (data_url_is(d->url) || ++d->bad == BAD_MAX) {
		blame(d, why, http_status);
		finish(d);
	} else {
		again(d, why, http_status, 0);
	}
}

/* A 206 that does not continue the file: begins again, and asks for no range any more. */
static void
not_the_rest(struct download *d, const char *why, int http_status)
{
	d->resume.never = true;
	not_a_result(d, why, http_status);
}

/* The file is damaged, or not the right one. If it came in parts, they may be of different
 * files. */
static void
not_kept(struct download *d, const char *why)
{
	if (d->http_status == 206)
		not_the_rest(d, why, d->http_status);
	else
		not_a_result(d, why, d->http_status);
}

static void
looked_through(struct download *d)
{
	struct keeping *k = &d->keeping;
	char why[sizeof k->fault + 64];

	if (!k->whole) {
		snprintf(why, sizeof why, "it is damaged or not complete: %s", k->fault);
		not_kept(d, why);
		return;
	}
	failure_release(&d->attempt.failure);
	if (k->final.err.code != CODE_NONE)
		failure_set(&d->attempt.failure, &k->final.err, NULL);
	d->result.file = d->path.data;
	finish(d);
}

static void
kept(void *arg)
{
	struct download *d = arg;
	struct engine *engine = d->attempt.engine;

	looked_through(d);
	attempt_go_on(engine);
}

/* Keeps the file if it is whole by its own format. */
static void
keep(struct download *d)
{
	buf_clear(&d->path);
	outname_path(d->spec.template, &d->spec.name, &d->path);
	d->keeping = (struct keeping){
	    .final = {.part = &d->target, .path = d->path.data, .force = d->spec.force},
	    .type = d->type,
	    .ext = d->spec.name.ext,
	    .done = kept,
	    .arg = d};
	keeper_add(&d->attempt.engine->keeper, d->attempt.engine->loop, &d->keeping);
}

/* Keeps a file that has one of the kind's types and the right bytes. */
static void
judge(struct download *d, int http_status)
{
	const struct outfile *t = &d->target;
	const char *type = filetype_of(d->spec.filetypes, t->head, t->head_len);
	char why[256];

	d->http_status = http_status;
	sha256_hex(&t->sha, d->sha256);
	free(d->type);
	d->type = mem_str(type); /* the next download asks for its own */
	d->result = (struct download_result){
	    .type = d->type, .bytes = t->len, .sha256 = d->sha256, .fd = t->fd};
	d->spec.name.ext = json_object_get_string(json_member(d->spec.types, type));
	if (d->spec.template != NULL && d->spec.name.ext == NULL) {
		snprintf(why, sizeof why, "it is %s, which is no such %s", type,
		    d->spec.account == NULL ? "picture" : "result");
		if (d->spec.account == NULL)
			give_up(d, CODE_NOT_A_PICTURE, why, http_status);
		else
			not_kept(d, why);
	} else if (d->spec.sha256 != NULL && strcmp(d->sha256, d->spec.sha256) != 0) {
		not_kept(d, "its SHA-256 is not the one in the record");
	} else if (d->spec.template == NULL) {
		failure_release(&d->attempt.failure);
		finish(d);
	} else {
		keep(d);
	}
}

static void
too_large(struct download *d, int http_status)
{
	char *why =
	    mem_printf("it has more than %ju bytes%s", (uintmax_t)d->spec.max_bytes,
	        d->spec.template != NULL ? "; set another limit with --max-bytes" : "");

	give_up(d, CODE_TOO_MANY_BYTES, why, http_status);
	free(why);
}

static void
redirect(struct download *d, const struct http_response *r)
{
	const char *location = http_header_of(r, "Location");
	char *url = location != NULL ? url_resolve(d->url, location) : NULL;

	if (url == NULL || d->hops++ >= MAX_HOPS) {
		free(url);
		d->hops = 0;
		not_a_result(d, "its redirect leads nowhere", r->status);
		return;
	}
	free(d->url);
	d->url = url;
	choose_host(d);
	range_clear(&d->resume); /* what it told is true of that address */
	blame(d, "its redirects took too long", r->status);
	attempt_again(&d->attempt, 0);
}

static void
refused(struct download *d, const struct http_response *r)
{
	char why[128], word[65] = "";
	const char *code = is_signed(d) ? strstr(r->body, "<Code>") : NULL;

	/* An object store says why: <Error><Code>NoSuchKey</Code>... */
	if (code != NULL)
		(void)sscanf(code, "<Code>%64[A-Za-z0-9]", word);
	snprintf(why, sizeof why, "its address was answered with %d%s%s", r->status,
	    *word != '\0' ? " " : "", word);
	blame(d, why, r->status);
	if (r->status == 401 && d->spec.account != NULL && !d->attempt.anonymous &&
	    attempt_renew(&d->attempt))
		return;
	d->result.expired = r->status == 403 || r->status == 404 || r->status == 410;
	give_up(d, CODE_REFUSED, why, r->status);
}

static void
answered(struct download *d, const struct http_response *r)
{
	enum range_end end = range_reached(&d->resume, r, d->target.len);

	if (!d->came)
		not_a_result(d, "it is empty", r->status);
	else if (end == RANGE_COMPLETE)
		judge(d, r->status);
	else if (end == RANGE_PARTIAL)
		again(d, "a part is missing", r->status, 0);
	else
		not_the_rest(d, "a part is missing", r->status);
}

static void
responded(void *arg, const struct http_response *r)
{
	struct download *d = arg;
	const struct answer answer = {.status = r->status, .response = r};
	int64_t asked_ms;
	struct err e;

	if (d->write_errno != 0) {
		errno = d->write_errno;
		fail_to_write(d);
	} else if (r->not_public && !may_be_local(d)) {
		account_not_public(d->attempt.account, &e);
		failure_set(&d->attempt.failure, &e, NULL);
		finish(d);
	} else if (d->too_large) {
		too_large(d, r->status);
	} else if (r->fate == HTTP_CANCELLED) {
		attempt_interrupt(&d->attempt);
	} else if (d->objection != NULL) {
		not_the_rest(d, d->objection, r->status);
	} else if (r->untrusted) {
		blame(d, r->why, 0);
		d->attempt.failure.err.code = CODE_UNTRUSTED;
		d->attempt.failure.retryable = true;
		finish(d);
	} else if (r->fate != HTTP_ANSWERED) {
		again(d, r->why, r->status, 0);
	} else if (r->status == 200 || r->status == 206) {
		answered(d, r);
	} else if (http_is_redirect(r->status)) {
		redirect(d, r);
	} else if (r->status == 416 && d->asked > 0) {
		not_the_rest(d, "its length changed", r->status);
	} else if (http_is_temporary(r->status)) {
		asked_ms = answer_wait_ms(
		    &answer, d->attempt.account->provider, (int64_t)time(NULL));
		if (d->host != NULL)
			account_pause(d->host, 0, asked_ms);
		again(d, "the server is not able to", r->status, asked_ms);
	} else {
		refused(d, r);
	}
}

static bool
head(void *arg, const struct http_response *r)
{
	struct download *d = arg;

	if (r->status == 206)
		d->objection = range_objection(&d->resume, r, d->asked);
	if (d->objection == NULL && (r->status == 200 || d->asked == 0))
		range_begin(&d->resume, r);
	d->too_large = d->objection == NULL && d->resume.total > d->spec.max_bytes;
	return d->objection == NULL && !d->too_large;
}

static bool
sink(void *arg, uint64_t offset, const char *data, size_t len)
{
	struct download *d = arg;

	d->came = true;
	d->too_large = offset + len > d->spec.max_bytes;
	if (d->too_large)
		return false;
	if (outfile_write(&d->target, offset, data, len))
		return true;
	d->write_errno = errno;
	return false;
}

/* Asks for the rest of the file with If-Range, so that a changed file comes whole. */
static int
build(void *arg, const struct http_header *credentials, struct http_request *request,
    struct err *unused)
{
	struct download *d = arg;
	const char *condition = range_condition(&d->resume);

	(void)unused;
	d->came = false;
	d->objection = NULL;
	d->asked = condition != NULL ? d->target.len : 0;
	*request = (struct http_request){.method = HTTP_GET,
	    .url = d->url,
	    .signer = is_signed(d) ? d->spec.signer : NULL,
	    .public_only = (d->attempt.anonymous || d->host != NULL) && !may_be_local(d),
	    .headers = d->headers,
	    .resume = d->asked,
	    .head = head,
	    .sink = sink,
	    .sink_arg = d};
	if (d->asked == 0)
		range_clear(&d->resume);
	else
		d->headers[request->nheaders++] =
		    (struct http_header){"If-Range", condition};
	if (credentials != NULL)
		d->headers[request->nheaders++] = *credentials;
	return 0;
}

static int
open_target(struct download *d, struct err *e)
{
	struct buf path = {0};
	int rc;

	if (d->spec.template == NULL)
		return outfile_open_private(&d->target, e);
	d->spec.name.ext = "";
	outname_path(d->spec.template, &d->spec.name, &path);
	rc = outfile_open(&d->target, path.data, e);
	buf_release(&path);
	return rc;
}

static int
check(void *arg)
{
	struct download *d = arg;
	struct err e;
	int rc = 0;

	if (d->url == NULL)
		rc = err_set(&e, CODE_BAD_ANSWER, "the result's address is no URL");
	else if (d->target.fd < 0)
		rc = open_target(d, &e);
	d->attempt.anonymous = d->spec.account != NULL &&
	                       !url_same_origin(d->url, d->spec.account->base_url);
	if (rc == 0)
		rc = is_signed(d) ? url_check(d->url, &e)
		                  : account_check_url(d->attempt.account, d->url, &e);
	if (rc < 0)
		failure_set(&d->attempt.failure, &e, NULL);
	return rc;
}

/* Reads the file from its data: URL. */
static void
read_data(void *arg)
{
	struct download *d = arg;
	struct err e;
	int rc;

	if (open_target(d, &e) < 0) {
		failure_set(&d->attempt.failure, &e, NULL);
		finish(d);
		return;
	}
	rc = data_url_read(d->url, sink, d);
	if (d->write_errno != 0) {
		errno = d->write_errno;
		fail_to_write(d);
	} else if (d->too_large) {
		too_large(d, 0);
	} else if (rc < 0 || !d->came) {
		not_a_result(d, rc < 0 ? "its data: URL is damaged" : "it is empty", 0);
	} else {
		judge(d, 0);
	}
}

/* The address as it can be asked for; NULL if it is none: a number, for one. */
static char *
address_of(const char *base_url, const char *text)
{
	char *end;

	if (data_url_is(text))
		return mem_str(text);
	(void)strtod(text, &end);
	return end != text && *end == '\0' ? NULL : url_resolve(base_url, text);
}

/* The largest result of a kind with these types. */
static uint64_t
default_max_bytes(struct json_object *types)
{
	const uint64_t mib = 1024 * 1024;
	uint64_t max = 64 * mib;

	json_object_object_foreach(types, type, ext)
	{
		(void)ext;
		if (strncmp(type, "video/", 6) == 0)
			return 4096 * mib;
		if (strncmp(type, "image/", 6) != 0)
			max = 256 * mib;
	}
	return max;
}

struct download *
download_start(
    struct engine *engine, const struct download_spec *spec, download_fn *fn, void *arg)
{
	static const struct attempt_calls calls = {check, build, responded, finish};
	struct download *d = mem_new(1, sizeof *d);

	*d = (struct download){.spec = *spec,
	    .fn = fn,
	    .arg = arg,
	    .url = address_of(
	        spec->account != NULL ? spec->account->base_url : spec->url, spec->url),
	    .origin = spec->signer != NULL ? url_origin(spec->url) : NULL,
	    .deadline =
	        spec->account != NULL ? loop_now(engine->loop) + spec->timeout_ms : 0,
	    .target = {.fd = -1},
	    .attempt = {.calls = &calls,
	        .arg = d,
	        .engine = engine,
	        .account = spec->account,
	        .deadline = &d->deadline,
	        .timeout_ms = spec->timeout_ms}};
	choose_host(d);
	if (d->spec.max_bytes == 0)
		d->spec.max_bytes = default_max_bytes(d->spec.types);
	if (data_url_is(d->url))
		loop_defer(engine->loop, &d->attempt.deferred, read_data, d);
	else
		attempt_start(&d->attempt);
	return d;
}

void
download_stop(struct download *d)
{
	attempt_stop(&d->attempt, true);
}
