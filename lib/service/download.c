#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "auth/secret.h"
#include "base/backoff.h"
#include "base/mem.h"
#include "http/range.h"
#include "http/response.h"
#include "http/url.h"
#include "image/truncated.h"
#include "provider/answer.h"
#include "service/download.h"
#include "json/json.h"

#define MAX_HOPS       5
#define BAD_MAX        4
#define RETRY_FIRST_MS 500
#define RETRY_MAX_MS   30000

struct download {
	struct engine *engine;
	struct download_spec spec;
	download_fn *fn;
	void *arg;
	char *url;
	unsigned hops, attempt;
	bool renewed;  /* credentials were renewed for this download */
	bool rejected; /* sent_header was refused, and is not renewed yet */
	bool entered, stop, placed;
	struct range resume;
	const char *objection; /* to the range at hand */
	uint64_t asked;        /* the byte that the request at hand begins with */
	uint64_t reached;      /* the most that ever was there */
	bool came;             /* bytes of the answer at hand */
	unsigned bad;          /* whole answers that were no result */
	int64_t deadline;
	int write_errno;
	struct deferred deferred;
	struct timer timer;
	struct account_wait wait;
	struct http_transfer *wire;
	struct slot_wait place;
	char *sent_header;
	struct outfile target;
	bool opened;
	struct failure failure;
	struct download_result result;
};

static void step(void *arg);

static void
give_place(struct download *d)
{
	if (d->placed)
		slots_return(&d->engine->places);
	d->placed = false;
}

static void
finish(struct download *d)
{
	give_place(d);
	if (d->failure.err.code != CODE_NONE)
		d->result.failure = &d->failure;
	d->fn(d->arg, &d->result);
	loop_cancel(d->engine->loop, &d->timer);
	if (d->opened)
		outfile_close(&d->target);
	failure_release(&d->failure);
	range_clear(&d->resume);
	secret_free(d->sent_header);
	free(d->url);
	free(d);
}

static void
fail(struct download *d, const struct err *e, int http_status)
{
	failure_set(&d->failure, e, NULL);
	d->failure.http_status = http_status;
	finish(d);
}

static void
interrupted(struct download *d)
{
	struct err e;

	err_set(
	    &e, CODE_INTERRUPTED, "stopped before the result was fetched; run it again");
	fail(d, &e, 0);
}

/* Tries again, no sooner than in so many milliseconds. */
static void
again_in(struct download *d, int64_t least, const char *why, int http_status)
{
	struct loop *loop = d->engine->loop;
	struct err e;
	int64_t ms;

	if (d->stop) {
		interrupted(d);
		return;
	}
	/* A bad line that gets on is not made to wait longer and longer. */
	if (d->target.len > d->reached) {
		d->reached = d->target.len;
		d->attempt = 0;
	}
	ms = backoff_ms(d->attempt++, RETRY_FIRST_MS, RETRY_MAX_MS, arc4random());
	if (ms < least)
		ms = least;
	if (loop_now(loop) + ms > d->deadline) {
		err_set(
		    &e, CODE_DOWNLOAD_FAILED, "the result could not be fetched: %s", why);
		fail(d, &e, http_status);
		return;
	}
	loop_at(loop, &d->timer, loop_now(loop) + ms, step, d);
}

static void
again(struct download *d, const char *why, int http_status)
{
	again_in(d, 0, why, http_status);
}

/* The server says that it cannot now, and perhaps when it can. */
static void
not_able(struct download *d, const struct http_response *r)
{
	const struct answer answer = {.status = r->status, .response = r};
	int64_t ms =
	    answer_wait_ms(&answer, d->spec.account->provider, (int64_t)time(NULL));

	again_in(d, ms, "the server is not able to", r->status);
}

/* A whole answer that cannot be kept: begun again from the first byte, but not for ever. */
static void
not_a_result(struct download *d, const char *why, int http_status)
{
	struct err e;

	if (!outfile_write(&d->target, 0, "", 0)) {
		err_set(&e, CODE_TARGET_UNWRITABLE, "cannot write '%s':", d->target.part);
		fail(d, &e, 0);
	} else if (++d->bad == BAD_MAX) {
		err_set(
		    &e, CODE_DOWNLOAD_FAILED, "the result could not be fetched: %s", why);
		fail(d, &e, http_status);
	} else {
		again(d, why, http_status);
	}
}

/* An answer to a range that does not fit to what is there: begun again, without ranges. */
static void
not_the_rest(struct download *d, const char *why, int http_status)
{
	d->resume.never = true;
	not_a_result(d, why, http_status);
}

/* The extension for what the bytes are; NULL where the kind has no such type. */
static const char *
extension(struct download *d)
{
	struct json_object *ext = NULL;

	d->result.type =
	    filetype_of(d->spec.filetypes, d->target.head, d->target.head_len);
	if (!json_object_object_get_ex(d->spec.types, d->result.type, &ext))
		return NULL;
	return json_object_get_string(ext);
}

static void
keep(struct download *d)
{
	char sha256[SHA256_HEX], *type;
	struct buf path = {0};
	struct err e;

	d->spec.name.ext = extension(d);
	if (d->spec.name.ext == NULL) {
		char *why =
		    mem_printf("it is %s, which is no such result", d->result.type);
		not_a_result(d, why, 0);
		free(why);
		return;
	}
	type = mem_str(d->result.type);
	if (outfile_path(d->spec.template, &d->spec.name, &path, &e) < 0 ||
	    outfile_commit(&d->target, path.data, d->spec.force, sha256, &e) < 0)
		failure_set(&d->failure, &e, NULL);
	d->result.type = type;
	d->result.file = path.data;
	d->result.bytes = d->target.len;
	d->result.sha256 = sha256;
	finish(d);
	free(type);
	buf_release(&path);
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
	range_clear(&d->resume); /* what it told is true of that address */
	step(d);
}

static void
refused(struct download *d, const struct http_response *r)
{
	struct err e;

	if (r->status == 401 && d->entered && !d->renewed) {
		d->renewed = d->rejected = true;
		step(d);
		return;
	}
	d->result.expired = r->status == 403 || r->status == 404 || r->status == 410;
	err_set(&e, CODE_DOWNLOAD_FAILED, "the result's address was answered with %d",
	    r->status);
	fail(d, &e, r->status);
}

static bool
breaks_off(struct download *d)
{
	const char *type =
	    filetype_of(d->spec.filetypes, d->target.head, d->target.head_len);

	return is_truncated(d->target.fd, d->target.len, type);
}

static void
answered(struct download *d, const struct http_response *r)
{
	enum range_end end = range_reached(&d->resume, r, d->target.len);

	if (!d->came)
		not_a_result(d, "it is empty", r->status);
	else if (end == RANGE_COMPLETE && r->open_ended && breaks_off(d))
		not_a_result(d, "it breaks off", r->status);
	else if (end == RANGE_COMPLETE)
		keep(d);
	else if (end == RANGE_PARTIAL)
		again(d, "a part is missing", r->status);
	else
		not_the_rest(d, "a part is missing", r->status);
}

static void
responded(void *arg, const struct http_response *r)
{
	struct download *d = arg;
	struct err e;

	d->wire = NULL;
	if (d->entered)
		account_leave(&d->wait, ACCOUNT_OTHER);
	give_place(d);
	if (d->write_errno != 0) {
		errno = d->write_errno;
		err_set(&e, CODE_TARGET_UNWRITABLE, "cannot write '%s':", d->target.part);
		fail(d, &e, 0);
	} else if (r->fate == HTTP_CANCELLED) {
		interrupted(d);
	} else if (d->objection != NULL) {
		not_the_rest(d, d->objection, r->status);
	} else if (r->fate != HTTP_ANSWERED) {
		again(d, r->why, r->status);
	} else if (r->status == 200 || r->status == 206) {
		answered(d, r);
	} else if (http_is_redirect(r->status)) {
		redirect(d, r);
	} else if (r->status == 416 && d->asked > 0) {
		not_the_rest(d, "its length changed", r->status);
	} else if (http_is_temporary(r->status)) {
		not_able(d, r);
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
	return d->objection == NULL;
}

static bool
sink(void *arg, uint64_t offset, const char *data, size_t len)
{
	struct download *d = arg;

	d->came = true;
	if (outfile_write(&d->target, offset, data, len))
		return true;
	d->write_errno = errno;
	return false;
}

/* Sends the request; name and value are the credentials, or NULL. Asks for the rest of what is
 * there only on the condition that it is still the same. */
static void
fetch(struct download *d, const char *name, const char *value)
{
	struct http_header headers[2];
	const char *condition = range_condition(&d->resume);
	struct http_request request = {.method = HTTP_GET,
	    .url = d->url,
	    .headers = headers,
	    .head = head,
	    .sink = sink,
	    .sink_arg = d};

	d->came = false;
	d->objection = NULL;
	d->asked = condition != NULL ? d->target.len : 0;
	if (d->asked == 0)
		range_clear(&d->resume);
	else
		headers[request.nheaders++] = (struct http_header){"If-Range", condition};
	if (value != NULL && *value != '\0')
		headers[request.nheaders++] = (struct http_header){name, value};
	request.resume = d->asked;
	d->wire = http_send(d->engine->http, &request, responded, d);
}

static void
may_enter(void *arg, const struct err *ignored)
{
	struct download *d = arg;
	const char *name, *value = account_header(d->spec.account, &name);

	(void)ignored;
	secret_free(d->sent_header);
	d->sent_header = mem_str(value);
	fetch(d, name, d->sent_header);
}

static void
authorized(void *arg, const struct err *e)
{
	struct download *d = arg;

	if (e != NULL) {
		fail(d, e, 0);
		return;
	}
	d->rejected = false;
	account_enter(d->spec.account, &d->wait, may_enter, d);
}

/* Whether the address may be fetched at all. */
static int
check_url(struct download *d, struct err *e)
{
	if (url_check(d->url, e) < 0)
		return -1;
	/* url_check refuses NULL. NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker) */
	if (strncasecmp(d->url, "http:", 5) == 0 &&
	    strncasecmp(d->spec.account->base_url, "http:", 5) != 0)
		return err_set(e, CODE_URL_REFUSED, "the result's address is plain http");
	return 0;
}

/* One request of the download; from the first again after each redirect and failure. */
static void
step(void *arg)
{
	struct download *d = arg;
	struct err e;

	if (d->stop) {
		interrupted(d);
		return;
	}
	if (check_url(d, &e) < 0) {
		fail(d, &e, 0);
		return;
	}
	d->placed = slots_take(&d->engine->places);
	if (!d->placed) {
		slots_wait(&d->engine->places, &d->place, step, d);
		return;
	}
	d->entered = url_same_origin(d->url, d->spec.account->base_url);
	if (d->entered)
		account_authorize(d->spec.account, &d->wait,
		    d->rejected ? d->sent_header : NULL, authorized, d);
	else
		fetch(d, NULL, NULL);
}

static void
started(void *arg)
{
	struct download *d = arg;
	struct buf path = {0};
	struct err e;

	d->spec.name.ext = "";
	if (d->url == NULL)
		err_set(&e, CODE_BAD_ANSWER, "the result's address is no URL");
	else if (outfile_path(d->spec.template, &d->spec.name, &path, &e) == 0 &&
	         outfile_open(&d->target, path.data, &e) == 0)
		d->opened = true;
	buf_release(&path);
	if (d->opened)
		step(d);
	else
		fail(d, &e, 0);
}

struct download *
download_start(
    struct engine *engine, const struct download_spec *spec, download_fn *fn, void *arg)
{
	struct download *d = mem_new(1, sizeof *d);

	d->engine = engine;
	d->spec = *spec;
	d->fn = fn;
	d->arg = arg;
	d->url = url_resolve(spec->account->base_url, spec->url);
	d->deadline = loop_now(engine->loop) + spec->timeout_ms;
	loop_defer(engine->loop, &d->deferred, started, d);
	return d;
}

void
download_stop(struct download *d)
{
	d->stop = true;
	if (d->wire != NULL) {
		http_cancel(d->wire);
	} else if (d->timer.pos != 0) {
		loop_cancel(d->engine->loop, &d->timer);
		interrupted(d);
	} else if (d->place.waiting) {
		slots_cancel(&d->engine->places, &d->place);
		interrupted(d);
	} else if (d->wait.waiting) {
		account_cancel(&d->wait);
		interrupted(d);
	}
}
