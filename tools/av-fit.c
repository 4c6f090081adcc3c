/*
 * av-fit: makes photos that the provider accepts.
 *
 * Confined workers (os/confine.h) decode, turn, crop, scale and encode. This process
 * sends them open files, writes the new photos that come back, and checks each against
 * the provider's limits before the file gets its name.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "av-fit/fit.h"
#include "base/base64.h"
#include "base/hashset.h"
#include "base/mem.h"
#include "base/outfile.h"
#include "base/outname.h"
#include "photo/source.h"
#include "program/opt.h"
#include "program/run.h"
#include "provider/load.h"
#include "provider/validate.h"
#include "json/json.h"

#define JOBS_MAX      256
#define THUMBNAIL_MAX 2048

struct options {
	struct opt_common common;
	const char *output, *gravity, *pad, *max_upscale, *type;
	int64_t max_pixels, orientation, thumbnail;
	bool force, keep_metadata, always, advice;
};

static const struct opt table[] = {
    {'o', "output", "DIR|TEMPLATE", "write to DIR/{stem}.{provider}.{kind}.{ext}",
        OPT_STR, offsetof(struct options, output)},
    {0, "gravity", "WHERE", "what cropping keeps: attention, centre, north ...", OPT_STR,
        offsetof(struct options, gravity)},
    {0, "pad", "COLOUR", "add borders of this colour instead of cropping", OPT_STR,
        offsetof(struct options, pad)},
    {0, "max-upscale", "FACTOR", "enlarge small photos up to this factor (1)",
        OPT_STR | OPT_RARE, offsetof(struct options, max_upscale)},
    {0, "type", "TYPE", "make jpeg, png or webp", OPT_STR,
        offsetof(struct options, type)},
    {0, "orientation", "N", "which way up the photos are: 1 to 8, as in Exif",
        OPT_INT | OPT_RARE, offsetof(struct options, orientation)},
    {0, "keep-metadata", NULL, "keep Exif, XMP and IPTC, including the place",
        OPT_FLAG | OPT_RARE, offsetof(struct options, keep_metadata)},
    {0, "advice", NULL, "follow what the service advises, too", OPT_FLAG | OPT_RARE,
        offsetof(struct options, advice)},
    {0, "always", NULL, "make a new photo even if the old one is fine",
        OPT_FLAG | OPT_RARE, offsetof(struct options, always)},
    {0, "force", NULL, "replace existing files that differ", OPT_FLAG,
        offsetof(struct options, force)},
    {0, "max-pixels", "N", "refuse pictures with more pixels (100000000)",
        OPT_INT | OPT_RARE, offsetof(struct options, max_pixels)},
    {0, "thumbnail", "PIXELS", "only make small copies, as data in the records", OPT_INT,
        offsetof(struct options, thumbnail)},
    {'j', "jobs", "N", "photos at a time (number of cores)", OPT_INT | OPT_RARE,
        offsetof(struct options, common.jobs)},
    OPT_COMMON(struct options),
    {0},
};

static const struct opt_usage usage = {
    .synopsis = "av-fit -o DIR [options] [PHOTO|RECORD...]\n"
                "       av-fit --thumbnail PIXELS [options] [PHOTO|RECORD...]",
    .about =
        "Turns, converts, crops, scales and compresses photos that a service would\n"
        "refuse. Reads paths or records. Writes records whose `file` is the new photo.",
    .examples =
        "  av-validate -p argil *.jpg | av-fit -o fitted | av-validate | av-upload\n"
        "  av-fit -p argil -o fitted --gravity north *.heic\n"
        "  av-fit -p anam -o 'fitted/{stem}.{ext}' --pad white <records.jsonl\n",
};

struct fit_tool {
	struct fit_options options;
	bool advice;
	struct photo_options photo;
	struct providers providers;
	struct fit_pool *pool;
	struct hashset targets;
	char *template;
	bool force;
};

/* A record at work. */
struct work {
	struct fit_job job; /* the first member */
	struct fit_tool *self;
	struct item *item; /* NULL: the run was stopped, the record is written */
	int fd;
	struct stat st;
	struct outfile target;
	char *path; /* of the new photo */
	bool failed;
	struct err err;
};

static bool
skip(void *self, struct rec *rec)
{
	(void)self;
	return rec_has(rec, "avatar") || rec_str(rec, "file") == NULL;
}

static bool
mendable(struct json_object *problem)
{
	static const enum code codes[] = {CODE_TYPE_REFUSED, CODE_TOO_MANY_BYTES,
	    CODE_TOO_SMALL, CODE_TOO_LARGE, CODE_ASPECT_REFUSED};
	const char *code = json_str(problem, "/code"),
	           *severity = json_str(problem, "/severity");

	if (code == NULL || severity == NULL)
		return false;
	if (strcmp(severity, severity_name(SEVERITY_REFUSED)) != 0)
		return true;
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		if (strcmp(code, code_info(codes[i])->name) == 0)
			return true;
	return false;
}

/* True for a record that av-validate refused only for findings that av-fit can remove. */
static bool
mend(void *self, struct rec *rec)
{
	struct json_object *error = rec_get(rec, "error"),
	                   *problems = json_at(error, "/problems");
	const char *step = json_str(error, "/step"), *code = json_str(error, "/code");

	if (step == NULL || strcmp(step, "validate") != 0 || code == NULL ||
	    strcmp(code, code_info(CODE_PHOTO_REFUSED)->name) != 0 ||
	    !json_object_is_type(problems, json_type_array) || skip(self, rec))
		return false;
	for (size_t i = 0; i < json_object_array_length(problems); i++)
		if (!mendable(json_object_array_get_idx(problems, i)))
			return false;
	return true;
}

static const char *
extension(enum image_type type)
{
	return type == IMAGE_PNG ? "png" : type == IMAGE_WEBP ? "webp" : "jpg";
}

static void
fail(struct work *w)
{
	w->failed = true;
	outfile_close(&w->target);
}

/* Names and opens the new photo. */
static int
open_target(struct work *w, struct err *e)
{
	struct buf path = {0};
	int result;

	if (w->self->options.thumbnail > 0)
		return outfile_open_private(&w->target, e);
	result = outname_take(&w->self->targets, w->self->template,
	    &(struct outname){.file = rec_str(w->item->rec, "file"),
	        .provider = rec_str(w->item->rec, "provider"),
	        .kind = "fit",
	        .name = rec_str(w->item->rec, "name"),
	        .ext = extension(w->job.reply.type)},
	    &path, e);

	w->path = buf_take(&path);
	if (result < 0)
		return -1;
	return outfile_open(&w->target, w->path, e);
}

static void
on_made(struct fit_job *job)
{
	struct work *w = (struct work *)job;

	if (w->item != NULL && open_target(w, &w->err) < 0)
		fail(w);
}

static void
on_bytes(struct fit_job *job, const void *data, size_t len)
{
	struct work *w = (struct work *)job;

	if (w->item == NULL || w->failed ||
	    outfile_write(&w->target, w->target.len, data, len))
		return;
	err_set(&w->err, CODE_TARGET_UNWRITABLE, "cannot write '%s':", w->path);
	fail(w);
}

/* Workers are not trusted: checks the new photo as any other. */
static int
check_made(struct work *w, struct err *e)
{
	struct photo_options options = w->job.request.photo.options;
	const struct findings *fs;
	struct photo photo;

	options.depth = PHOTO_READ;
	if (photo_check(w->target.fd, w->target.len, &options, NULL, &photo, e) < 0)
		return -1;
	limits_check_image(&photo, &w->job.request.limits.image, &photo.findings);
	fs = &photo.findings;
	for (unsigned i = 0; i < fs->n; i++)
		if (fs->list[i].severity != SEVERITY_NOTE)
			return err_set(e, CODE_CANNOT_FIT,
			    "the new photo would be refused too: %s",
			    fs->list[i].message);
	return 0;
}

static struct json_object *
numbers(const uint32_t *v, size_t n)
{
	struct json_object *list = json_new_array();

	for (size_t i = 0; i < n; i++)
		json_append(list, mem_checked(json_object_new_int64(v[i])));
	return list;
}

static struct json_object *
describe(const struct work *w, const char *from)
{
	const struct fit_done *d = &w->job.reply.done;
	struct json_object *o = json_new_object();

	json_put_str(o, "from", from);
	if (d->orientation > 1)
		json_put_int(o, "turned", d->orientation);
	if (w->job.photo.facts.type != w->job.reply.type)
		json_put_str(o, "converted", w->job.photo.type);
	json_put_str(o, "colours", d->rgb ? "cmyk" : NULL);
	if (d->flat)
		json_put_bool(o, "flattened", true);
	if (d->crop[2] > 0)
		json_put(o, "cropped", numbers(d->crop, 4));
	if (d->scaled[0] > 0)
		json_put(o, "scaled", numbers(d->scaled, 2));
	if (d->padded[0] > 0)
		json_put(o, "padded", numbers(d->padded, 2));
	if (d->quality > 0)
		json_put_int(o, "quality", d->quality);
	if (d->stripped)
		json_put_bool(o, "stripped", true);
	return o;
}

/* Puts the thumbnail into its record, as a data: URL. */
static int
embed(struct work *w, struct err *e)
{
	static const char head[] = "data:image/jpeg;base64,";
	size_t len = (size_t)w->target.len;
	unsigned char *bytes = mem_new(len, 1);
	char *url = mem_new(sizeof head + BASE64_LEN(len), 1);
	bool whole = pread(w->target.fd, bytes, len, 0) == (ssize_t)len;

	strcpy(url, head);
	base64_of(url + strlen(head), bytes, len);
	if (whole)
		rec_set_str(w->item->rec, "thumbnail", url);
	free(bytes);
	free(url);
	return whole ? 0 : err_set(e, CODE_MACHINE_FAILED, "cannot read the thumbnail:");
}

static int
keep(struct work *w, struct err *e)
{
	struct rec *rec = w->item->rec;
	char sha256[SHA256_HEX];

	if (photo_unchanged(w->fd, &w->st, e) < 0 || check_made(w, e) < 0)
		return -1;
	if (w->self->options.thumbnail > 0)
		return embed(w, e);
	if (outfile_commit(&w->target, w->path, w->self->force, sha256, e) < 0)
		return -1;
	rec_set(rec, "fit", describe(w, rec_str(rec, "file")));
	if (!rec_has(rec, "source_file"))
		rec_set_str(rec, "source_file", rec_str(rec, "file"));
	rec_set_str(rec, "file", w->path);
	rec_remove(rec, "image");
	rec_remove(rec, "error");
	return 0;
}

/* The worker is done: completes the record. */
static void
complete(struct work *w)
{
	struct rec *rec = w->item->rec;
	const struct findings *fs = &w->job.photo.findings;
	struct json_object *error;

	if (!w->failed && w->job.made && keep(w, &w->err) < 0)
		fail(w);
	if (w->failed) {
		error = rec_fail(rec, "fit", &w->err);
		if (w->err.code == CODE_CANNOT_FIT && findings_refusal(fs) != NULL)
			json_put(error, "problems", validate_problems(fs));
	} else if (!w->job.made && rec_failed(rec)) {
		rec_remove(rec, "image");
		rec_remove(rec, "error");
	}
	run_done(w->item);
}

static void
on_end(struct fit_job *job, const struct err *e)
{
	struct work *w = (struct work *)job;

	if (e != NULL) {
		w->err = *e;
		w->failed = true;
	}
	if (w->item != NULL)
		complete(w);
	outfile_close(&w->target);
	close(w->fd);
	free(w->path);
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
	outfile_close(&w->target);
	err_set(&e, CODE_INTERRUPTED, "stopped before this photo was done; run it again");
	run_fail(item, &e);
}

static void
lower(uint64_t *limit, uint64_t advised)
{
	if (advised > 0 && (*limit == 0 || advised < *limit))
		*limit = advised;
}

/* Makes limits of advice: of the least size none, since enlarging adds nothing to see. */
static void
follow_advice(struct image_limits *to, const struct image_limits *a)
{
	uint64_t width = to->max_width, height = to->max_height;

	lower(&to->max_bytes, a->max_bytes);
	lower(&to->max_pixels, a->max_pixels);
	lower(&width, a->max_width);
	lower(&height, a->max_height);
	to->max_width = (uint32_t)width;
	to->max_height = (uint32_t)height;
	if (a->types != NULL)
		to->types = a->types;
	if (a->n_aspects > 0) {
		to->n_aspects = a->n_aspects;
		to->aspects = a->aspects;
	}
}

/* Copies the provider's limits. Types and shapes beyond FIT_TYPES and FIT_ASPECTS are
 * left out. */
static void
copy_limits(struct fit_limits *to, const struct provider *p, bool advised)
{
	struct image_limits l = p->image;

	if (advised)
		follow_advice(&l, &p->advice);
	memset(to, 0, sizeof *to);
	to->image = l;
	snprintf(to->service, sizeof to->service, "%s", p->title != NULL ? p->title : "");
	for (size_t i = 0; i < FIT_TYPES && l.types != NULL && l.types[i] != NULL; i++)
		snprintf(to->types[i], sizeof to->types[i], "%s", l.types[i]);
	if (to->image.n_aspects > FIT_ASPECTS)
		to->image.n_aspects = FIT_ASPECTS;
	for (size_t i = 0; i < to->image.n_aspects; i++)
		to->aspects[i] = l.aspects[i];
	fit_bind(to);
}

/* The limits of a thumbnail. */
static void
small_limits(struct fit_limits *to, uint32_t size)
{
	memset(to, 0, sizeof *to);
	to->image.max_width = to->image.max_height = size;
	strcpy(to->types[0], "image/jpeg");
	fit_bind(to);
}

/* p: NULL for a thumbnail. */
static void
submit(struct fit_tool *self, struct item *item, const struct provider *p)
{
	struct work *w = mem_new(1, sizeof *w);
	struct err e;

	if (photo_open(rec_str(item->rec, "file"), &w->fd, &w->st, &e) < 0) {
		free(w);
		run_fail(item, &e);
		return;
	}
	w->self = self;
	w->item = item;
	w->target.fd = -1;
	w->job.request.photo = (struct photo_request){
	    .size = (uint64_t)w->st.st_size, .options = self->photo};
	w->job.request.options = self->options;
	if (p == NULL)
		small_limits(&w->job.request.limits, self->options.thumbnail);
	else
		copy_limits(&w->job.request.limits, p, self->advice);
	w->job.on_made = on_made;
	w->job.on_bytes = on_bytes;
	w->job.on_end = on_end;
	item->state = w;
	item->stop = stop;
	fit_pool_submit(self->pool, &w->job, w->fd);
}

static void
begin(void *arg, struct item *item)
{
	struct fit_tool *self = arg;
	const char *name = rec_str(item->rec, "provider");
	struct provider *p;
	struct err e;

	if (self->options.thumbnail > 0) {
		submit(self, item, NULL);
		return;
	}
	if (name == NULL)
		err_set(&e, CODE_NO_PROVIDER,
		    "the record names no provider and neither -p nor AV_PROVIDER does");
	else if ((p = providers_get(&self->providers, name, &e)) != NULL) {
		submit(self, item, p);
		return;
	}
	run_fail(item, &e);
}

static void
read_gravity(struct fit_options *f, const char *word)
{
	static const char *const words[] = {
	    "attention", "entropy", "centre", "north", "south", "east", "west"};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcmp(word, words[i]) == 0) {
			f->gravity = (enum gravity)i;
			return;
		}
	opt_misuse(&usage,
	    "--gravity takes attention, entropy, centre, north, south, east or west, not "
	    "'%s'; try --gravity attention",
	    word);
}

static void
read_colour(struct fit_options *f, const char *word)
{
	static const struct {
		const char *word, *code;
	} named[] = {{"black", "#000000"}, {"white", "#ffffff"}, {"gray", "#808080"},
	    {"grey", "#808080"}};
	const char *code = word;
	char wide[8];

	for (size_t i = 0; i < sizeof named / sizeof *named; i++)
		if (strcasecmp(word, named[i].word) == 0)
			code = named[i].code;
	if (code[0] == '#' && strlen(code) == 4) {
		snprintf(wide, sizeof wide, "#%c%c%c%c%c%c", code[1], code[1], code[2],
		    code[2], code[3], code[3]);
		code = wide;
	}
	if (code[0] != '#' || strlen(code) != 7 ||
	    strspn(code + 1, "0123456789abcdefABCDEF") != 6)
		opt_misuse(&usage,
		    "--pad takes a colour, #rrggbb, black, white or gray, not '%s'; try --pad "
		    "white",
		    word);
	for (size_t i = 0; i < 3; i++) {
		char pair[3] = {code[1 + 2 * i], code[2 + 2 * i], '\0'};
		f->colour[i] = (double)strtoul(pair, NULL, 16);
	}
	f->pad = true;
}

static void
read_type(struct fit_options *f, const char *word)
{
	if (strcmp(word, "jpeg") == 0 || strcmp(word, "jpg") == 0)
		f->type = IMAGE_JPEG;
	else if (strcmp(word, "png") == 0)
		f->type = IMAGE_PNG;
	else if (strcmp(word, "webp") == 0)
		f->type = IMAGE_WEBP;
	else
		opt_misuse(&usage,
		    "--type takes jpeg, png or webp, not '%s'; try --type jpeg", word);
}

static void
read_factor(struct fit_options *f, const char *word)
{
	char *end;

	f->max_upscale = strtod(word, &end);
	if (end == word || *end != '\0' ||
	    !(f->max_upscale >= 1 && f->max_upscale <= 1000))
		opt_misuse(&usage,
		    "--max-upscale takes a number from 1 to 1000, not '%s'; try "
		    "--max-upscale 2",
		    word);
}

static void
read_output(struct fit_tool *self, const char *output)
{
	const char *bad;

	if (output == NULL)
		output = "";
	if (*output == '\0')
		opt_misuse(&usage,
		    "-o DIR is missing: it says where the new photos go; try -o fitted");
	self->template = outname_template(output, OUTNAME_USUAL, &bad);
	if (self->template == NULL)
		opt_misuse(&usage, OUTNAME_NO_KEY "fitted", bad);
}

static void
read_options(struct fit_tool *self, struct options *o, char *argv[], int first)
{
	struct fit_options *f = &self->options;
	struct err e;

	opt_common_finish(&o->common, &usage, argv, first);
	self->advice = o->advice;
	*f = (struct fit_options){.colour = {255, 255, 255},
	    .max_upscale = 1,
	    .keep_metadata = o->keep_metadata,
	    .always = o->always,
	    .orientation = (uint8_t)o->orientation};
	if (o->thumbnail > THUMBNAIL_MAX)
		opt_misuse(&usage,
		    "--thumbnail takes a size of at most %d pixels; try --thumbnail 256",
		    THUMBNAIL_MAX);
	if (o->thumbnail > 0 && o->output != NULL)
		opt_misuse(&usage,
		    "--thumbnail puts pictures into the records, not into files; leave out -o");
	f->thumbnail = (uint32_t)o->thumbnail;
	if (o->orientation > 8)
		opt_misuse(&usage,
		    "--orientation takes a number from 1 to 8; try --orientation 1");
	self->photo =
	    (struct photo_options){.depth = o->thumbnail > 0 ? PHOTO_QUICK : PHOTO_READ,
	        .max_pixels = (uint64_t)o->max_pixels};
	if (o->gravity != NULL)
		read_gravity(f, o->gravity);
	if (o->pad != NULL)
		read_colour(f, o->pad);
	if (o->type != NULL)
		read_type(f, o->type);
	if (o->max_upscale != NULL)
		read_factor(f, o->max_upscale);
	if (o->thumbnail == 0)
		read_output(self, o->output);
	self->force = o->force;
	if (providers_load(&self->providers, o->common.provider, &e) < 0)
		warn("%s", e.message); /* its records come out with the same error */
}

int
main(int argc, char *argv[])
{
	static const struct run_step step = {.name = "fit",
	    .input = INPUT_PHOTOS,
	    .skip = skip,
	    .mend = mend,
	    .begin = begin};
	struct options o = {.max_pixels = PHOTO_MAX_PIXELS};
	struct fit_tool self = {0};
	int first = opt_parse(argc, argv, &usage, table, &o), status;
	struct loop *loop;
	struct run *run;
	unsigned jobs;

	read_options(&self, &o, argv, first);
	jobs = opt_jobs(&o.common, JOBS_MAX);
	loop = loop_new();
	self.pool = fit_pool_new(loop, jobs);
	run = run_new(loop, &o.common, &step, 2 * (size_t)jobs, &self);
	status = run_records(run, argv + first);
	run_free(run);
	fit_pool_free(self.pool);
	loop_free(loop);
	hashset_release(&self.targets);
	providers_release(&self.providers);
	free(self.template);
	run_exit(status);
}
