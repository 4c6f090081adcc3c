#include <errno.h>
#include <fcntl.h>
#include <json-c/linkhash.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/mem.h"
#include "core/state.h"
#include "core/stats.h"
#include "services/oauth.h"

static struct sb_list lists[SERVICES][ITEM_KINDS];
static struct lh_table *index_of[SERVICES]; /* id to item */
static uint64_t numbers;                    /* items that were ever begun */
static int journal = -1;
static int64_t *jobs; /* when each of Loom's running jobs ends */
static size_t jobs_n, jobs_size;

static void
journal_write(struct json_object *line)
{
	struct buf b = {0};

	if (journal >= 0) {
		buf_str(&b, json_object_to_json_string_ext(line, JSON_C_TO_STRING_PLAIN));
		buf_chr(&b, '\n');
		if (write(journal, b.data, b.len) != (ssize_t)b.len)
			die(EX_IOERR, "cannot write '%s':", opts.state);
		buf_release(&b);
	}
	json_object_put(line);
}

void
state_note(const char *kind, struct json_object *o)
{
	struct json_object *line = json_object_new_object();

	json_object_object_add(line, kind, o);
	journal_write(line);
}

/* Crockford's base 32, which leaves out I, L, O and U. */
static void
ulid(char *out, uint64_t time, uint64_t a, uint64_t b)
{
	static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

	for (int i = 9; i >= 0; i--, time >>= 5)
		out[i] = digits[time & 31];
	for (int i = 17; i >= 10; i--, a >>= 5)
		out[i] = digits[a & 31];
	for (int i = 25; i >= 18; i--, b >>= 5)
		out[i] = digits[b & 31];
	out[26] = '\0';
}

static char *
new_id(enum service_no service, uint64_t n)
{
	int64_t base = opts.big_ids ? 9100000000000000001 : 6100000000000001;
	char text[UUID_SIZE];

	if (service == LOOM)
		return mem_printf("%lld", (long long)(base + (int64_t)n * 10));
	if (service == AVTR1) {
		ulid(text, (uint64_t)wall_ms(), n, mix(opts.seed, n));
		return mem_printf("av_%s", text);
	}
	uuid_of(mix(opts.seed, (uint64_t)service), n, text);
	return mem_str(text);
}

struct sb_item *
sb_item_new(enum service_no service, enum item_kind kind, struct sb_item *parent)
{
	struct sb_item *it = mem_new(1, sizeof *it);

	it->service = service;
	it->kind = kind;
	it->parent = parent;
	it->id = new_id(service, numbers++);
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
	if (it->service != LOOM || it->ready <= wall_ms())
		return;
	if (jobs_n == jobs_size) {
		jobs_size = jobs_size * 2 + 16;
		jobs = mem_resize(jobs, jobs_size * sizeof *jobs);
	}
	jobs[jobs_n++] = it->ready;
}

long
state_jobs(void)
{
	int64_t now = wall_ms();
	size_t n = 0;

	for (size_t i = 0; i < jobs_n; i++)
		if (jobs[i] > now)
			jobs[n++] = jobs[i];
	jobs_n = n;
	return (long)n;
}

/* Into the lists and the index. */
static void
enter(struct sb_item *it)
{
	struct sb_list *l = &lists[it->service][it->kind];

	if ((l->n & (l->n - 1)) == 0)
		l->at = mem_resize(
		    l->at, (l->n > 0 ? l->n * 2 : 1) * sizeof(struct sb_item *));
	it->place = l->n;
	l->at[l->n++] = it;
	if (it->parent != NULL) {
		if (it->parent->last != NULL)
			it->parent->last->next = it;
		else
			it->parent->first = it;
		it->parent->last = it;
	}
	if (index_of[it->service] == NULL)
		index_of[it->service] = lh_kchar_table_new(1024, NULL);
	lh_table_insert(index_of[it->service], it->id, it);
	jobs_add(it);
	stats_made(it);
}

static struct json_object *
item_json(const struct sb_item *it)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "service", json_object_new_int((int)it->service));
	json_object_object_add(o, "kind", json_object_new_int((int)it->kind));
	json_object_object_add(o, "id", json_object_new_string(it->id));
	if (it->name != NULL)
		json_object_object_add(o, "name", json_object_new_string(it->name));
	if (it->parent != NULL)
		json_object_object_add(
		    o, "parent", json_object_new_string(it->parent->id));
	if (it->photo != NULL)
		json_object_object_add(
		    o, "photo", json_object_new_string(it->photo->sha256));
	json_object_object_add(o, "params", json_object_get(it->params));
	json_object_object_add(o, "created", json_object_new_int64(it->created));
	json_object_object_add(o, "updated", json_object_new_int64(it->updated));
	json_object_object_add(o, "ready", json_object_new_int64(it->ready));
	json_object_object_add(o, "fate", json_object_new_int((int)it->fate));
	json_object_object_add(o, "free", json_object_new_boolean(it->free_of_charge));
	json_object_object_add(o, "numbers", json_object_new_int64((int64_t)numbers));
	return o;
}

void
state_make(struct sb_item *it, int64_t ready_after)
{
	int64_t start = wall_ms();

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

	json_object_object_add(o, "service", json_object_new_int((int)it->service));
	json_object_object_add(o, "id", json_object_new_string(it->id));
	json_object_object_add(o, what, value);
	json_object_object_add(o, "at", json_object_new_int64(it->updated));
	state_note("change", o);
}

void
state_delete(struct sb_item *it)
{
	it->deleted = true;
	it->updated = wall_ms();
	note_change(it, "deleted", json_object_new_boolean(true));
}

void
state_rename(struct sb_item *it, const char *name)
{
	free(it->name);
	it->name = mem_str(name);
	it->updated = wall_ms();
	note_change(it, "name", json_object_new_string(name));
}

void
state_change(struct sb_item *it, struct json_object *params)
{
	json_object_put(it->params);
	it->params = params;
	it->updated = wall_ms();
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
	       it->created + opts.list_lag <= wall_ms();
}

double
sb_item_progress(const struct sb_item *it)
{
	int64_t now = wall_ms();

	if (now >= it->ready)
		return 1;
	return (double)(now - it->created) / (double)(it->ready - it->created);
}

int64_t
sb_item_number(const struct sb_item *it, int n)
{
	return strtoll(it->id, NULL, 10) + n;
}

static struct json_object *
member(struct json_object *o, const char *name)
{
	return json_object_object_get(o, name);
}

static const char *
text(struct json_object *o, const char *name)
{
	return json_object_get_string(member(o, name));
}

static bool
restore_item(struct json_object *o)
{
	int service = json_object_get_int(member(o, "service"));
	int kind = json_object_get_int(member(o, "kind"));
	struct sb_item *it;

	if (service < 0 || service >= SERVICES || kind < 0 || kind >= ITEM_KINDS ||
	    text(o, "id") == NULL)
		return false;
	it = mem_new(1, sizeof *it);
	it->service = (enum service_no)service;
	it->kind = (enum item_kind)kind;
	it->id = mem_str(text(o, "id"));
	it->name = mem_str(text(o, "name"));
	if (text(o, "parent") != NULL)
		it->parent = find_any(it->service, text(o, "parent"));
	if (text(o, "photo") != NULL)
		it->photo = sb_photo_find(text(o, "photo"));
	it->params = json_object_get(member(o, "params"));
	it->created = json_object_get_int64(member(o, "created"));
	it->updated = json_object_get_int64(member(o, "updated"));
	it->ready = json_object_get_int64(member(o, "ready"));
	it->fate = (enum fate)json_object_get_int(member(o, "fate"));
	it->free_of_charge = json_object_get_boolean(member(o, "free"));
	numbers = (uint64_t)json_object_get_int64(member(o, "numbers"));
	enter(it);
	return true;
}

static bool
restore_change(struct json_object *o)
{
	int service = json_object_get_int(member(o, "service"));
	struct sb_item *it;

	if (service < 0 || service >= SERVICES || text(o, "id") == NULL)
		return false;
	it = find_any((enum service_no)service, text(o, "id"));
	if (it == NULL)
		return false;
	it->updated = json_object_get_int64(member(o, "at"));
	if (json_object_get_boolean(member(o, "deleted")))
		it->deleted = true;
	if (text(o, "name") != NULL) {
		free(it->name);
		it->name = mem_str(text(o, "name"));
	}
	if (member(o, "params") != NULL) {
		json_object_put(it->params);
		it->params = json_object_get(member(o, "params"));
	}
	return true;
}

/* One line of the journal. */
static bool
restore(struct json_object *line)
{
	struct json_object *o;

	if ((o = member(line, "seed")) != NULL) {
		opts.seed = (uint64_t)json_object_get_int64(o);
		return true;
	}
	if ((o = member(line, "photo")) != NULL)
		return sb_photo_restore(o), true;
	if ((o = member(line, "make")) != NULL)
		return restore_item(o);
	if ((o = member(line, "change")) != NULL)
		return restore_change(o);
	if ((o = member(line, "token")) != NULL)
		return tokens_restore("token", o), true;
	if ((o = member(line, "dead")) != NULL)
		return tokens_restore("dead", o), true;
	return false;
}

/* A last line without its end was cut by a crash and was never answered: it is cut off. */
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
			    "%s:%ld: not a line of the sandbox's journal", opts.state,
			    number);
		json_object_put(o);
		good = ftell(f);
	}
	free(line);
	if (status == 0 && ftruncate(fileno(f), good) < 0)
		status =
		    err_set(e, CODE_TARGET_UNWRITABLE, "cannot cut '%s':", opts.state);
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
			status = err_set(
			    e, CODE_TARGET_UNWRITABLE, "cannot keep '%s':", opts.state);
	}
	fclose(f);
	if (status == 0 && fresh)
		state_note("seed", json_object_new_int64((int64_t)opts.seed));
	return status;
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
