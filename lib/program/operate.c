#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "program/object.h"
#include "program/operate.h"
#include "program/sent_photo.h"
#include "provider/option_file.h"
#include "provider/options.h"
#include "provider/request.h"
#include "provider/target.h"
#include "provider/validate.h"
#include "json/json.h"

/* A record at work. */
struct operating {
	struct operate *self;
	struct item *item;
	struct account *account;
	const struct operation *op;
	struct call *call;   /* of a repeatable operation, */
	struct order *order; /* or of another one */
	int64_t deadline;
	bool has_photo;
	struct sent_photo photo;
};

int
operate_options(struct rec *rec, const struct provider *p, const struct operation *op,
    const struct strings *given, struct json_object **options, struct err *e)
{
	const char *needed = target_needed(op);
	struct findings fs = {0};

	*options = NULL;
	if (needed != NULL && object_of(rec, needed, e) == NULL)
		return -1;
	for (size_t i = 0; i < given->n; i++) {
		struct similar similar = {.word = given->v[i]};
		if (!options_takes(op, given->v[i], &similar))
			return err_set(e, CODE_OPTION_UNKNOWN,
			    "'%s' of %s takes no -O %.*s%s", op->name, p->title,
			    (int)strcspn(given->v[i], "="), given->v[i], similar.hint);
	}
	*options = options_of(rec, p, given);
	options_check_record(rec, &fs);
	options_check(p, op, *options, &fs);
	option_file_check(p, op, *options, &fs);
	options_check_operation(op, *options, &fs);
	if (fs.n == 0)
		return 0;
	json_object_put(*options);
	*options = NULL;
	return err_set(e, fs.list[0].code, "%s", fs.list[0].message);
}

static void
stop(struct item *item, bool hard)
{
	struct operating *o = item->state;

	if (o->call != NULL)
		call_stop(o->call, hard);
	else
		order_stop(o->order, hard);
}

static void
put_plan(struct item *item, struct json_object *planned)
{
	struct json_object *plan = json_new_array();

	json_append(plan, planned);
	rec_set(item->rec, "plan", plan);
	run_done(item);
}

static void
over(void *arg, const struct call_result *result)
{
	struct operating *o = arg;
	struct operate *self = o->self;
	struct item *item = o->item;
	struct account *account = o->account;
	const struct operation *op = o->op;

	if (o->has_photo)
		sent_photo_release(&o->photo);
	free(o);
	item->stop = NULL;
	run_charge(item, result->charge);
	if (result->plan != NULL) {
		put_plan(item, json_object_get(result->plan));
		return;
	}
	rec_remove(item->rec, "plan");
	self->done(self, item, account, op, result);
}

/* What the operation acts on: the id, or NULL. */
static const char *
id_of(struct rec *rec, const struct operation *op)
{
	const char *needed = target_needed(op);
	struct err ignored;

	return needed != NULL ? json_str(object_of(rec, needed, &ignored), "/id") : NULL;
}

static void
send(struct operating *o, struct json_object *vars)
{
	struct session *session = o->self->session;
	struct rec *rec = o->item->rec;
	const char *id = id_of(rec, o->op),
	           *sha256 = o->has_photo ? o->photo.sha256 : NULL;
	struct call_spec call = {.account = o->account,
	    .op = o->op,
	    .vars = vars,
	    .photo = o->has_photo ? &o->photo.photo : NULL,
	    .deadline = &o->deadline,
	    .timeout_ms = session->common->timeout_ms};
	struct paid_spec paid = {.call = call,
	    .subject = id != NULL       ? id
	               : sha256 != NULL ? sha256
	                                : "account",
	    .file = o->has_photo ? o->photo.file : NULL,
	    .options = json_at(vars, "/options")};

	o->item->state = o;
	o->item->stop = stop;
	if (o->op->repeatable)
		o->call = call_start(&session->engine, &call, over, o);
	else
		o->order = order_start(&session->paid, &session->steps, &paid, over, o);
}

/* A dry run of what costs nothing. */
static struct json_object *
plan_of(const struct operation *op, const char *id)
{
	struct json_object *planned = json_new_object();

	json_put_str(planned, "operation", op->name);
	json_put_str(planned, "id", id);
	return planned;
}

void
operate_start(struct operate *self, struct item *item, struct account *a,
    const struct operation *op)
{
	const struct validate_options check = {.photo = {.depth = PHOTO_READ}};
	struct json_object *options, *vars;
	struct operating *o;
	bool photo;
	struct err e;

	if (operate_options(item->rec, a->provider, op, self->given, &options, &e) < 0) {
		self->session->dry_run.refused++;
		run_fail(item, &e);
		return;
	}
	photo = target_is_photo(op) && rec_str(item->rec, "file") != NULL;
	if (photo && validate_photo(
	                 &check, a->provider, item->rec, self->session->step->name) < 0) {
		json_object_put(options);
		self->session->dry_run.refused++;
		run_done(item);
		return;
	}
	if (self->dry_run && op->repeatable) {
		json_object_put(options);
		self->session->dry_run.free++;
		put_plan(item, plan_of(op, id_of(item->rec, op)));
		return;
	}
	vars = request_vars(item->rec, op, options);
	json_object_put(options);
	if (json_len(rec_get(item->rec, "renderings")) == 1)
		request_vars_rendering(
		    vars, "", NULL, json_item(rec_get(item->rec, "renderings"), 0));
	o = mem_new(1, sizeof *o);
	*o = (struct operating){
	    .self = self, .item = item, .account = a, .op = op, .has_photo = photo};
	if (photo)
		sent_photo_init(&o->photo, a->provider, item->rec);
	send(o, vars);
	json_object_put(vars);
}

const struct provider *
operate_provider(struct session *s)
{
	const struct strings *names = &s->common->providers;
	struct account *a = NULL;
	struct err e;

	if (names->n > 0)
		a = accounts_get(s->engine.accounts, names->v[0], &e);
	return a != NULL ? a->provider : NULL;
}

char **
operate_operands(struct session *s, const struct opt_usage *usage,
    const struct operation *op, char **operands)
{
	static char nothing[] = "{}", *one[] = {nothing, NULL};
	const char *needed = op != NULL ? target_needed(op) : NULL;

	if (needed != NULL)
		run_read_as(s->run, strcmp(needed, "avatar") == 0      ? INPUT_AVATARS
		                    : strcmp(needed, "rendering") == 0 ? INPUT_RENDERINGS
		                                                       : INPUT_ITEMS);
	else if (op != NULL && target_is_photo(op))
		run_read_as(s->run, INPUT_PHOTOS);
	if (op == NULL || needed != NULL || target_is_photo(op))
		return operands;
	if (operands[0] != NULL)
		opt_misuse(
		    usage, "'%s' needs no id, such as '%s'", op->name, operands[0]);
	return one;
}

char **
operate_operands_of(struct session *s, const struct opt_usage *usage, operate_find *find,
    const char *name, char **operands)
{
	const struct provider *p = operate_provider(s);
	const struct operation *op = NULL;
	struct err e;

	if (p != NULL && (op = find(p, name, &e)) == NULL)
		opt_misuse(usage, "%s", e.message);
	return operate_operands(s, usage, op, operands);
}
