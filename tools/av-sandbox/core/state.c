#include <errno.h>
#include <fcntl.h>
#include <json-c/linkhash.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "core/object.h"
#include "core/state.h"
#include "core/util.h"

static struct sb_list lists[SERVICES][ITEM_KINDS];
static struct lh_table *index_of[SERVICES]; /* id to item */
static uint64_t numbers;                    /* ids given out so far */
static int journal = -1;
static unsigned kept_port; /* the last one in the journal; 0: none */

/* Jobs that run, and those that have ended since the last call of state_jobs. */
static struct sb_job {
	enum service_no service;
	int64_t end;
} * jobs;
static size_t jobs_n, jobs_size;

void
state_note(const char *kind, struct json_object *value)
{
	struct json_object *line = json_object_new_object();
	struct buf b = {0};

	json_object_object_add(line, kind, value);
	obj_write(&b, line);
	buf_chr(&b, '\n');
	if (journal >= 0 && write(journal, b.data, b.len) != (ssize_t)b.len)
		die(EX_IOERR, "cannot write '%s':", opts.state);
	buf_release(&b);
}

static struct sb_item *
item_new(enum service_no service, enum item_kind kind, struct sb_item *parent)
{
	struct sb_item *it = mem_new(1, sizeof *it);

	it->service = service;
	it->kind = kind;
	it->parent = parent;
	TAILQ_INIT(&it->children);
	return it;
}

static char *
new_uuid(enum service_no service, uint64_t n)
{
	char text[UUID_SIZE];

	uuid_of(mix(opts.seed, (uint64_t)service), n, text);
	return mem_str(text);
}

struct sb_item *
sb_item_new(const struct service *s, enum item_kind kind, struct sb_item *parent)
{
	struct sb_item *it = item_new(s->no, kind, parent);

	it->id = s->new_id != NULL ? s->new_id(numbers) : new_uuid(s->no, numbers);
	numbers++;
	it->params = json_object_new_object();
	return it;
}

void
sb_item_free(struct sb_item *it)
{
	if (it == NULL)
		return;
	free(it->id);
	free(it->name);
	json_object_put(it->params);
	free(it);
}

static void
jobs_add(const struct sb_item *it)
{
	if (it->ready <= clock_unix_ms())
		return;
	if (jobs_n == jobs_size) {
		jobs_size = jobs_size * 2 + 16;
		jobs = mem_resize(jobs, jobs_size * sizeof *jobs);
	}
	jobs[jobs_n++] = (struct sb_job){it->service, it->ready};
}

int64_t
state_jobs(enum service_no service)
{
	int64_t now = clock_unix_ms(), running = 0;
	size_t n = 0;

	for (size_t i = 0; i < jobs_n; i++)
		if (jobs[i].end > now) {
			running += jobs[i].service == service;
			jobs[n++] = jobs[i];
		}
	jobs_n = n;
	return running;
}

/* Adds the item to the lists and the index. */
static void
enter(struct sb_item *it)
{
	struct sb_list *l = &lists[it->service][it->kind];

	if ((l->n & (l->n - 1)) == 0)
		l->at = mem_resize(
		    l->at, (l->n > 0 ? l->n * 2 : 1) * sizeof(struct sb_item *));
	l->at[l->n++] = it;
	if (it->parent != NULL)
		TAILQ_INSERT_TAIL(&it->parent->children, it, next);
	if (index_of[it->service] == NULL)
		index_of[it->service] = lh_kchar_table_new(1024, NULL);
	lh_table_insert(index_of[it->service], it->id, it);
	jobs_add(it);
}

static struct json_object *
item_json(const struct sb_item *it)
{
	struct json_object *o = json_object_new_object();

	obj_int(o, "service", it->service);
	obj_int(o, "kind", it->kind);
	obj_text(o, "id", it->id);
	if (it->name != NULL)
		obj_text(o, "name", it->name);
	if (it->parent != NULL)
		obj_text(o, "parent", it->parent->id);
	if (it->photo != NULL)
		obj_text(o, "photo", it->photo->sha256);
	json_object_object_add(o, "params", json_object_get(it->params));
	obj_int(o, "created", it->created);
	obj_int(o, "updated", it->updated);
	obj_int(o, "ready", it->ready);
	obj_int(o, "fate", it->fate);
	obj_bool(o, "free", it->free_of_charge);
	obj_int(o, "numbers", (int64_t)numbers);
	return o;
}

void
state_make(struct sb_item *it, int64_t ready_after)
{
	int64_t start = clock_unix_ms();

	it->created = it->updated = start;
	if (it->parent != NULL && it->parent->ready > start)
		start = it->parent->ready;
	it->ready = start + ready_after;
	if (journal >= 0) {
		if (it->photo != NULL && !it->photo->kept) {
			it->photo->kept = true;
			state_note("photo", sb_photo_json(it->photo));
		}
		state_note("make", item_json(it));
	}
	enter(it);
}

static void
note_change(const struct sb_item *it, const char *what, struct json_object *value)
{
	struct json_object *o = json_object_new_object();

	obj_int(o, "service", it->service);
	obj_text(o, "id", it->id);
	json_object_object_add(o, what, value);
	obj_int(o, "at", it->updated);
	state_note("change", o);
}

void
state_delete(struct sb_item *it)
{
	it->deleted = true;
	it->updated = clock_unix_ms();
	note_change(it, "deleted", json_object_new_boolean(true));
}

void
state_rename(struct sb_item *it, const char *name)
{
	free(it->name);
	it->name = mem_str(name);
	it->updated = clock_unix_ms();
	note_change(it, "name", json_object_new_string(name));
}

void
state_change(struct sb_item *it, struct json_object *params)
{
	json_object_put(it->params);
	it->params = params;
	it->updated = clock_unix_ms();
	note_change(it, "params", json_object_get(params));
}

static struct sb_item *
find_any(enum service_no service, const char *id)
{
	void *it = NULL;

	if (index_of[service] != NULL)
		lh_table_lookup_ex(index_of[service], id, &it);
	return it;
}

struct sb_item *
state_find(enum service_no service, enum item_kind kind, const char *id)
{
	struct sb_item *it = find_any(service, id);

	if (it == NULL || it->kind != kind || it->deleted ||
	    (it->parent != NULL && it->parent->deleted))
		return NULL;
	return it;
}

const struct sb_list *
state_list(enum service_no service, enum item_kind kind)
{
	return &lists[service][kind];
}

bool
sb_item_listed(const struct sb_item *it)
{
	return !it->deleted && !it->free_of_charge &&
	       it->created + opts.list_lag <= clock_unix_ms();
}

double
sb_item_progress(const struct sb_item *it)
{
	int64_t now = clock_unix_ms();

	if (now >= it->ready)
		return 1;
	return (double)(now - it->created) / (double)(it->ready - it->created);
}

static bool
restore_seed(struct json_object *o)
{
	opts.seed = (uint64_t)json_object_get_int64(o);
	return true;
}

static bool
restore_port(struct json_object *o)
{
	int64_t port = json_object_get_int64(o);

	kept_port = (unsigned)port;
	return port > 0 && port <= 65535;
}

/* The number of the service that an item's line names, or -1. */
static int
service_in(struct json_object *o)
{
	int service = json_object_get_int(obj_get(o, "service"));

	return service >= 0 && service < SERVICES && obj_get_text(o, "id") != NULL
	           ? service
	           : -1;
}

static bool
restore_item(struct json_object *o)
{
	int service = service_in(o), kind = json_object_get_int(obj_get(o, "kind"));
	struct sb_item *it;

	if (service < 0 || kind < 0 || kind >= ITEM_KINDS)
		return false;
	it = item_new((enum service_no)service, (enum item_kind)kind, NULL);
	it->id = mem_str(obj_get_text(o, "id"));
	it->name = mem_str(obj_get_text(o, "name"));
	if (obj_get_text(o, "parent") != NULL)
		it->parent = find_any(it->service, obj_get_text(o, "parent"));
	if (obj_get_text(o, "photo") != NULL)
		it->photo = sb_photo_find(obj_get_text(o, "photo"));
	it->params = json_object_get(obj_get(o, "params"));
	it->created = obj_get_int(o, "created");
	it->updated = obj_get_int(o, "updated");
	it->ready = obj_get_int(o, "ready");
	it->fate = (enum fate)obj_get_int(o, "fate");
	it->free_of_charge = obj_get_bool(o, "free");
	numbers = (uint64_t)obj_get_int(o, "numbers");
	enter(it);
	return true;
}

static bool
restore_change(struct json_object *o)
{
	int service = service_in(o);
	struct sb_item *it;

	it = service >= 0 ? find_any((enum service_no)service, obj_get_text(o, "id"))
	                  : NULL;
	if (it == NULL)
		return false;
	it->updated = obj_get_int(o, "at");
	it->deleted |= obj_get_bool(o, "deleted");
	if (obj_get_text(o, "name") != NULL) {
		free(it->name);
		it->name = mem_str(obj_get_text(o, "name"));
	}
	if (obj_has(o, "params")) {
		json_object_put(it->params);
		it->params = json_object_get(obj_get(o, "params"));
	}
	return true;
}

static struct journal_kind {
	const char *name;
	bool (*restore)(struct json_object *value);
} kinds[8] = {{"seed", restore_seed}, {"port", restore_port}, {"photo", sb_photo_restore},
    {"make", restore_item}, {"change", restore_change}};
enum { KINDS = sizeof kinds / sizeof *kinds };

void
state_register(const char *kind, bool (*restore)(struct json_object *value))
{
	for (int i = 0; i < KINDS; i++)
		if (kinds[i].name == NULL) {
			kinds[i] = (struct journal_kind){kind, restore};
			return;
		}
	abort();
}

/* Restores one line of the journal. */
static bool
restore(struct json_object *line)
{
	for (int i = 0; i < KINDS && kinds[i].name != NULL; i++) {
		struct json_object *value = obj_get(line, kinds[i].name);

		if (value != NULL)
			return kinds[i].restore(value);
	}
	return false;
}

/* Reads the journal. A last line without its line feed was cut by a crash, and its
 * request was never answered: it is removed. */
static int
replay(FILE *f, struct err *e)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t len;
	long good = 0, number = 0;
	int status = 0;

	while (status == 0 && (len = getline(&line, &size, f)) > 0 &&
	       line[len - 1] == '\n') {
		struct json_object *o = json_tokener_parse(line);

		number++;
		if (o == NULL || !restore(o))
			status = err_set(e, CODE_DAMAGED,
			    "%s:%ld: not a line of a sandbox journal; use another file",
			    opts.state, number);
		json_object_put(o);
		good = ftell(f);
	}
	free(line);
	if (status == 0 && ftruncate(fileno(f), good) < 0)
		status = err_set(
		    e, CODE_TARGET_UNWRITABLE, "cannot truncate '%s':", opts.state);
	return status;
}

int
state_open(struct err *e)
{
	FILE *f;
	int status, fd;
	bool fresh;

	if (opts.state == NULL)
		return 0;
	fd = open(opts.state, O_RDWR | O_CREAT | O_CLOEXEC | O_APPEND, 0600);
	f = fd >= 0 ? fdopen(fd, "r+") : NULL;
	if (f == NULL) {
		if (fd >= 0)
			close(fd);
		return err_set(
		    e, CODE_TARGET_UNWRITABLE, "cannot open '%s':", opts.state);
	}
	status = replay(f, e);
	fresh = status == 0 && lseek(fd, 0, SEEK_END) == 0;
	if (status == 0) {
		journal = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		if (journal < 0)
			status = err_set(e, CODE_TARGET_UNWRITABLE,
			    "cannot keep '%s' open:", opts.state);
	}
	fclose(f);
	if (status == 0 && fresh)
		state_note("seed", json_object_new_int64((int64_t)opts.seed));
	opts.port_kept = opts.port == 0 && kept_port != 0;
	if (opts.port_kept)
		opts.port = kept_port;
	return status;
}

void
state_keep_port(unsigned port)
{
	if (port != kept_port)
		state_note("port", json_object_new_int64(port));
	kept_port = port;
}

void
state_close(void)
{
	for (int s = 0; s < SERVICES; s++) {
		for (int k = 0; k < ITEM_KINDS; k++) {
			for (size_t i = 0; i < lists[s][k].n; i++)
				sb_item_free(lists[s][k].at[i]);
			free(lists[s][k].at);
			lists[s][k] = (struct sb_list){NULL, 0};
		}
		if (index_of[s] != NULL)
			lh_table_free(index_of[s]);
		index_of[s] = NULL;
	}
	free(jobs);
	if (journal >= 0)
		close(journal);
	journal = -1;
}
