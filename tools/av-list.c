/*
 * av-list: lists what an account holds, as records that the other programs take.
 */
#include <stdlib.h>
#include <string.h>

#include "av-list/columns.h"
#include "base/hashset.h"
#include "base/mem.h"
#include "base/similar.h"
#include "base/strings.h"
#include "program/object.h"
#include "program/operate.h"
#include "program/session.h"
#include "provider/answer.h"
#include "provider/request.h"
#include "provider/target.h"
#include "service/listing.h"
#include "json/json.h"

#define TIMEOUT_MS (60 * 60 * 1000)

/* How often a list that became shorter while it was read is read again. */
#define READ_AGAIN 3

struct options {
	struct opt_common common;
	struct strings given;
	int64_t limit;
	bool table;
};

static const struct opt table[] = {
    {'O', "option", "KEY=VALUE", "a filter of the service, such as search=ann", OPT_LIST,
        offsetof(struct options, given)},
    {0, "limit", "N", "list at most N", OPT_INT, offsetof(struct options, limit)},
    {0, "table", NULL, "a table for people, not records", OPT_FLAG,
        offsetof(struct options, table)},
    OPT_NETWORK(struct options),
    OPT_COMMON(struct options),
    {0},
};

static const struct opt_usage usage = {
    .synopsis = "av-list [options] [LIST [ID|RECORD...]]",
    .about =
        "Lists what an account holds: avatars or, as LIST, another list of the service:\n"
        "`av-provider operations NAME` names them. Writes records that the other\n"
        "programs take. A list that belongs to an avatar reads avatars. It is free.",
    .examples = "  av-list -p anam --table\n"
                "  av-list -p argil voices | jq -r '[.item.id, .item.name] | @tsv'\n"
                "  av-list -p avtr1 | av-render -o out >done.jsonl\n"
                "  av-list -p argil videos | av-render -o out >done.jsonl\n",
};

struct list_tool {
	struct session session;
	const struct options *o;
	const char *name; /* of the list */
};

/* A list that is read. */
struct reading {
	struct list_tool *self;
	struct item *item;
	struct account *account;
	const struct operation *op;
	struct listing *listing;
	struct json_object *vars;
	struct hashset seen; /* ids */
	struct columns columns;
	int64_t left;   /* of --limit */
	unsigned again; /* times that it was read again */
	bool stop;
};

static enum listing_next show(void *arg, struct json_object *entry);
static void listed(void *arg, const struct failure *failure);

static void
read_list(struct reading *r)
{
	struct call_spec spec = {.account = r->account,
	    .op = r->op,
	    .vars = r->vars,
	    .timeout_ms = r->self->session.common->timeout_ms};

	r->listing = listing_start(&r->self->session.engine, &spec, show, listed, r);
	listing_expect(r->listing, r->left > 0 ? r->left : INT64_MAX);
}

static void
reading_free(struct reading *r)
{
	json_object_put(r->vars);
	hashset_release(&r->seen);
	free(r);
}

/* A record of an entry: with the provider and the avatar of the record that asked for the list. */
static struct rec *
record_of(const struct reading *r, struct json_object *entry, struct json_object *taken)
{
	struct rec *rec = rec_new();
	struct json_object *avatar = rec_get(r->item->rec, "avatar");

	rec_set_str(rec, "provider", r->account->provider->name);
	if (strcmp(r->op->name, "avatars") != 0)
		rec_set_str(rec, "list", r->op->name);
	if (avatar != NULL)
		rec_set(rec, "avatar", json_object_get(avatar));
	object_put(rec, r->op, taken, entry);
	return rec;
}

static bool
show_row(struct reading *r, struct json_object *taken)
{
	struct buf text = {0};
	bool room;

	if (taken != NULL)
		columns_row(&r->columns, &text, taken);
	else
		columns_end(&r->columns, &text);
	room = run_emit_text(r->item, &text);
	buf_release(&text);
	return room;
}

static enum listing_next
show(void *arg, struct json_object *entry)
{
	struct reading *r = arg;
	struct list_tool *self = r->self;
	struct answer answer = {.body = entry};
	struct json_object *taken;
	const char *id;
	bool room = true;

	if (r->stop)
		return LISTING_ENOUGH;
	taken = answer_taken(&answer, r->op, NULL);
	id = json_str(taken, "/id");
	if (id == NULL || hashset_add_str(&r->seen, id)) {
		if (self->o->table)
			room = show_row(r, taken);
		else
			room = run_emit(r->item, record_of(r, entry, taken));
		r->left--;
	}
	json_object_put(taken);
	if (r->left == 0)
		return LISTING_ENOUGH;
	return room ? LISTING_MORE : LISTING_HOLD;
}

static void
listed(void *arg, const struct failure *failure)
{
	struct reading *r = arg;
	struct item *item = r->item;
	struct session *session = &r->self->session;

	r->listing = NULL;
	if (failure != NULL && failure->err.code == CODE_LIST_CHANGED && !r->stop &&
	    r->again++ < READ_AGAIN) {
		read_list(r);
		return;
	}
	show_row(r, NULL);
	reading_free(r);
	if (failure != NULL)
		session_fail(session, item, failure);
	else
		run_drop(item);
}

static void
go_on(struct item *item)
{
	struct reading *r = item->state;

	listing_go_on(r->listing);
}

static void
stop(struct item *item, bool hard)
{
	struct reading *r = item->state;

	(void)hard;
	r->stop = true;
	listing_stop(r->listing);
}

/* The list of that name; NULL and the names that there are. */
static const struct operation *
find_list(const struct provider *p, const char *name, struct err *e)
{
	const struct operation *op = provider_operation(p, name);
	struct similar similar = {.word = name};
	struct buf all = {0};

	if (op != NULL && target_is_list(op))
		return op;
	buf_str(&all, "");
	for (size_t i = 0; i < p->n_operations; i++) {
		if (!target_is_list(&p->operations[i]))
			continue;
		similar_try(&similar, p->operations[i].name);
		buf_printf(&all, "%s%s", all.len > 0 ? ", " : "", p->operations[i].name);
	}
	err_set(e, CODE_NOT_OFFERED, "%s has no list '%s'%s; its lists: %s", p->title,
	    name, similar.hint, all.len > 0 ? all.data : "none");
	buf_release(&all);
	return NULL;
}

static void
begin(void *arg, struct item *item)
{
	struct list_tool *self = arg;
	struct account *a = session_account(&self->session, item);
	const struct operation *op;
	struct json_object *options;
	struct reading *r;
	struct err e;

	if (a == NULL)
		return;
	op = find_list(a->provider, self->name, &e);
	if (op == NULL || operate_options(item->rec, a->provider, op, &self->o->given,
	                      &options, &e) < 0) {
		run_fail(item, &e);
		return;
	}
	r = mem_new(1, sizeof *r);
	*r = (struct reading){.self = self,
	    .item = item,
	    .account = a,
	    .op = op,
	    .left = self->o->limit > 0 ? self->o->limit : -1};
	r->vars = request_vars(item->rec, op, options);
	json_object_put(options);
	item->state = r;
	item->stop = stop;
	item->room = go_on;
	read_list(r);
}

int
main(int argc, char *argv[])
{
	static const struct run_step step = {.name = "list",
	    .doing = "being listed",
	    .input = INPUT_AVATARS,
	    .begin = begin};
	struct options o = {0};
	struct list_tool self = {.name = "avatars", .o = &o};
	int first = opt_parse(argc, argv, &usage, table, &o), status;
	char **operands = argv + first;

	opt_common_finish(&o.common, &usage, argv, first);
	if (o.common.timeout_ms == 0)
		o.common.timeout_ms = TIMEOUT_MS;
	if (operands[0] != NULL)
		self.name = *operands++;
	session_open(&self.session, &o.common, &usage,
	    &(struct session_options){
	        .window = o.common.keep_order ? 1 : (size_t)o.common.jobs},
	    &step, &self);
	status = run_records(self.session.run,
	    operate_operands_of(&self.session, &usage, find_list, self.name, operands));
	session_close(&self.session, status);
	strings_release(&o.given);
	run_exit(status);
}
