/*
 * av-fetch: brings photos from URLs and object stores into files.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/s3.h"
#include "base/file.h"
#include "base/hashset.h"
#include "base/mem.h"
#include "http/url.h"
#include "image/image.h"
#include "image/whole.h"
#include "photo/photo.h"
#include "program/session.h"
#include "service/download.h"
#include "json/json.h"

#define TIMEOUT_MS (2 * 60 * 1000)

/* Records at work, most of which wait for a request of -j or for their host. Each may have a
 * descriptor for its host's pace. */
#define WINDOW 256

/* Files that are read at a time. */
#define LOOKS_MAX 8

/* The name tells the URL, so that a file of an earlier run is known by it. */
#define USUAL "{stem}.{id}.{ext}"

struct options {
	struct opt_common common;
	const char *out, *endpoint;
	int64_t max_bytes;
	bool force, allow_private;
};

static const struct opt table[] = {
    {'o', "output", "DIR|TEMPLATE", "write to DIR/" USUAL, OPT_STR,
        offsetof(struct options, out)},
    {0, "endpoint", "URL", "object store of s3:// URLs (AWS_ENDPOINT_URL_S3)", OPT_STR,
        offsetof(struct options, endpoint)},
    {0, "force", NULL, "fetch again, and replace existing files", OPT_FLAG,
        offsetof(struct options, force)},
    {0, "allow-private", NULL, "fetch from private and special addresses too", OPT_FLAG,
        offsetof(struct options, allow_private)},
    {0, "max-bytes", "N[k|M|G]", "largest photo to fetch (512M)", OPT_BYTES | OPT_RARE,
        offsetof(struct options, max_bytes)},
    {'j', "jobs", "N", "requests in flight (4)", OPT_INT | OPT_RARE,
        offsetof(struct options, common.jobs)},
    {0, "rate", "N[/s]", "requests a second for each host", OPT_RATE | OPT_RARE,
        offsetof(struct options, common.rate)},
    {0, "timeout", "TIME", "time limit for the attempts at one photo (2m)",
        OPT_MS | OPT_RARE, offsetof(struct options, common.timeout_ms)},
    OPT_COMMON(struct options),
    {0},
};

static const struct opt_usage usage = {
    .synopsis = "av-fetch [options] [URL|RECORD...]",
    .about =
        "Brings photos from https and from object stores into files. Reads URLs or\n"
        "records with `url`, writes records with `file`. What is there whole is not\n"
        "fetched again.",
    .examples =
        "  av-fetch -o photos <urls.txt | av-validate -p anam | av-upload >made.jsonl\n"
        "  av-fetch -o photos s3://bucket/ann.jpg\n"
        "  av-fetch --endpoint https://store.example.org -o photos <records.jsonl\n",
};

/* Media types of photos, as libmagic calls them, and the extensions of their files: what the
 * services take and what av-fit converts. */
static const struct {
	const char *type, *ext;
} types[] = {{"image/jpeg", "jpg"}, {"image/png", "png"}, {"image/webp", "webp"},
    {"image/heic", "heic"}, {"image/heif", "heif"}, {"image/avif", "avif"},
    {"image/gif", "gif"}, {"image/tiff", "tif"}, {"image/bmp", "bmp"},
    {"image/x-ms-bmp", "bmp"}, {"image/jp2", "jp2"}, {"image/jxl", "jxl"}};

#define N_TYPES (sizeof types / sizeof *types)

struct fetch;
TAILQ_HEAD(fetches, fetch);

struct fetch_tool {
	struct session session;
	const struct options *o;
	struct s3 s3;
	struct json_object *types;
	struct filetype *filetypes;
	char *template;
	bool named_by_url;      /* the template has {id} */
	char *folder;           /* of the last photo */
	bool folder_was_empty;  /* when its first photo was begun */
	struct hashset targets; /* paths that records of this run have */
	struct hashset sources; /* the same, with the URL */
	struct fetches at_work; /* one for each URL and path */
	struct fetches looks;   /* of them, those that wait to be looked at */
	size_t n_looks;
};

/* A photo that a record is at work on. */
struct fetch {
	struct fetch_tool *self;
	struct item *item; /* NULL: the run was stopped, the record is written */
	char *url;         /* as it is asked for */
	char *object;      /* as the record keeps it: without a signature */
	char *wanted;      /* the record's file, which does not exist; or NULL */
	char *path;        /* of the file, with an empty extension */
	char *name, *provider, *sha256;
	char id[17];
	bool repeats; /* a record before has the same photo */
	struct outname outname;
	struct download *download;
	struct fetches followers; /* records of the same photo */
	TAILQ_ENTRY(fetch) link, look;
	bool looking; /* on a thread */
	/* The file; fd -1: none was found. */
	struct {
		int fd;
		const char *type, *ext;
		char *path;
		uint64_t bytes;
		bool whole;
		char sha256[SHA256_HEX];
	} found;
};

static void start_looks(struct fetch_tool *self);

static void
fetch_free(struct fetch *f)
{
	if (f->found.fd >= 0)
		close(f->found.fd);
	free(f->found.path);
	free(f->url);
	free(f->object);
	free(f->wanted);
	free(f->path);
	free(f->name);
	free(f->provider);
	free(f->sha256);
	free(f);
}

/* Puts what is left of a secret URL into the record. */
static void
put_url(struct fetch *f)
{
	const char *url = rec_str(f->item->rec, "url");

	if (url == NULL || strcmp(url, f->object) != 0)
		rec_set_str(f->item->rec, "url", f->object);
}

static void
put_file(struct fetch *f, const struct download_result *result)
{
	struct rec *rec = f->item->rec;
	struct json_object *o = json_new_object();

	json_put_str(o, "from", f->wanted != NULL ? f->wanted : f->object);
	json_put_str(o, "type", result->type);
	json_put_int(o, "bytes", (int64_t)result->bytes);
	json_put_str(o, "sha256", result->sha256);
	put_url(f);
	if (f->wanted != NULL && !rec_has(rec, "source_file"))
		rec_set_str(rec, "source_file", f->wanted);
	rec_set_str(rec, "file", result->file);
	rec_set(rec, "fetch", o);
	rec_remove(rec, "error"); /* of av-validate */
	if (f->sha256 == NULL)    /* it was of another file, or of none */
		rec_remove(rec, "image");
}

/* Completes the record, and frees the fetch. */
static void
complete(struct fetch *f, const struct download_result *result)
{
	if (f->item == NULL) {
		fetch_free(f);
		return;
	}
	if (result->failure == NULL)
		put_file(f, result);
	else
		put_url(f);
	if (result->failure == NULL)
		run_done(f->item);
	else
		session_fail(&f->self->session, f->item, result->failure);
	fetch_free(f);
}

/* The photo is there, or will not come: completes all its records. */
static void
end(struct fetch *f, const struct download_result *result)
{
	struct fetch *follower;

	TAILQ_REMOVE(&f->self->at_work, f, link);
	while ((follower = TAILQ_FIRST(&f->followers)) != NULL) {
		TAILQ_REMOVE(&f->followers, follower, link);
		complete(follower, result);
	}
	complete(f, result);
}

static void
fail(struct fetch *f, const struct err *e)
{
	struct failure failure = {0};

	failure_set(&failure, e, NULL);
	end(f, &(struct download_result){.failure = &failure});
	failure_release(&failure);
}

static void
fetched(void *arg, const struct download_result *result)
{
	struct fetch *f = arg;

	f->download = NULL;
	end(f, result);
}

static void
start_download(struct fetch *f)
{
	struct fetch_tool *self = f->self;
	struct download_spec spec = {.url = f->url,
	    .signer = s3_is_url(f->object) ? &self->s3.signer : NULL,
	    .template = self->template,
	    .name = f->outname,
	    .types = self->types,
	    .filetypes = self->filetypes,
	    .force = self->o->force,
	    .timeout_ms = self->o->common.timeout_ms,
	    .max_bytes = (uint64_t)self->o->max_bytes,
	    .sha256 = f->sha256};

	f->download = download_start(&self->session.engine, &spec, fetched, f);
}

/* True if the photo may be there already: an earlier run or record may have fetched it. */
static bool
may_be_there(struct fetch *f)
{
	struct fetch_tool *self = f->self;
	char *folder = file_dir_of(f->path);

	if (self->folder != NULL && strcmp(self->folder, folder) == 0) {
		free(folder);
	} else {
		free(self->folder);
		self->folder = folder;
		self->folder_was_empty = file_dir_is_empty(folder);
	}
	return self->named_by_url && !self->o->force &&
	       (f->repeats || !self->folder_was_empty);
}

/* Opens the file of an earlier run. Its extension tells its type. */
static bool
find(struct fetch *f)
{
	struct outname name = f->outname;
	struct buf path = {0};
	struct stat st;

	for (size_t i = 0; i < N_TYPES && f->found.fd < 0; i++) {
		name.ext = types[i].ext;
		buf_clear(&path);
		outname_path(f->self->template, &name, &path);
		f->found.fd =
		    open(path.data, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
		f->found.type = types[i].type;
		f->found.ext = types[i].ext;
	}
	if (f->found.fd >= 0 &&
	    (fstat(f->found.fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size == 0)) {
		close(f->found.fd);
		f->found.fd = -1;
	}
	if (f->found.fd >= 0) {
		f->found.bytes = (uint64_t)st.st_size;
		f->found.path = buf_take(&path);
	}
	buf_release(&path);
	return f->found.fd >= 0;
}

/* On a thread: a disk may be slow. */
static void
look(void *arg)
{
	struct fetch *f = arg;
	char why[WHOLE_WHY];

	f->found.whole = file_is_whole(f->found.fd, f->found.bytes, f->found.type,
	                     f->found.ext, why) &&
	                 sha256_file(f->found.fd, f->found.sha256) &&
	                 (f->sha256 == NULL || strcmp(f->sha256, f->found.sha256) == 0);
}

static void
looked(void *arg)
{
	struct fetch *f = arg;
	struct fetch_tool *self = f->self;

	f->looking = false;
	self->n_looks--;
	if (f->found.whole)
		end(f, &(struct download_result){.file = f->found.path,
		           .type = f->found.type,
		           .bytes = f->found.bytes,
		           .sha256 = f->found.sha256});
	else
		start_download(f);
	start_looks(self);
}

static void
start_looks(struct fetch_tool *self)
{
	struct fetch *f;

	while (self->n_looks < LOOKS_MAX && (f = TAILQ_FIRST(&self->looks)) != NULL) {
		TAILQ_REMOVE(&self->looks, f, look);
		self->n_looks++;
		f->looking = true;
		loop_work(self->session.engine.loop, look, looked, f);
	}
}

/* A file that is being read is soon done, unless its disk is slow. */
static void
stop(struct item *item, bool hard)
{
	struct fetch *f = item->state;
	struct err e;

	if (f->download != NULL) {
		download_stop(f->download);
		return;
	}
	if (f->looking && !hard)
		return;
	err_set(&e, CODE_INTERRUPTED, "stopped before this was done; run it again");
	if (f->looking) {
		put_url(f);
		f->item = NULL;
		run_fail(item, &e);
		return;
	}
	TAILQ_REMOVE(&f->self->looks, f, look);
	fail(f, &e);
}

/* Makes one request of several records with the same photo. True: f waits for the first. */
static bool
follow(struct fetch *f)
{
	struct fetch *first;

	TAILQ_FOREACH (first, &f->self->at_work, link)
		if (strcmp(first->id, f->id) == 0 && strcmp(first->path, f->path) == 0)
			break;
	if (first == NULL)
		return false;
	TAILQ_INSERT_TAIL(&first->followers, f, link);
	return true;
}

/* Sets the URL that is asked for and the one that the record keeps. */
static int
read_url(struct fetch *f, struct err *e)
{
	const char *url = rec_str(f->item->rec, "url");

	if (url == NULL)
		return err_set(e, CODE_NO_PHOTO, "the record has neither file nor url");
	f->object = url_subject(url, false);
	if (s3_is_url(url))
		return (f->url = s3_resolve(&f->self->s3, url, e)) != NULL ? 0 : -1;
	if (!url_is_whole(url))
		return err_set(e, CODE_URL_REFUSED,
		    "this is no URL: a scheme or the host is missing, or it has a blank in it");
	f->url = mem_str(url);
	return url_check(url, e);
}

/* Sets what the file's name is made of. */
static void
name_file(struct fetch *f)
{
	struct rec *rec = f->item->rec;
	char hex[SHA256_HEX];
	struct sha256 sha;
	struct buf path = {0};

	sha256_init(&sha);
	sha256_add(&sha, f->object, strlen(f->object));
	sha256_hex(&sha, hex);
	memcpy(f->id, hex, sizeof f->id - 1);
	f->wanted = mem_str(rec_str(rec, "file"));
	f->name = mem_str(rec_str(rec, "name"));
	f->provider = mem_str(rec_str(rec, "provider"));
	f->outname = (struct outname){.file = f->wanted,
	    .url = f->object,
	    .provider = f->provider,
	    .kind = "fetch",
	    .name = f->name,
	    .id = f->id,
	    .ext = ""};
	outname_path(f->self->template, &f->outname, &path);
	f->path = buf_take(&path);
}

/* Reserves the file's name, which records of one photo share. */
static int
take_target(struct fetch *f, struct err *e)
{
	struct fetch_tool *self = f->self;
	unsigned char sum[SHA256_BYTES];
	struct sha256 sha;
	struct buf path = {0};
	int rc;

	sha256_init(&sha);
	sha256_add(&sha, f->path, strlen(f->path) + 1);
	sha256_add(&sha, f->object, strlen(f->object));
	sha256_sum(&sha, sum);
	f->repeats = hashset_has(&self->sources, sum);
	if (f->repeats)
		return 0;
	rc = outname_take(&self->targets, self->template, &f->outname, &path, e);
	if (rc == 0)
		hashset_add(&self->sources, sum);
	buf_release(&path);
	return rc;
}

/* The hash that the record says the photo has, or NULL. */
static char *
hash_of(struct rec *rec)
{
	const char *sha256 = json_str(rec_get(rec, "image"), "/sha256");

	if (sha256 == NULL)
		sha256 = json_str(rec_get(rec, "fetch"), "/sha256");
	return mem_str(sha256);
}

static bool
skip(void *self, struct rec *rec)
{
	const char *file = rec_str(rec, "file");

	(void)self;
	return rec_has(rec, "avatar") ||
	       (file != NULL && (!rec_has(rec, "url") || access(file, F_OK) == 0));
}

/* True for a record that was refused for nothing but its URL. */
static bool
mend(void *self, struct rec *rec)
{
	struct json_object *error = rec_get(rec, "error"),
	                   *problems = json_at(error, "/problems");
	const char *code = json_str(error, "/code");

	if (code == NULL || strcmp(code, code_info(CODE_PHOTO_REFUSED)->name) != 0 ||
	    skip(self, rec))
		return false;
	for (size_t i = 0; i < json_len(problems); i++) {
		const char *of = json_str(json_item(problems, i), "/code"),
		           *severity = json_str(json_item(problems, i), "/severity");

		if (of == NULL || severity == NULL ||
		    (strcmp(severity, severity_name(SEVERITY_REFUSED)) == 0 &&
		        strcmp(of, code_info(CODE_URL_REFUSED)->name) != 0))
			return false;
	}
	return json_len(problems) > 0;
}

static void
begin(void *arg, struct item *item)
{
	struct fetch_tool *self = arg;
	struct fetch *f = mem_new(1, sizeof *f);
	struct err e;
	int rc;

	f->self = self;
	f->item = item;
	f->found.fd = -1;
	TAILQ_INIT(&f->followers);
	rc = read_url(f, &e);
	if (rc == 0) {
		name_file(f);
		rc = take_target(f, &e);
	}
	if (rc < 0) {
		if (f->object != NULL)
			put_url(f);
		fetch_free(f);
		run_fail(item, &e);
		return;
	}
	f->sha256 = hash_of(item->rec);
	item->state = f;
	if (follow(f))
		return;
	item->stop = stop;
	TAILQ_INSERT_TAIL(&self->at_work, f, link);
	if (may_be_there(f) && find(f)) {
		TAILQ_INSERT_TAIL(&self->looks, f, look);
		start_looks(self);
	} else {
		start_download(f);
	}
}

static void
read_options(struct fetch_tool *self, struct options *o, char *argv[], int first)
{
	const char *bad;
	struct err e;

	opt_common_finish(&o->common, &usage, argv, first);
	if (o->common.timeout_ms == 0)
		o->common.timeout_ms = TIMEOUT_MS;
	if (o->max_bytes == 0)
		o->max_bytes = PHOTO_MAX_BYTES;
	if (o->endpoint != NULL && url_check(o->endpoint, &e) < 0)
		opt_misuse(&usage,
		    "--endpoint: %s; try --endpoint https://store.example.org",
		    e.message);
	self->template = outname_template(o->out != NULL ? o->out : ".", USUAL, &bad);
	if (self->template == NULL)
		opt_misuse(&usage, OUTNAME_NO_KEY "photos", bad);
	self->named_by_url = strstr(self->template, "{id}") != NULL;
	self->o = o;
	s3_init(&self->s3, o->endpoint);
	TAILQ_INIT(&self->at_work);
	TAILQ_INIT(&self->looks);
	self->types = json_new_object();
	for (size_t i = 0; i < N_TYPES; i++)
		json_put_str(self->types, types[i].type, types[i].ext);
}

int
main(int argc, char *argv[])
{
	static const struct run_step step = {.name = "fetch",
	    .doing = "being fetched",
	    .input = INPUT_PHOTOS,
	    .skip = skip,
	    .mend = mend,
	    .begin = begin};
	struct options o = {0};
	struct fetch_tool self = {0};
	int first = opt_parse(argc, argv, &usage, table, &o), status;

	read_options(&self, &o, argv, first);
	session_open(&self.session, &o.common, &usage,
	    &(struct session_options){
	        .window = o.common.jobs > WINDOW ? (size_t)o.common.jobs : WINDOW,
	        .private_hosts = o.allow_private},
	    &step, &self);
	self.filetypes = filetype_new();
	image_prepare(); /* while there are descriptors */
	filetype_open(self.filetypes);
	status = run_records(self.session.run, argv + first);
	session_close(&self.session, status);
	hashset_release(&self.targets);
	hashset_release(&self.sources);
	filetype_free(self.filetypes);
	json_object_put(self.types);
	s3_release(&self.s3);
	free(self.folder);
	free(self.template);
	run_exit(status);
}
