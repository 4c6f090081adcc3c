/*
 * av-render: asks for renderings of avatars, waits for them, and fetches them into files.
 */
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "av-render/job.h"
#include "av-render/wanted.h"
#include "base/mem.h"
#include "base/strings.h"
#include "image/image.h"
#include "program/session.h"
#include "provider/option_file.h"
#include "provider/options.h"
#include "json/json.h"

#define TIMEOUT_MS (60 * 60 * 1000)
#define WATCH      100000

struct options {
	struct opt_common common;
	struct strings asked, given;
	const char *out, *ledger;
	int64_t watch, interval_ms, max_bytes;
	bool ask, again, force, dry_run;
};

static const struct opt table[] = {
    {'r', "rendering", "KIND[=VALUE]",
        "what to request: pose=hi, video ... (or --pose hi)", OPT_LIST,
        offsetof(struct options, asked)},
    {'O', "option", "KEY=VALUE", "option of the rendering, such as text=Hello", OPT_LIST,
        offsetof(struct options, given)},
    {'o', "output", "DIR|TEMPLATE", "write to DIR/{stem}.{provider}.{kind}.{ext}",
        OPT_STR, offsetof(struct options, out)},
    {0, "ask", NULL, "only request: do not wait, do not download", OPT_FLAG,
        offsetof(struct options, ask)},
    {0, "again", NULL, "order, and pay for, another rendering; with -r", OPT_FLAG,
        offsetof(struct options, again)},
    {0, "force", NULL, "replace existing files", OPT_FLAG,
        offsetof(struct options, force)},
    {0, "max-bytes", "N[k|M|G]", "largest file to download (by kind: 64M to 4G)",
        OPT_BYTES | OPT_RARE, offsetof(struct options, max_bytes)},
    {0, "dry-run", NULL, "send nothing; show what would be sent, with cost", OPT_FLAG,
        offsetof(struct options, dry_run)},
    {0, "ledger", "FILE", "database of paid requests, or none (AV_LEDGER)",
        OPT_STR | OPT_RARE, offsetof(struct options, ledger)},
    OPT_WATCH(struct options),
    OPT_NETWORK(struct options),
    OPT_COMMON(struct options),
    {0},
};

static const struct opt_usage usage = {
    .synopsis = "av-render [options] [ID|RECORD...]",
    .about =
        "Requests renderings of avatars, waits for them, and downloads them. Some cost\n"
        "money. Without -r it downloads what comes with the avatar for free.",
    .examples =
        "  av-poll <made.jsonl | av-render -o out >done.jsonl\n"
        "  av-render -r pose=hi -r pose=kiss -O background_color=#fff -o out <ready.jsonl\n"
        "  av-render -r video -O text='Hello there.' -o 'out/{name}.{ext}' <ready.jsonl\n",
};

struct render_tool {
	struct session session;
	struct render_context context;
	const struct options *o;
};

/* A record at work. */
struct render {
	struct render_tool *self;
	struct item *item;
	struct json_object *entries; /* the coming `renderings` */
	struct json_object *plan;    /* of a dry run */
	struct json_object *options;
	struct wanted *wanted;
	struct job *jobs;
	size_t n, pending;
};

/* The entry of a rendering that was requested with the same options, or NULL. */
static struct json_object *
find_entry(
    struct json_object *entries, const struct wanted *w, struct json_object *options)
{
	for (size_t i = 0; json_object_is_type(entries, json_type_array) &&
	                   i < json_object_array_length(entries);
	     i++) {
		struct json_object *entry = json_object_array_get_idx(entries, i);
		const char *kind = json_str(entry, "/kind"),
		           *value = json_str(entry, "/value");

		if (kind != NULL && strcmp(kind, w->kind->name) == 0 &&
		    (value == NULL) == (w->value == NULL) &&
		    (value == NULL || strcmp(value, w->value) == 0) &&
		    json_object_equal(json_at(entry, "/options"), options))
			return entry;
	}
	return NULL;
}

/* The options that the kind's first operation takes, and those of the operation that has
 * the file; or NULL. The caller owns them. */
static struct json_object *
options_of_kind(const struct kind *k, struct json_object *options)
{
	struct json_object *first, *file;

	if (k->starts == 0)
		return NULL;
	first = options_for(k->start[0], options);
	file = k->url == NULL ? options_for(k->result, options) : NULL;
	if (first == NULL || file == NULL)
		return first != NULL ? first : file;
	json_object_object_foreach(file, name, value)
	    json_put(first, name, json_object_get(value));
	json_object_put(file);
	return first;
}

/* The renderings to make: those of -r; else those requested before and, unless the record
 * came from a list, the default kinds. */
static int
find_wanted(struct render_tool *self, const struct provider *p, struct rec *rec,
    struct json_object *entries, struct wanted **list, size_t *n, struct err *e)
{
	bool listed = rec_str(rec, "list") != NULL && json_len(entries) > 0;

	*list = NULL;
	*n = 0;
	if ((self->o->asked.n > 0 || !listed) &&
	    wanted_of(p, &self->o->asked, list, n, e) < 0)
		return -1;
	if (self->o->asked.n == 0)
		wanted_before(p, entries, listed, list, n);
	return 0;
}

/* True if every rendering is there, so that the record passes unchanged. */
static bool
skip(void *arg, struct rec *rec)
{
	struct render_tool *self = arg;
	const char *name = rec_str(rec, "provider");
	struct json_object *options = NULL;
	struct wanted *wanted = NULL;
	struct account *a;
	bool done = true;
	size_t n;
	struct err e;

	a = name != NULL ? accounts_get(self->session.engine.accounts, name, &e) : NULL;
	if (a == NULL || self->o->again ||
	    json_str(rec_get(rec, "avatar"), "/id") == NULL ||
	    find_wanted(
	        self, a->provider, rec, rec_get(rec, "renderings"), &wanted, &n, &e) < 0)
		return false;
	options = options_of(rec, a->provider, &self->o->given);
	for (size_t i = 0; done && i < n; i++) {
		struct json_object *own = options_of_kind(wanted[i].kind, options);
		struct json_object *entry =
		    wanted[i].entry != NULL
		        ? wanted[i].entry
		        : find_entry(rec_get(rec, "renderings"), &wanted[i], own);
		done = (entry != NULL && job_is_done(&self->context, entry)) ||
		       (entry == NULL && self->o->ask && wanted[i].kind->starts == 0);
		json_object_put(own);
	}
	json_object_put(options);
	free(wanted);
	return done;
}

static bool
settled(void *arg, struct rec *rec)
{
	struct render_tool *self = arg;

	return session_settled(&self->session, rec);
}

static void
render_free(struct render *r)
{
	for (size_t i = 0; i < r->n; i++)
		job_release(&r->jobs[i]);
	json_object_put(r->entries);
	json_object_put(r->plan);
	json_object_put(r->options);
	free(r->wanted);
	free(r->jobs);
	free(r);
}

/* So many jobs less; the last one ends the record and frees r. */
static void
over(struct render *r, size_t jobs)
{
	struct item *item = r->item;
	struct session *session = &r->self->session;
	struct failure failure = {0};

	r->pending -= jobs;
	if (r->pending > 0)
		return;
	if (session->paid.dry_run != NULL) {
		rec_set(item->rec, "plan", json_object_get(r->plan));
	} else {
		rec_remove(item->rec, "plan");
		rec_set(item->rec, "renderings", json_object_get(r->entries));
	}
	for (size_t i = 0; i < r->n && failure.err.code == CODE_NONE; i++)
		failure_copy(&failure, &r->jobs[i].failure);
	render_free(r);
	if (failure.err.code != CODE_NONE)
		session_fail(session, item, &failure);
	else
		run_done(item);
	failure_release(&failure);
}

static void
job_charge(struct job *job, const struct paid_charge *charge)
{
	const struct render *r = job->arg;

	run_charge(r->item, charge);
}

/* Starts a job that waited for another job of the same rendering. It fails likewise if there
 * is no rendering. Returns whether it is over. */
static bool
follow(struct render *r, struct job *job, const struct job *leader)
{
	const char *status = json_str(leader->entry, "/status");
	bool failed = leader->failure.err.code != CODE_NONE;

	job->leader = NULL;
	if (r->self->session.paid.dry_run != NULL)
		return true;
	if (failed && (status == NULL || strcmp(status, "ready") != 0)) {
		failure_copy(&job->failure, &leader->failure);
		return true;
	}
	job_adopt(job, leader->entry);
	job_start(job);
	return false;
}

static void
job_over(struct job *job)
{
	struct render *r = job->arg;
	size_t ended = 1;

	for (size_t i = 0; i < r->n; i++)
		if (r->jobs[i].leader == job && follow(r, &r->jobs[i], job))
			ended++;
	over(r, ended);
}

static void
stop(struct item *item, bool hard)
{
	struct render *r = item->state;

	r->pending++;
	for (size_t i = 0; i < r->n; i++)
		job_stop(&r->jobs[i], hard);
	over(r, 1);
}

/* Leaves of an entry only what another order of it has as well. */
static void
forget(struct json_object *entry)
{
	static const char *const made[] = {"id", "status", "provider_status", "url",
	    "file", "type", "bytes", "sha256", "reused", "error"};

	for (size_t i = 0; i < sizeof made / sizeof *made; i++)
		json_object_object_del(entry, made[i]);
}

/* The entry to work on; a new one if there is none. */
static struct json_object *
entry_for(struct render *r, const struct wanted *w)
{
	struct json_object *own, *entry;

	if (w->entry != NULL)
		return w->entry;
	own = options_of_kind(w->kind, r->options);
	entry = find_entry(r->entries, w, own);
	if (entry != NULL && r->self->o->again)
		forget(entry);
	if (entry == NULL) {
		entry = json_new_object();
		json_put_str(entry, "kind", w->kind->name);
		json_put_str(entry, "value", w->value);
		json_put(entry, "options", own);
		json_append(r->entries, entry);
		return entry;
	}
	json_object_put(own);
	return entry;
}

static bool
kind_takes(const struct kind *k, const char *given, struct similar *similar)
{
	for (size_t i = 0; i < k->starts; i++)
		if (options_takes(k->start[i], given, similar))
			return true;
	return k->url == NULL && options_takes(k->result, given, similar);
}

/* Checks that each option of the command line is for a rendering of the record: in
 * another program it would stay in the record for a later one, but here it ends. */
static int
check_given(const struct render *r, const struct provider *p, struct err *e)
{
	const struct strings *given = &r->self->o->given;

	for (size_t n = 0; n < given->n; n++) {
		struct similar similar = {.word = given->v[n]};
		bool taken = false;
		for (size_t i = 0; i < r->n; i++)
			taken =
			    taken || kind_takes(r->wanted[i].kind, given->v[n], &similar);
		if (!taken)
			return err_set(e, CODE_OPTION_UNKNOWN,
			    "none of these renderings takes -O %.*s; see av-provider options %s "
			    "--step render%s",
			    (int)strcspn(given->v[n], "="), given->v[n], p->name,
			    similar.hint);
	}
	return 0;
}

/* Checks the options before anything is requested. */
static int
check_options(struct render *r, const struct provider *p, struct err *e)
{
	const struct operation *op = NULL;
	struct findings fs = {0};

	options_check_record(r->item->rec, &fs);
	if (r->n > 0 && r->wanted[0].kind->starts > 0)
		op = r->wanted[0].kind->start[0];
	options_check(p, op, r->options, &fs);
	option_file_check(p, op, r->options, &fs);
	for (size_t i = 0; i < r->n; i++)
		for (size_t k = 0;
		     r->wanted[i].entry == NULL && k < r->wanted[i].kind->starts; k++)
			options_check_operation(
			    r->wanted[i].kind->start[k], r->options, &fs);
	if (fs.n == 0)
		return check_given(r, p, e);
	return err_set(e, fs.list[0].code, "%s", fs.list[0].message);
}

/* Checks that the avatar can be rendered. */
static int
check_avatar(struct rec *rec, struct err *e)
{
	struct json_object *avatar = rec_get(rec, "avatar");
	const char *status = json_str(avatar, "/status");

	if (json_str(avatar, "/id") == NULL)
		return err_set(e, CODE_NO_AVATAR,
		    "the record has no avatar.id; run av-upload first");
	if (status != NULL && strcmp(status, "failed") == 0)
		return err_set(e, CODE_AVATAR_FAILED,
		    "the avatar has failed; there is nothing to render");
	if (status != NULL && strcmp(status, "ready") != 0)
		return err_set(e, CODE_AVATAR_NOT_READY,
		    "the avatar is not ready; run av-poll first");
	return 0;
}

/* Reserves the file names. Fails if another record of this run has one of them. */
static int
take_targets(struct render *r, struct account *a, struct err *e)
{
	int result = 0;

	for (size_t i = 0; result == 0 && i < r->n && !r->self->o->ask; i++) {
		const struct wanted *w = &r->wanted[i];
		char *kind = w->value != NULL
		                 ? mem_printf("%s-%s", w->kind->name, w->value)
		                 : mem_str(w->kind->name);
		struct outname name = {.file = rec_str(r->item->rec, "file"),
		    .url = rec_str(r->item->rec, "url"),
		    .provider = a->provider->name,
		    .kind = kind,
		    .name = rec_str(r->item->rec, "name"),
		    .id = job_name_id(r->item->rec, w->entry),
		    .ext = ""};
		struct buf path = {0};

		result = outname_take(&r->self->context.targets,
		    r->self->context.template, &name, &path, e);
		buf_release(&path);
		free(kind);
	}
	return result;
}

/* True if both entries are of one rendering: of which one fetches another file. */
static bool
is_relative(const struct kind *k, struct json_object *entry, const struct kind *other,
    struct json_object *other_entry)
{
	struct json_object *options, *others;
	bool same;

	if (other == NULL || k->made_as != other->made_as || k->starts == 0 ||
	    k->made_as->takes_value)
		return false;
	options = options_for(k->start[0], json_at(entry, "/options"));
	others = options_for(k->start[0], json_at(other_entry, "/options"));
	same = json_object_equal(options, others);
	json_object_put(options);
	json_object_put(others);
	return same;
}

/* The first job at work on the same rendering; NULL: it is this one. */
static struct job *
leader_of(struct render *r, const struct job *job)
{
	for (struct job *j = r->jobs; j < job; j++)
		if (!job_is_done(&r->self->context, j->entry) &&
		    is_relative(job->kind, job->entry, j->kind, j->entry))
			return j;
	return NULL;
}

/* Takes over the rendering of another entry of the record, made before. */
static void
adopt_before(struct render *r, struct job *job)
{
	const struct provider *p = job->account->provider;

	for (size_t i = 0;
	     json_str(job->entry, "/id") == NULL && i < json_len(r->entries); i++) {
		struct json_object *entry = json_item(r->entries, i);
		const char *status = json_str(entry, "/status");

		if (status != NULL && strcmp(status, "failed") != 0 &&
		    is_relative(job->kind, job->entry,
		        provider_kind(p, json_str(entry, "/kind")), entry))
			job_adopt(job, entry);
	}
}

static void
start_jobs(struct render *r, struct account *a)
{
	r->jobs = mem_new(r->n, sizeof *r->jobs);
	r->pending = r->n + 1;
	for (size_t i = 0; i < r->n; i++) {
		r->jobs[i] = (struct job){.context = &r->self->context,
		    .account = a,
		    .kind = r->wanted[i].kind,
		    .value = r->wanted[i].value,
		    .rec = r->item->rec,
		    .options = r->wanted[i].entry != NULL
		                   ? json_at(r->wanted[i].entry, "/options")
		                   : r->options,
		    .entry = entry_for(r, &r->wanted[i]),
		    .plan = r->plan,
		    .fn = job_over,
		    .charge = job_charge,
		    .arg = r};
		r->jobs[i].leader = leader_of(r, &r->jobs[i]);
	}
	for (size_t i = 0; i < r->n; i++) {
		struct job *job = &r->jobs[i];

		if (job_is_done(&r->self->context, job->entry)) {
			r->pending--;
		} else if (job->leader == NULL) {
			if (!r->self->o->again)
				adopt_before(r, job);
			job_start(job);
		}
	}
	over(r, 1);
}

static void
begin(void *arg, struct item *item)
{
	struct render_tool *self = arg;
	struct account *a = session_account(&self->session, item);
	struct json_object *entries;
	struct render *r;
	struct err e;

	if (a == NULL)
		return;
	r = mem_new(1, sizeof *r);
	r->self = self;
	r->item = item;
	entries = rec_get(item->rec, "renderings");
	r->entries = json_object_is_type(entries, json_type_array) ? json_copy(entries)
	                                                           : json_new_array();
	r->plan = json_new_array();
	r->options = options_of(item->rec, a->provider, &self->o->given);
	item->state = r;
	item->stop = stop;
	if (check_avatar(item->rec, &e) == 0 &&
	    find_wanted(
	        self, a->provider, item->rec, r->entries, &r->wanted, &r->n, &e) == 0 &&
	    check_options(r, a->provider, &e) == 0 && take_targets(r, a, &e) == 0) {
		start_jobs(r, a);
		return;
	}
	r->n = 0;
	render_free(r);
	self->session.dry_run.refused++;
	run_fail(item, &e);
}

int
main(int argc, char *argv[])
{
	static const struct run_step step = {.name = "render",
	    .doing = "at work",
	    .input = INPUT_AVATARS,
	    .skip = skip,
	    .settled = settled,
	    .begin = begin};
	struct options o = {.watch = WATCH};
	struct render_tool self = {.o = &o};
	const char *bad;
	char *template;
	int first, status;
	bool patient;

	wanted_options(&argc, &argv, table);
	first = opt_parse(argc, argv, &usage, table, &o);
	opt_common_finish(&o.common, &usage, argv, first);
	if (o.again && o.asked.n == 0)
		opt_misuse(&usage, "--again needs -r: name what to order again");
	patient = o.common.timeout_ms == 0;
	if (o.common.timeout_ms == 0)
		o.common.timeout_ms = TIMEOUT_MS;
	template = outname_template(o.out != NULL ? o.out : ".", OUTNAME_USUAL, &bad);
	if (template == NULL)
		opt_misuse(&usage, OUTNAME_NO_KEY "out", bad);
	session_open(&self.session, &o.common, &usage,
	    &(struct session_options){.window = (size_t)o.watch,
	        .ledger = true,
	        .ledger_file = o.ledger,
	        .again = o.again,
	        .dry_run = o.dry_run},
	    &step, &self);
	self.context = (struct render_context){.engine = &self.session.engine,
	    .paid = &self.session.paid,
	    .filetypes = filetype_new(),
	    .template = template,
	    .ask = o.ask,
	    .force = o.force,
	    .max_bytes = (uint64_t)o.max_bytes,
	    .timeout_ms = o.common.timeout_ms};
	image_prepare(); /* while there are descriptors */
	filetype_open(self.context.filetypes);
	poller_init(&self.context.poller, &self.session.engine, o.common.timeout_ms,
	    o.interval_ms);
	self.context.poller.patient = patient;
	status = run_records(self.session.run, argv + first);
	session_close(&self.session, status);
	hashset_release(&self.context.targets);
	filetype_free(self.context.filetypes);
	strings_release(&o.asked);
	strings_release(&o.given);
	free(template);
	run_exit(status);
}
