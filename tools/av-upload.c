/*
 * av-upload: creates an avatar for each photo, and never twice.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/strings.h"
#include "http/url.h"
#include "photo/photo.h"
#include "photo/pool.h"
#include "photo/source.h"
#include "program/avatar_status.h"
#include "program/object.h"
#include "program/sent_photo.h"
#include "program/session.h"
#include "program/steps.h"
#include "provider/request.h"
#include "provider/validate.h"
#include "json/json.h"

#define TIMEOUT_MS (10 * 60 * 1000)

/* Photos that are read at a time. */
#define CHECKS_MAX 4

struct options {
	struct opt_common common;
	struct strings given;
	const char *ledger;
	int64_t max_creates;
	bool again, dry_run, exact_urls, unique_names;
};

static const struct opt table[] = {
    {'O', "option", "KEY=VALUE", "option for records that do not set it", OPT_LIST,
        offsetof(struct options, given)},
    {0, "max-creates", "N", "send at most N requests that create an avatar", OPT_INT,
        offsetof(struct options, max_creates)},
    {0, "dry-run", NULL, "send nothing; show what would be sent, with cost", OPT_FLAG,
        offsetof(struct options, dry_run)},
    {0, "again", NULL, "create, and pay for, another avatar", OPT_FLAG,
        offsetof(struct options, again)},
    {0, "exact-urls", NULL, "take two signed URLs of one photo for two photos",
        OPT_FLAG | OPT_RARE, offsetof(struct options, exact_urls)},
    {0, "unique-names", NULL, "end names with 8 digits that tell who made them",
        OPT_FLAG | OPT_RARE, offsetof(struct options, unique_names)},
    {0, "ledger", "FILE", "database of paid requests, or none (AV_LEDGER)",
        OPT_STR | OPT_RARE, offsetof(struct options, ledger)},
    OPT_NETWORK(struct options),
    OPT_COMMON(struct options),
    {0},
};

static const struct opt_usage usage = {
    .synopsis = "av-upload [options] [PHOTO|RECORD...]",
    .about =
        "Uploads photos and creates an avatar from each of them. Reads paths or records,\n"
        "writes records with `avatar`. Creating costs money. The ledger makes sure that\n"
        "nothing is paid for twice, so a command can be run again.",
    .examples =
        "  av-validate -p anam photos/*.jpg | av-upload | av-poll >done.jsonl\n"
        "  av-upload -p argil --dry-run photos/*.jpg >/dev/null\n"
        "  av-upload -p argil -O voiceId=3c90c3cc-0d44-4b50-8888-8dd25736052a ann.jpg\n"
        "  av-upload --retry-failed <done.jsonl >again.jsonl\n",
};

/* A photo to be read on a thread, so that the loop goes on meanwhile. */
struct check {
	struct upload_tool *self;
	struct item *item; /* NULL: the run was stopped, the record is written */
	struct account *account;
	struct photo_options options;
	char *file;
	struct photo *photo; /* NULL: in the queue */
	int status;
	struct err err;
	/* In a worker, when only a decoder can tell whether the photo is sound. */
	struct photo_job job;
	struct stat st;
	int fd;
	STAILQ_ENTRY(check) next;
};

struct upload_tool {
	struct session session;
	struct validate_options validate;
	STAILQ_HEAD(, check) checks; /* in the queue */
	unsigned n_checks;           /* on threads, or in workers */
	struct photo_pool *pool;     /* made for the first photo that needs it */
	bool exact_urls;
};

/* A record at work. */
struct upload {
	struct upload_tool *self;
	struct item *item;
	struct account *account;
	struct order *order;
	int64_t deadline;
	struct sent_photo photo;
};

static bool
skip(void *arg, struct rec *rec)
{
	struct upload_tool *self = arg;
	bool made = rec_is(rec, "avatar", "/id", NULL);

	if (made && self->session.paid.dry_run != NULL)
		self->session.dry_run.made++;
	return made;
}

static bool
settled(void *arg, struct rec *rec)
{
	struct upload_tool *self = arg;

	return session_settled(&self->session, rec);
}

static void
finish(struct upload *u)
{
	sent_photo_release(&u->photo);
	free(u);
}

static void
created(void *arg, const struct call_result *result)
{
	struct upload *u = arg;
	struct item *item = u->item;
	struct session *session = &u->self->session;
	struct account *account = u->account;
	bool broken = u->photo.photo.broken.code != CODE_NONE;
	struct failure failure = {0};

	finish(u);
	run_charge(item, result->charge);
	if (result->plan != NULL) {
		struct json_object *plan = json_new_array();
		json_append(plan, json_object_get(result->plan));
		rec_set(item->rec, "plan", plan);
		run_done(item);
		return;
	}
	rec_remove(item->rec, "plan");
	object_put_findings(item->rec, result->findings);
	if (result->failure != NULL) {
		if (broken) /* the next run must check the photo again */
			rec_remove(item->rec, "image");
		session_fail(session, item, result->failure);
		return;
	}
	if (result->reused)
		json_put_bool(result->taken, "reused", true);
	if (json_str(result->taken, "/status") == NULL)
		json_put_str(result->taken, "status", "processing");
	rec_set(item->rec, "avatar", json_object_get(result->taken));
	status_put_avatar(session, account, item->rec, result, &failure);
	if (failure.err.code != CODE_NONE)
		session_fail(session, item, &failure);
	else
		run_done(item);
	failure_release(&failure);
}

static void
stop(struct item *item, bool hard)
{
	struct upload *u = item->state;

	order_stop(u->order, hard);
}

static void
park(void *arg, bool parked)
{
	struct upload *u = arg;

	run_park(u->item, parked);
}

static void
start(struct upload *u, struct account *a, const char *file)
{
	struct rec *rec = u->item->rec;
	const struct operation *op = provider_operation(a->provider, "create");
	const char *url = rec_str(rec, "url");
	char *object = url != NULL ? url_subject(url, u->self->exact_urls) : NULL;
	struct paid_spec spec = {
	    .call = {.account = a,
	        .op = op,
	        .vars = request_vars(rec, op, rec_get(rec, "options")),
	        .photo = file != NULL ? &u->photo.photo : NULL,
	        .deadline = &u->deadline,
	        .timeout_ms = u->self->session.common->timeout_ms},
	    .subject = file != NULL ? json_str(rec_get(rec, "image"), "/sha256") : object,
	    .file = file,
	    .source = steps_source(rec),
	    .name = validate_name_given(a->provider, rec) ? rec_str(rec, "name") : NULL,
	    .counted = true,
	    .park = park};

	spec.options = json_at(spec.call.vars, "/options");
	u->item->state = u;
	u->item->stop = stop;
	u->order = order_start(
	    &u->self->session.paid, &u->self->session.steps, &spec, created, u);
	json_object_put(spec.call.vars);
	free(object);
}

/* valid: of validate_record. */
static void
begin_upload(struct upload_tool *self, struct item *item, struct account *a, bool valid)
{
	struct upload *u;
	const char *file;

	if (!valid) {
		self->session.dry_run.refused++;
		run_done(item);
		return;
	}
	u = mem_new(1, sizeof *u);
	u->self = self;
	u->item = item;
	u->account = a;
	file = rec_str(item->rec, "file");
	if (file != NULL)
		sent_photo_init(&u->photo, a->provider, item->rec);
	start(u, a, file);
}

static void
free_check(struct check *c)
{
	free(c->photo);
	free(c->file);
	free(c);
}

/* On a thread; libmagic is not shared between threads. */
static void
read_file(void *arg)
{
	struct check *c = arg;
	struct filetype *types = filetype_new();

	c->status = photo_check_file(c->file, &c->options, types, c->photo, &c->err);
	filetype_free(types);
}

static void start_checks(struct upload_tool *self);

/* The photo has been read. */
static void
end_check(struct check *c)
{
	struct upload_tool *self = c->self;
	struct item *item = c->item;

	self->n_checks--;
	dry_run_check_ends(&self->session.dry_run);
	if (item != NULL) {
		item->stop = NULL;
		if (run_stopping(self->session.run))
			c->status = err_set(&c->err, CODE_INTERRUPTED,
			    "stopped before this photo was sent; run it again");
		if (c->status < 0) {
			self->session.dry_run.refused++;
			run_fail(item, &c->err);
		} else {
			begin_upload(self, item, c->account,
			    validate_facts(&self->validate, c->account->provider,
			        item->rec, "upload", c->photo) == 0);
		}
	}
	free_check(c);
	start_checks(self);
}

/* A worker has decoded the photo. */
static void
on_decoded(void *arg, int status, struct photo *photo, const struct err *failed)
{
	struct check *c = arg;

	c->status = status;
	if (status < 0)
		c->err = *failed;
	else
		c->status = photo_unchanged(c->fd, &c->st, &c->err);
	close(c->fd);
	if (c->status == 0) {
		*c->photo = *photo;
		photo_check_name(c->photo, c->file);
	}
	end_check(c);
}

static void
on_read(void *arg)
{
	struct check *c = arg;
	struct upload_tool *self = c->self;

	if (c->item == NULL || c->status < 0 || !decode_wanted(c->photo, &c->options) ||
	    (c->status = photo_open(c->file, &c->fd, &c->st, &c->err)) < 0) {
		end_check(c);
		return;
	}
	if (self->pool == NULL)
		self->pool = photo_pool_new(self->session.engine.loop,
		    &(struct photo_pool_options){.workers = CHECKS_MAX});
	photo_pool_submit(self->pool, &c->job, c->fd, (uint64_t)c->st.st_size,
	    &c->options, on_decoded, c);
}

static void
start_checks(struct upload_tool *self)
{
	struct check *c;

	while (self->n_checks < CHECKS_MAX && (c = STAILQ_FIRST(&self->checks)) != NULL) {
		STAILQ_REMOVE_HEAD(&self->checks, next);
		self->n_checks++;
		dry_run_check_begins(&self->session.dry_run);
		c->photo = mem_new(1, sizeof *c->photo);
		loop_work(self->session.engine.loop, read_file, on_read, c);
	}
}

/* A photo that is being read is soon done, unless its disk is slow. */
static void
stop_check(struct item *item, bool hard)
{
	struct check *c = item->state;
	struct err e;

	if (c->photo != NULL && !hard)
		return;
	if (c->photo != NULL) {
		c->item = NULL;
	} else {
		STAILQ_REMOVE(&c->self->checks, c, check, next);
		free_check(c);
	}
	err_set(&e, CODE_INTERRUPTED, "stopped before this photo was read; run it again");
	run_fail(item, &e);
}

static void
begin(void *arg, struct item *item)
{
	struct upload_tool *self = arg;
	struct account *a = session_account(&self->session, item);
	struct check *c;

	if (a == NULL)
		return;
	if (!validate_reads(item->rec)) {
		begin_upload(self, item, a,
		    validate_record(&self->validate, a->provider, item->rec, "upload") ==
		        0);
		return;
	}
	c = mem_new(1, sizeof *c);
	*c = (struct check){.self = self,
	    .item = item,
	    .account = a,
	    .options = validate_photo_options(&self->validate, a->provider),
	    .file = mem_str(rec_str(item->rec, "file"))};
	item->state = c;
	item->stop = stop_check;
	STAILQ_INSERT_TAIL(&self->checks, c, next);
	start_checks(self);
}

int
main(int argc, char *argv[])
{
	static const struct run_step step = {.name = "upload",
	    .doing = "being sent",
	    .input = INPUT_PHOTOS,
	    .skip = skip,
	    .settled = settled,
	    .begin = begin};
	struct options o = {0};
	struct upload_tool self = {.checks = STAILQ_HEAD_INITIALIZER(self.checks)};
	int first = opt_parse(argc, argv, &usage, table, &o), status;

	opt_common_finish(&o.common, &usage, argv, first);
	if (o.common.timeout_ms == 0)
		o.common.timeout_ms = TIMEOUT_MS;
	self.validate = (struct validate_options){
	    .photo = {.depth = PHOTO_READ, .max_pixels = PHOTO_MAX_PIXELS},
	    .given = &o.given};
	session_open(&self.session, &o.common, &usage,
	    &(struct session_options){
	        /* One part on the wire, one on its way. Many slots would send
	         * together, then wait for the disk together: a third part keeps
	         * them apart. */
	        .window = (o.common.jobs > 8 ? 3 : 2) * (size_t)o.common.jobs,
	        .ledger = true,
	        .pictures = &pictures_calls,
	        .ledger_file = o.ledger,
	        .again = o.again,
	        .dry_run = o.dry_run},
	    &step, &self);
	self.exact_urls = o.exact_urls;
	self.session.paid.unique_names = o.unique_names;
	if (o.max_creates > 0)
		self.session.paid.creates_left = o.max_creates;
	status = run_records(self.session.run, argv + first);
	photo_pool_free(self.pool);
	session_close(&self.session, status);
	strings_release(&o.given);
	run_exit(status);
}
