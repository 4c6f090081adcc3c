#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/outfile.h"
#include "photo/source.h"
#include "photo/thumbnail.h"
#include "service/download.h"
#include "service/pictures.h"
#include "json/json.h"

#define MAX_BYTES  20000000
#define TIMEOUT_MS 45000

struct pictures {
	struct engine *engine;
	struct pictures_spec spec;
	pictures_fn *fn;
	void *arg;
	int64_t deadline;
	bool stop;
	struct outfile photo; /* a private copy, so that it cannot change any more */
	bool at_hand;         /* it has the right bytes */
	struct thumbnail sent;
	struct thumbnail_job job;
	int fd;                         /* of the picture at work, or -1 */
	struct json_object_iterator at; /* the candidate at work */
	struct download *download;      /* of its picture */
	struct json_object *same;
};

static void next(struct pictures *p);

static void
end(struct pictures *p, struct json_object *same)
{
	p->fn(p->arg, same);
	if (p->fd >= 0)
		close(p->fd);
	outfile_close(&p->photo);
	json_object_put(p->spec.candidates);
	json_object_put(p->same);
	free(p);
}

/* On a thread: the disk may be slow. */
static void
read_photo(void *arg)
{
	struct pictures *p = arg;
	struct photo_stream s;
	char piece[64 * 1024];
	ssize_t n = -1;
	struct err e;

	if (outfile_open_private(&p->photo, &e) < 0 ||
	    photo_stream_open(&s, p->spec.photo, 0, p->spec.sha256, &e) < 0)
		return;
	while (s.bytes <= MAX_BYTES &&
	       (n = photo_stream_read(&s, piece, sizeof piece, &e)) > 0)
		if (!outfile_write(&p->photo, p->photo.len, piece, (size_t)n))
			break;
	photo_stream_close(&s);
	p->at_hand = n == 0;
}

static void
keep(struct pictures *p)
{
	json_put(p->same, json_object_iter_peek_name(&p->at),
	    json_object_get(json_object_iter_peek_value(&p->at)));
}

static void
compared(void *arg, const struct thumbnail *t)
{
	struct pictures *p = arg;

	if (t == NULL) {
		end(p, NULL);
		return;
	}
	if (thumbnail_same(&p->sent, t))
		keep(p);
	close(p->fd);
	p->fd = -1;
	json_object_iter_next(&p->at);
	next(p);
}

static void
fetched(void *arg, const struct download_result *result)
{
	struct pictures *p = arg;

	p->download = NULL;
	if (result->failure != NULL) {
		note("the picture of an avatar: %s", result->failure->err.message);
		end(p, NULL);
	} else if (strcmp(result->sha256, p->spec.sha256) == 0) {
		keep(p);
		json_object_iter_next(&p->at);
		next(p);
	} else if ((p->fd = dup(result->fd)) < 0) {
		end(p, NULL);
	} else {
		p->job.done = compared;
		thumbnail_submit(p->spec.workers, &p->job, p->fd, result->bytes);
	}
}

/* Fetches the picture of the next candidate. */
static void
next(struct pictures *p)
{
	struct json_object_iterator last = json_object_iter_end(p->spec.candidates);
	const char *url;

	if (p->stop) {
		end(p, NULL);
		return;
	}
	if (json_object_iter_equal(&p->at, &last)) {
		end(p, p->same);
		return;
	}
	url = json_object_get_string(
	    json_member(json_object_iter_peek_value(&p->at), p->spec.member));
	if (url == NULL) {
		end(p, NULL);
		return;
	}
	p->download = download_start(p->engine,
	    &(struct download_spec){.account = p->spec.account,
	        .url = url,
	        .max_bytes = MAX_BYTES,
	        .timeout_ms = p->deadline - loop_now(p->engine->loop)},
	    fetched, p);
}

static void
photo_seen(void *arg, const struct thumbnail *t)
{
	struct pictures *p = arg;

	if (t == NULL) {
		end(p, NULL);
		return;
	}
	p->sent = *t;
	next(p);
}

static void
photo_read(void *arg)
{
	struct pictures *p = arg;

	if (!p->at_hand || p->stop) {
		end(p, NULL);
		return;
	}
	p->job.done = photo_seen;
	thumbnail_submit(p->spec.workers, &p->job, p->photo.fd, p->photo.len);
}

struct pictures *
pictures_start(
    struct engine *engine, const struct pictures_spec *spec, pictures_fn *fn, void *arg)
{
	struct pictures *p = mem_new(1, sizeof *p);

	*p = (struct pictures){.engine = engine,
	    .spec = *spec,
	    .fn = fn,
	    .arg = arg,
	    .deadline = loop_now(engine->loop) + TIMEOUT_MS,
	    .photo = {.fd = -1},
	    .job = {.arg = p},
	    .fd = -1,
	    .at = json_object_iter_begin(spec->candidates),
	    .same = json_new_object()};
	json_object_get(spec->candidates);
	loop_work(engine->loop, read_photo, photo_read, p);
	return p;
}

void
pictures_stop(struct pictures *p)
{
	p->stop = true;
	if (p->download != NULL)
		download_stop(p->download);
}

const struct pictures_calls pictures_calls = {
    thumbnail_workers, workers_free, pictures_start, pictures_stop};
