/*
 * av-validate: says everything that the service would refuse, before anything is spent.
 */
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/strings.h"
#include "photo/pool.h"
#include "program/opt.h"
#include "program/run.h"
#include "provider/load.h"
#include "provider/validate.h"
#include "json/json.h"

/* In this process: photos in line, and how long they may keep signals and output waiting. */
#define IN_LINE 64
#define TURN_MS 20

#define JOBS_MAX 1024

struct options {
	struct opt_common common;
	struct strings given;
	int64_t max_pixels;
	bool quick, decode;
};

static const struct opt table[] = {
    {'O', "option", "KEY=VALUE", "option for records that do not set it", OPT_LIST,
        offsetof(struct options, given)},
    {0, "quick", NULL, "read only the header: type, size, shape", OPT_FLAG,
        offsetof(struct options, quick)},
    {0, "decode", NULL, "decode every pixel too, to find hidden damage", OPT_FLAG,
        offsetof(struct options, decode)},
    {0, "max-pixels", "N", "refuse pictures with more pixels (100000000)", OPT_INT,
        offsetof(struct options, max_pixels)},
    {'j', "jobs", "N", "photos checked at a time (number of cores)", OPT_INT,
        offsetof(struct options, common.jobs)},
    OPT_COMMON(struct options),
    {0},
};

static const struct opt_usage usage = {
    .synopsis = "av-validate [options] [PHOTO|RECORD...]",
    .about =
        "Finds everything that an avatar service would refuse, before uploading: type,\n"
        "bytes, pixels, shape, damage, name and options. Reads paths or records, writes\n"
        "records. A refused record has `error`, with every finding in error.problems.",
    .examples =
        "  av-validate -p anam photos/*.jpg >records.jsonl\n"
        "  find photos -name '*.jpg' -print0 | av-validate -0 -p argil,loom | av-upload\n"
        "  av-validate -p argil *.jpg |\n"
        "    jq -r 'select(.error) | .file, .error.problems[].message'\n",
};

struct validate_tool {
	struct validate_options judge;
	struct providers providers;
	struct loop *loop;
	struct photo_pool *cage; /* NULL: photos are judged in this process */
	struct deferred turn;
	struct work *first, **last; /* in line for that */
};

/* A record at work. */
struct work {
	struct validate_tool *self;
	struct item *item; /* NULL: it could not wait any longer */
	const struct provider *provider;
	struct work *next;
	struct stat st;
	int fd;
};

static bool
skip(void *self, struct rec *rec)
{
	(void)self;
	return rec_has(rec, "avatar");
}

/* Judges what is in line, for a while, and then lets the loop look around. */
static void
take_turn(void *arg)
{
	struct validate_tool *self = arg;
	struct work *w;

	for (int64_t start = clock_monotonic_ms();
	     (w = self->first) != NULL && clock_monotonic_ms() - start < TURN_MS;) {
		self->first = w->next;
		if (self->first == NULL)
			self->last = &self->first;
		validate_record(&self->judge, w->provider, w->item->rec, "validate");
		run_done(w->item);
		free(w);
	}
	if (self->first != NULL)
		loop_defer(self->loop, &self->turn, take_turn, self);
}

static void
judge_here(struct validate_tool *self, struct work *w)
{
	*self->last = w;
	self->last = &w->next;
	loop_defer(self->loop, &self->turn, take_turn, self);
}

/* A worker is done with the photo. */
static void
judged(void *arg, int status, const struct photo *photo, const struct err *failed)
{
	struct work *w = arg;
	struct photo named;
	struct err e;

	if (w->item == NULL) {
		;
	} else if (status < 0) {
		run_fail(w->item, failed);
	} else if (photo_unchanged(w->fd, &w->st, &e) < 0) {
		run_fail(w->item, &e);
	} else {
		named = *photo;
		photo_check_name(&named, rec_str(w->item->rec, "file"));
		validate_facts(
		    &w->self->judge, w->provider, w->item->rec, "validate", &named);
		run_done(w->item);
	}
	close(w->fd);
	free(w);
}

/* What a worker has is soon done, so only the end of the grace stops it. */
static void
stop(struct item *item, bool hard)
{
	struct work *w = item->state;
	struct err e;

	if (!hard)
		return;
	w->item = NULL;
	err_set(
	    &e, CODE_INTERRUPTED, "stopped before this photo was judged; run it again");
	run_fail(item, &e);
}

static void
judge_in_cage(struct validate_tool *self, struct work *w)
{
	const char *file = rec_str(w->item->rec, "file");
	struct err e;

	if (photo_open(file, &w->fd, &w->st, &e) < 0) {
		run_fail(w->item, &e);
		free(w);
		return;
	}
	w->item->state = w;
	w->item->stop = stop;
	photo_pool_submit(
	    self->cage, w->fd, (uint64_t)w->st.st_size, &self->judge.photo, judged, w);
}

static void
begin(void *arg, struct item *item)
{
	struct validate_tool *self = arg;
	const char *name = rec_str(item->rec, "provider");
	struct provider *p = NULL;
	struct work *w;
	struct err e;

	if (name != NULL && (p = providers_get(&self->providers, name, &e)) == NULL) {
		run_fail(item, &e);
		return;
	}
	rec_remove(item->rec, "image");
	w = mem_new(1, sizeof *w);
	*w = (struct work){.self = self, .item = item, .provider = p, .fd = -1};
	if (self->cage != NULL && rec_str(item->rec, "file") != NULL)
		judge_in_cage(self, w);
	else
		judge_here(self, w);
}

/* Pixels are decoded by workers only. Reading is safe anywhere, and a process that does it alone
 * is the quickest for a single photo; for many, each core has its worker. */
static void
choose_place(struct validate_tool *self, const struct options *o, char **operands)
{
	struct photo_pool_options options = {.workers = (unsigned)o->common.jobs};
	bool single = operands[0] != NULL && operands[1] == NULL;
	struct err e;

	if (!o->decode && (o->quick || o->common.jobs == 1 || single)) {
		self->judge.types = filetype_new();
		return;
	}
	self->cage = photo_pool_new(&options, &e);
	if (self->cage == NULL)
		die(EX_OSERR, "%s", e.message);
	photo_pool_attach(self->cage, self->loop);
}

static void
read_options(struct validate_tool *self, struct options *o)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	struct err e;

	if (o->quick && o->decode)
		opt_misuse(&usage, "--quick and --decode contradict each other");
	if (o->common.jobs == 0)
		o->common.jobs = cores > 0 ? cores : 1;
	if (o->common.jobs > JOBS_MAX)
		o->common.jobs = JOBS_MAX;
	opt_common_finish(&o->common);
	self->judge.photo = (struct photo_options){.depth = o->quick    ? PHOTO_QUICK
	                                                    : o->decode ? PHOTO_DECODE
	                                                                : PHOTO_READ,
	    .max_pixels = (uint64_t)o->max_pixels};
	self->judge.given = &o->given;
	if (providers_load(&self->providers, o->common.provider, &e) < 0)
		die(EX_CONFIG, "%s", e.message);
}

static void
release(struct validate_tool *self)
{
	providers_release(&self->providers);
	photo_pool_free(self->cage);
	filetype_free(self->judge.types);
}

int
main(int argc, char *argv[])
{
	static const struct run_step step = {
	    .name = "validate", .input = INPUT_PHOTOS, .skip = skip, .begin = begin};
	struct options o = {.max_pixels = PHOTO_MAX_PIXELS};
	struct validate_tool self = {.last = &self.first};
	int first = opt_parse(argc, argv, &usage, table, &o), status;
	struct run *run;

	read_options(&self, &o);
	self.loop = loop_new();
	choose_place(&self, &o, argv + first);
	run = run_new(self.loop, &o.common, &step,
	    self.cage != NULL ? 2 * (size_t)o.common.jobs + 2 : IN_LINE, &self);
	status = run_records(run, argv + first);
	run_free(run);
	release(&self);
	loop_free(self.loop);
	strings_release(&o.given);
	run_exit(status);
}
