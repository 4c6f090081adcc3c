/* av-validate: checks photos and records against a provider's limits, before a byte is
 * sent. */
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hashset.h"
#include "base/mem.h"
#include "base/outname.h"
#include "base/strings.h"
#include "photo/pool.h"
#include "photo/source.h"
#include "program/opt.h"
#include "program/run.h"
#include "provider/load.h"
#include "provider/options.h"
#include "provider/validate.h"
#include "json/json.h"

/* Without workers: photos in the queue, and how long they may delay signals and output.
 */
#define QUEUE_MAX 64
#define TURN_MS   20

#define JOBS_MAX 1024

/* How many file names are compared: 32 MiB of hashes. */
#define NAMES_MAX 1500000

/* For av-render: names that differ where the photos' paths differ. */
#define TEMPLATE "-o 'out/{dir}/{stem}.{source_ext}.{provider}.{kind}.{ext}'"

struct options {
	struct opt_common common;
	struct strings given;
	int64_t max_pixels;
	bool quick, decode;
	const char *name_from;
};

static const struct opt table[] = {
    {'O', "option", "KEY=VALUE", "option for records that do not set it", OPT_LIST,
        offsetof(struct options, given)},
    {0, "csv", NULL, "read a table whose first row names members", OPT_FLAG,
        offsetof(struct options, common.csv)},
    {0, "name-from", "WHAT", "what names are made of: file (default) or dir", OPT_STR,
        offsetof(struct options, name_from)},
    {0, "quick", NULL, "read only the header: type, size, shape", OPT_FLAG,
        offsetof(struct options, quick)},
    {0, "decode", NULL, "decode every pixel too, to find hidden damage", OPT_FLAG,
        offsetof(struct options, decode)},
    {0, "max-pixels", "N", "refuse pictures with more pixels (100000000)",
        OPT_INT | OPT_RARE, offsetof(struct options, max_pixels)},
    {'j', "jobs", "N", "photos checked at a time (number of cores)", OPT_INT | OPT_RARE,
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
        "  av-validate -p anam --csv <people.csv | av-upload\n"
        "  av-validate -p argil *.jpg |\n"
        "    jq -r 'select(.error) | .file, .error.problems[].message'\n",
};

struct work;

struct validate_tool {
	struct validate_options check;
	struct providers providers;
	struct loop *loop;
	unsigned jobs;
	bool csv;
	bool here; /* photos are checked in this process; pixels in a worker */
	struct photo_pool *pool; /* made for the first photo that needs it */
	/* Records to check in this process. */
	STAILQ_HEAD(, work) queue;
	struct deferred turn;
	struct hashset names; /* that av-render's default file names begin with */
	size_t same_names;    /* records that have the name of an earlier one */
	size_t n_told;        /* of them, those that got the finding */
	size_t first_told;    /* the lowest number among these, and its name */
	struct buf first_name;
};

/* A record at work. */
struct work {
	struct validate_tool *self;
	struct item *item; /* NULL: the run was stopped, the record is written */
	const struct provider *provider;
	/* 0, or the number of the record among those whose name an earlier one has. */
	size_t same_name;
	STAILQ_ENTRY(work) next;
	struct stat st;
	int fd;
	struct photo_job job;
};

/* What av-render's default template makes of a record that has a provider, up to the kind.
 * The caller releases it. */
static struct buf
file_name(struct validate_tool *self, struct rec *rec)
{
	const char *provider = rec_str(rec, "provider");
	struct err ignored;
	struct provider *p = providers_get(&self->providers, provider, &ignored);
	struct buf name = {0};

	outname_path("{stem}.{provider}",
	    &(struct outname){.file = rec_str(rec, "file"),
	        .url = rec_str(rec, "url"),
	        .provider = p != NULL ? p->name : provider},
	    &name);
	return name;
}

/* Notes the record's file name; returns work.same_name. Records are noted in the order of
 * the input, so the answer does not depend on the workers. */
static size_t
note_name(struct validate_tool *self, struct rec *rec)
{
	struct buf name;
	bool same;

	if (rec_str(rec, "provider") == NULL || self->names.count >= NAMES_MAX)
		return 0;
	name = file_name(self, rec);
	same = !hashset_add_str(&self->names, name.data);
	buf_release(&name);
	return same ? ++self->same_names : 0;
}

/* A record that passes through has an avatar, whose files take their names too. */
static bool
skip(void *self, struct rec *rec)
{
	if (!rec_has(rec, "avatar"))
		return false;
	(void)note_name(self, rec);
	return true;
}

/* Adds the finding that an earlier record has the same file name to image.warnings. */
static void
add_same_name(struct rec *rec, const char *name)
{
	struct json_object *image = rec_edit(rec, "image"), *list, *found;
	struct findings fs = {0};

	finding_add(&fs, CODE_SAME_FILE_NAME, SEVERITY_NOTE, name, NULL,
	    "av-render " TEMPLATE,
	    "av-render would give its files the names of an earlier record's: %s.*",
	    name);
	found = validate_problems(&fs);
	if ((list = json_member(image, "warnings")) == NULL)
		json_put(image, "warnings", json_object_get(found));
	else
		json_append(list, json_object_get(json_item(found, 0)));
	json_object_put(found);
}

/* The record was checked. */
static void
finish(struct work *w)
{
	struct validate_tool *self = w->self;
	struct buf name;

	if (w->same_name != 0 && !rec_failed(w->item->rec)) {
		name = file_name(self, w->item->rec);
		add_same_name(w->item->rec, name.data);
		if (self->n_told++ == 0 || w->same_name < self->first_told) {
			buf_release(&self->first_name);
			self->first_name = name;
			self->first_told = w->same_name;
		} else {
			buf_release(&name);
		}
	}
	run_done(w->item);
}

/* Tells once of all records with the same file names. */
static void
tell_same_names(const struct validate_tool *self)
{
	if (self->n_told > 0)
		warn(
		    "%zu %s the file names of earlier ones, such as %s.*; keep them apart: "
		    "av-render " TEMPLATE,
		    self->n_told, self->n_told == 1 ? "record has" : "records have",
		    self->first_name.data);
}

/* The photo was checked. */
static void
on_checked(void *arg, int status, struct photo *photo, const struct err *failed)
{
	struct work *w = arg;
	struct err e;

	if (w->item != NULL && status < 0) {
		run_fail(w->item, failed);
	} else if (w->item != NULL && photo_unchanged(w->fd, &w->st, &e) < 0) {
		run_fail(w->item, &e);
	} else if (w->item != NULL) {
		photo_check_name(photo, rec_str(w->item->rec, "file"));
		validate_facts(
		    &w->self->check, w->provider, w->item->rec, "validate", photo);
		finish(w);
	}
	close(w->fd);
	free(w);
}

/* A photo takes a second: ignore the first signal, stop when the grace period ends. */
static void
stop(struct item *item, bool hard)
{
	struct work *w = item->state;
	struct err e;

	if (!hard)
		return;
	w->item = NULL;
	err_set(
	    &e, CODE_INTERRUPTED, "stopped before this photo was checked; run it again");
	run_fail(item, &e);
}

static bool
open_photo(struct work *w)
{
	struct err e;

	if (photo_open(rec_str(w->item->rec, "file"), &w->fd, &w->st, &e) == 0)
		return true;
	run_fail(w->item, &e);
	free(w);
	return false;
}

/* The pool, which is at work on the photo from now on. */
static struct photo_pool *
pool_for(struct validate_tool *self, struct work *w)
{
	if (self->pool == NULL)
		self->pool = photo_pool_new(
		    self->loop, &(struct photo_pool_options){.workers = self->jobs});
	w->item->state = w;
	w->item->stop = stop;
	return self->pool;
}

static void
check_in_worker(struct validate_tool *self, struct work *w)
{
	struct photo_options options = validate_photo_options(&self->check, w->provider);

	if (open_photo(w))
		photo_pool_submit(pool_for(self, w), &w->job, w->fd,
		    (uint64_t)w->st.st_size, &options, on_checked, w);
}

/* Checks a record in this process, but for pixels. */
static void
check_one(struct validate_tool *self, struct work *w)
{
	struct photo_options options = validate_photo_options(&self->check, w->provider);
	struct photo *photo = &w->job.photo;
	struct err e;
	int status;

	if (rec_str(w->item->rec, "file") == NULL) {
		validate_record(&self->check, w->provider, w->item->rec, "validate");
		finish(w);
		free(w);
		return;
	}
	if (!open_photo(w))
		return;
	status = photo_check(
	    w->fd, (uint64_t)w->st.st_size, &options, self->check.types, photo, &e);
	if (status == 0 && decode_wanted(photo, &options))
		photo_pool_decode(
		    pool_for(self, w), &w->job, w->fd, &options, on_checked, w);
	else
		on_checked(w, status, photo, &e);
}

/* Checks records for TURN_MS, then lets the loop do its other work. */
static void
take_turn(void *arg)
{
	struct validate_tool *self = arg;
	struct work *w;

	for (int64_t start = clock_monotonic_ms();
	     (w = STAILQ_FIRST(&self->queue)) != NULL &&
	     clock_monotonic_ms() - start < TURN_MS;) {
		STAILQ_REMOVE_HEAD(&self->queue, next);
		check_one(self, w);
	}
	if (!STAILQ_EMPTY(&self->queue))
		loop_defer(self->loop, &self->turn, take_turn, self);
}

static void
check_here(struct validate_tool *self, struct work *w)
{
	STAILQ_INSERT_TAIL(&self->queue, w, next);
	loop_defer(self->loop, &self->turn, take_turn, self);
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
	if (self->csv && p != NULL)
		options_read_texts(item->rec, p);
	rec_remove(item->rec, "image");
	w = mem_new(1, sizeof *w);
	*w = (struct work){.self = self,
	    .item = item,
	    .provider = p,
	    .same_name = note_name(self, item->rec),
	    .fd = -1};
	if (!self->here && rec_str(item->rec, "file") != NULL)
		check_in_worker(self, w);
	else
		check_here(self, w);
}

/* Pixels are decoded in workers only. Reading is safe in any process: for a single photo
 * or with one job this process alone is fastest, else each job gets a worker. */
static void
choose_process(struct validate_tool *self, const struct options *o, char **operands)
{
	bool single = operands[0] != NULL && operands[1] == NULL;

	self->jobs = opt_jobs(&o->common, JOBS_MAX);
	self->here = o->quick || self->jobs == 1 || single;
	self->check.photo.spare_core = single && self->jobs > 1;
	if (self->here)
		self->check.types = filetype_new();
}

static void
add_provider(void *arg, const char *name)
{
	struct buf *names = arg;

	buf_printf(names, "%s%s", names->len > 0 ? "," : "", name);
}

/* -p all is every provider: here that cannot cost anything. */
static void
choose_all(struct opt_common *common)
{
	const char *given =
	    common->provider != NULL ? common->provider : getenv("AV_PROVIDER");
	struct buf names = {0};

	if (given == NULL || strcmp(given, "all") != 0)
		return;
	provider_each(add_provider, &names);
	common->provider = buf_take(&names); /* as long as the process */
}

static void
read_options(struct validate_tool *self, struct options *o, char *argv[], int first)
{
	struct err e;

	if (o->common.csv && (o->common.nul || argv[first] != NULL))
		opt_misuse(&usage, "--csv reads a table from standard input: --csv %s",
		    o->common.nul ? "takes no -0" : "<FILE.csv");
	self->check.name_folders =
	    o->name_from != NULL && strcmp(o->name_from, "dir") == 0;
	if (o->name_from != NULL && !self->check.name_folders &&
	    strcmp(o->name_from, "file") != 0)
		opt_misuse(&usage,
		    "--name-from takes file or dir, not '%s'; try --name-from dir",
		    o->name_from);
	if (o->quick && o->decode)
		opt_misuse(&usage,
		    "--quick reads less of each photo and --decode more; leave out one of "
		    "the two");
	choose_all(&o->common);
	opt_common_finish(&o->common, &usage, argv, first);
	self->csv = o->common.csv;
	self->check.photo = (struct photo_options){.depth = o->quick    ? PHOTO_QUICK
	                                                    : o->decode ? PHOTO_DECODE
	                                                                : PHOTO_READ,
	    .max_pixels = (uint64_t)o->max_pixels,
	    .at_once = PHOTO_AT_ONCE};
	self->check.given = &o->given;
	if (providers_load(&self->providers, o->common.provider, &e) < 0)
		warn("%s", e.message); /* its records come out with the same error */
}

static void
release(struct validate_tool *self)
{
	providers_release(&self->providers);
	photo_pool_free(self->pool);
	hashset_release(&self->names);
	buf_release(&self->first_name);
	filetype_free(self->check.types);
}

int
main(int argc, char *argv[])
{
	static const struct run_step step = {
	    .name = "validate", .input = INPUT_PHOTOS, .skip = skip, .begin = begin};
	struct options o = {.max_pixels = PHOTO_MAX_PIXELS};
	struct validate_tool self = {.queue = STAILQ_HEAD_INITIALIZER(self.queue)};
	int first = opt_parse(argc, argv, &usage, table, &o), status;
	struct run *run;

	read_options(&self, &o, argv, first);
	self.loop = loop_new();
	choose_process(&self, &o, argv + first);
	run = run_new(self.loop, &o.common, &step,
	    !self.here ? 2 * (size_t)self.jobs + 2 : QUEUE_MAX, &self);
	status = run_records(run, argv + first);
	tell_same_names(&self);
	run_free(run);
	release(&self);
	loop_free(self.loop);
	strings_release(&o.given);
	run_exit(status);
}
