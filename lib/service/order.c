#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "provider/options.h"
#include "provider/target.h"
#include "service/order.h"
#include "json/json.h"

/* A charge that is kept until the order is done. */
struct kept_charge {
	SLIST_ENTRY(kept_charge) entry;
	struct paid_charge charge;
};

struct order {
	struct paid_context *context;
	struct poller *poller;
	struct paid_spec spec; /* its strings are ours */
	char *subject, *file, *source;
	call_fn *fn;
	void *arg;
	struct paid *main;
	bool stop, hard, made;
	/* The steps of now: names of operations, and the number of the one at work. */
	struct json_object *names;
	size_t at;
	struct json_object *values; /* what steps took, by their names */
	const struct operation *op; /* of the step at work; NULL: none is */
	struct json_object *vars;   /* its own */
	struct paid *paid;
	struct poll poll;
	bool polling;
	int64_t deadline;
	SLIST_HEAD(, kept_charge) charges; /* of steps */
	/* The result, once it is made. */
	struct json_object *taken;
	bool reused, charged;
	struct paid_charge charge;
	struct json_object *findings; /* of steps, or NULL */
	/* Of a dry run, else NULL. */
	struct json_object *plan;
	bool after; /* the steps of now are those after it */
	bool ahead; /* they act on what is not made yet */
};

static void go_on(struct order *o);
static void plan_after(struct order *o);

static void
deliver(struct order *o, const struct failure *failure)
{
	struct call_result result = {.taken = failure == NULL ? o->taken : NULL,
	    .plan = failure == NULL ? o->plan : NULL,
	    .reused = o->reused,
	    .findings = o->findings,
	    .failure = failure};
	const struct paid_charge *first = NULL;
	struct kept_charge *kept;

	SLIST_FOREACH (kept, &o->charges, entry) {
		kept->charge.next = first;
		first = &kept->charge;
	}
	o->charge.next = first;
	result.charge = o->charged ? &o->charge : first;
	o->fn(o->arg, &result);
	while ((kept = SLIST_FIRST(&o->charges)) != NULL) {
		SLIST_REMOVE_HEAD(&o->charges, entry);
		free(kept);
	}
	json_object_put(o->spec.call.vars);
	json_object_put(o->values);
	json_object_put(o->taken);
	json_object_put(o->findings);
	json_object_put(o->plan);
	free(o->subject);
	free(o->file);
	free(o->source);
	free(o);
}

/* All steps of now are done, or one failed: goes on with what they are for. */
static void
steps_over(struct order *o, const struct failure *failure)
{
	const char *step = o->op != NULL ? o->op->name : NULL;
	struct failure f = {0};

	o->op = NULL;
	if (o->plan != NULL) {
		if (failure != NULL || o->after)
			deliver(o, failure);
		else
			plan_after(o);
		return;
	}
	if (!o->made) {
		paid_go_on(o->main, failure);
		return;
	}
	if (failure == NULL) {
		deliver(o, NULL);
		return;
	}
	failure_copy(&f, failure);
	f.created = "yes";
	if (f.retryable || code_info(f.err.code)->retryable) {
		deliver(o, &f);
	} else {
		warn(
		    "what was made stays without its step '%s': %s", step, f.err.message);
		deliver(o, NULL);
	}
	failure_release(&f);
}

static void
end_step(struct order *o, const struct failure *failure)
{
	json_object_put(o->vars);
	o->vars = NULL;
	o->paid = NULL;
	o->polling = false;
	if (failure != NULL) {
		steps_over(o, failure);
		return;
	}
	o->at++;
	go_on(o);
}

/* Adds what the step at work took. */
static void
add_values(struct order *o, struct json_object *taken)
{
	struct json_object *values = json_member(o->values, o->op->name);

	if (values == NULL) {
		values = json_new_object();
		json_put(o->values, o->op->name, values);
	}
	if (taken == NULL)
		return;
	json_object_object_foreach(taken, name, value)
	    json_put(values, name, json_object_get(value));
	if (json_has(taken, "/findings") && o->findings == NULL)
		o->findings = json_object_get(json_member(taken, "findings"));
}

/* The service could not make what the step at work ordered: the next try orders it anew. */
static void
failed_to_make(struct order *o, struct json_object *taken)
{
	struct account *a = o->spec.call.account;
	struct ledger_key where = {.operation = o->op->name,
	    .provider = a->provider->name,
	    .base = a->base_url,
	    .account = a->label};
	const char *id = json_str(json_member(o->values, o->op->name), "/id");
	const char *reason = json_str(taken, "/reason");
	struct failure f = {0};

	if (id != NULL)
		ledger_retire(o->context->ledger, &where, id, LEDGER_FAILED, NULL, NULL);
	err_set(&f.err, CODE_RENDERING_FAILED, "%s could not do its step '%s'%s%s",
	    a->provider->title, o->op->name, reason != NULL ? ": " : "",
	    reason != NULL ? reason : "");
	end_step(o, &f);
}

static void
waited(void *arg, const struct call_result *result)
{
	struct order *o = arg;
	const char *status = json_str(result->taken, "/status");

	if (result->failure != NULL) {
		end_step(o, result->failure);
	} else if (status != NULL && strcmp(status, "failed") == 0) {
		failed_to_make(o, result->taken);
	} else {
		add_values(o, result->taken);
		end_step(o, NULL);
	}
}

/* The variables of the step at work, or of the operation that it waits by. */
static struct json_object *
vars_of(struct order *o, const struct operation *op)
{
	struct json_object *vars = json_new_object();

	json_object_object_foreach(o->spec.call.vars, name, value)
	{
		if (strcmp(name, "idempotency_key") != 0 && strcmp(name, "options") != 0)
			json_put(vars, name, json_object_get(value));
	}
	json_put(
	    vars, "options", options_for(op, json_member(o->spec.call.vars, "options")));
	return vars;
}

static struct json_object *
wait_vars(void *arg)
{
	struct order *o = arg;

	return vars_of(o, o->poll.op);
}

static void
keep_charge(struct order *o, const struct paid_charge *charge)
{
	struct kept_charge *kept;

	if (charge == NULL || o->op->repeatable)
		return;
	SLIST_FOREACH (kept, &o->charges, entry) {
		if (strcmp(kept->charge.key, charge->key) == 0)
			return; /* it was prepared before */
	}
	kept = mem_new(1, sizeof *kept);
	kept->charge = *charge;
	SLIST_INSERT_HEAD(&o->charges, kept, entry);
}

/* Adds the step at work to the plan. Once a step is to be made, those behind it are too: what
 * it will return is part of their keys. */
static void
plan_step(struct order *o, struct json_object *step)
{
	struct json_object *steps = json_member(o->plan, "steps");

	if (steps == NULL) {
		steps = json_new_array();
		json_put(o->plan, "steps", steps);
	}
	json_append(steps, json_object_get(step));
	if (json_has(step, "/id"))
		add_values(o, step);
	else
		o->ahead = true;
	end_step(o, NULL);
}

static void
step_done(void *arg, const struct call_result *result)
{
	static const struct poll_calls calls = {.vars = wait_vars, .settled = waited};
	struct order *o = arg;
	const struct operation *wait = provider_operation(
	    o->spec.call.account->provider, json_str(o->op->def, "/wait"));

	o->paid = NULL;
	if (result->plan != NULL) {
		plan_step(o, result->plan);
		return;
	}
	keep_charge(o, result->charge);
	if (result->failure != NULL) {
		end_step(o, result->failure);
		return;
	}
	add_values(o, result->taken);
	if (wait == NULL) {
		end_step(o, NULL);
		return;
	}
	o->poll = (struct poll){
	    .account = o->spec.call.account, .op = wait, .calls = &calls, .arg = o};
	o->polling = true;
	poll_start(o->poller, &o->poll, result->reused);
	if (o->stop)
		poll_stop(&o->poll, o->hard);
}

/* The id of what the operation acts on, or NULL. */
static const char *
id_of(const struct operation *op, struct json_object *vars)
{
	const char *needed = target_needed(op);

	return needed != NULL ? json_str(json_member(vars, needed), "/id") : NULL;
}

/* What the ledger's key has besides the subject: the step's options, and the ids that
 * earlier steps returned. */
static struct json_object *
key_options(struct order *o)
{
	struct json_object *options = json_new_object(),
	                   *own = json_member(o->vars, "options"),
	                   *ids = json_new_object();

	if (own != NULL) {
		json_object_object_foreach(own, name, value)
		    json_put(options, name, json_object_get(value));
	}
	json_object_object_foreach(o->values, step, values)
	    json_put_str(ids, step, json_str(values, "/id"));
	if (json_object_object_length(ids) > 0)
		json_put(options, "steps", json_object_get(ids));
	json_object_put(ids);
	return options;
}

static bool
names(const struct operation *op, const char *variable)
{
	struct json_object *all = target_variables(op);
	bool found = json_member(all, variable) != NULL;

	json_object_put(all);
	return found;
}

static void
start_step(struct order *o)
{
	const char *id = id_of(o->op, o->vars);
	bool photo = target_is_photo(o->op);
	struct paid_spec spec = {.step = true,
	    .ahead = o->ahead,
	    .call = {.account = o->spec.call.account,
	        .op = o->op,
	        .vars = o->vars,
	        .photo = photo ? o->spec.call.photo : NULL,
	        .deadline = &o->deadline,
	        .timeout_ms = o->spec.call.timeout_ms},
	    .subject = photo        ? o->subject
	               : id != NULL ? id
	                            : "account",
	    .file = photo ? o->file : NULL,
	    .source = o->source,
	    .name = names(o->op, "name") ? json_str(o->vars, "/name") : NULL,
	    .options = key_options(o)};

	o->deadline = 0;
	o->paid = paid_start(o->context, &spec, step_done, o);
	json_object_put(spec.options);
	if (o->stop)
		paid_stop(o->paid, o->hard);
}

/* True if the record has what the step sends. */
static bool
is_wanted(struct order *o)
{
	struct json_object *options = json_member(o->vars, "options"),
	                   *required = json_at(o->op->def, "/options/required");

	for (size_t i = 0; i < json_len(required); i++)
		if (json_member(options, json_item_str(required, i)) == NULL)
			return false;
	return request_has_body(o->op, o->vars, o->spec.call.photo);
}

/* Begins the next step that is wanted. */
static void
go_on(struct order *o)
{
	for (; o->at < json_len(o->names); o->at++) {
		o->op = provider_operation(
		    o->spec.call.account->provider, json_item_str(o->names, o->at));
		o->vars = vars_of(o, o->op);
		if (is_wanted(o)) {
			start_step(o);
			return;
		}
		json_object_put(o->vars);
		o->vars = NULL;
	}
	steps_over(o, NULL);
}

static void
begin_steps(struct order *o, const char *when)
{
	o->names = json_at(o->spec.call.op->def, when);
	o->at = 0;
	go_on(o);
}

/* Sets what steps took, which is none yet. */
static void
put_values(struct order *o, struct json_object *values)
{
	json_object_put(o->values);
	o->values = values;
	json_put(o->spec.call.vars, "steps", json_object_get(values));
}

/* Gives the templates of steps the id of what was made. */
static void
put_target(struct order *o, const char *id)
{
	struct json_object *target = json_new_object();

	json_put_str(target, "id", id);
	json_put(o->spec.call.vars, target_described(o->spec.call.op), target);
}

static void
plan_after(struct order *o)
{
	const char *id = json_str(o->plan, "/id");

	o->after = true;
	o->ahead = id == NULL;
	put_values(o, json_new_object());
	put_target(o, id);
	begin_steps(o, "/after");
}

/* Plans the steps. What an earlier record makes, or an unknown request, needs none. */
static void
plan_steps(struct order *o, struct json_object *plan)
{
	bool made = json_flag(plan, "/already_made", false);

	o->plan = json_object_get(plan);
	if (json_has(plan, "/unknown") || (made && !json_has(plan, "/id")))
		deliver(o, NULL);
	else if (made)
		plan_after(o);
	else
		begin_steps(o, "/before");
}

static void
prepare(void *arg)
{
	struct order *o = arg;

	begin_steps(o, "/before");
}

static void
park(void *arg, bool parked)
{
	struct order *o = arg;

	o->spec.park(o->arg, parked);
}

static void
done(void *arg, const struct call_result *result)
{
	struct order *o = arg;

	o->main = NULL;
	o->charged = result->charge != NULL;
	if (o->charged)
		o->charge = *result->charge;
	o->reused = result->reused;
	o->taken = json_object_get(result->taken);
	if (result->plan != NULL) {
		plan_steps(o, result->plan);
		return;
	}
	if (result->failure != NULL || !json_has(o->spec.call.op->def, "/after")) {
		deliver(o, result->failure);
		return;
	}
	o->made = true;
	/* What was before is not there if it was made by an earlier run. */
	put_values(o, json_new_object());
	put_target(o, json_str(o->taken, "/id"));
	begin_steps(o, "/after");
}

struct order *
order_start(struct paid_context *context, struct poller *poller,
    const struct paid_spec *spec, call_fn *fn, void *arg)
{
	struct order *o = mem_new(1, sizeof *o);
	struct paid_spec own = *spec;

	*o = (struct order){.context = context,
	    .poller = poller,
	    .spec = *spec,
	    .subject = mem_str(spec->subject),
	    .file = mem_str(spec->file),
	    .source = mem_str(spec->source),
	    .fn = fn,
	    .arg = arg};
	SLIST_INIT(&o->charges);
	json_object_get(o->spec.call.vars);
	put_values(o, json_new_object());
	if (json_has(spec->call.op->def, "/before"))
		own.prepare = prepare;
	if (spec->park != NULL)
		own.park = park;
	o->main = paid_start(context, &own, done, o);
	return o;
}

/* Stopping a request may end it at once, and the order with it. While a step is at work, the
 * main request only notes that it has to stop. */
void
order_stop(struct order *o, bool hard)
{
	bool step = o->paid != NULL || o->polling;

	o->stop = true;
	o->hard = hard;
	if (!step) {
		paid_stop(o->main, hard);
		return;
	}
	if (o->main != NULL)
		paid_stop(o->main, hard);
	if (o->paid != NULL)
		paid_stop(o->paid, hard);
	else
		poll_stop(&o->poll, hard);
}
