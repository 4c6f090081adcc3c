#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "job.h"
#include "program/avatar_status.h"
#include "program/steps.h"
#include "provider/options.h"
#include "provider/request.h"
#include "json/json.h"

static void go_on(struct job *job);

static void
end(struct job *job)
{
	job->fn(job);
}

/* How long a record may take: longer by default for a kind that usually takes longer. */
static int64_t
patience(const struct job *job)
{
	return poller_timeout(&job->context->poller, job->kind->status);
}

static void
fail(struct job *job, const struct err *e)
{
	failure_set(&job->failure, e, NULL);
	end(job);
}

static const char *
status_of(struct job *job)
{
	return json_str(job->entry, "/status");
}

/* Copies the state into the entry. */
static void
update(struct job *job, struct json_object *taken)
{
	json_put_str(job->entry, "provider_status", json_str(taken, "/provider_status"));
	json_put_str(job->entry, "status", json_str(taken, "/status"));
}

static struct json_object *
vars_for(struct job *job, const struct operation *op)
{
	struct json_object *vars = request_vars(job->rec, op, job->options);

	request_vars_rendering(vars, job->kind->name, job->value, job->entry);
	return vars;
}

static struct json_object *
poll_vars(void *arg)
{
	struct job *job = arg;

	return vars_for(job, job->poll.op);
}

/* Adds the rendering to the plan of a dry run. */
static void
planned(struct job *job, struct json_object *plan)
{
	json_put_str(plan, "kind", job->kind->name);
	json_put_str(plan, "value", job->value);
	json_append(job->plan, plan);
	json_put_str(job->entry, "id", json_str(plan, "/id"));
	job->step++;
	go_on(job);
}

/* A start operation has ended. */
static void
begun(void *arg, const struct call_result *result)
{
	struct job *job = arg;

	job->order = NULL;
	job->charge(job, result->charge);
	if (result->plan != NULL) {
		planned(job, json_object_get(result->plan));
		return;
	}
	if (result->failure != NULL) {
		failure_copy(&job->failure, result->failure);
		end(job);
		return;
	}
	json_put_str(job->entry, "id", json_str(result->taken, "/id"));
	if (result->reused)
		json_put_bool(job->entry, "reused", true);
	job->step++;
	if (job->step == job->kind->starts && job->kind->at_once) {
		json_put_str(job->entry, "status", "ready");
		json_put_str(
		    job->entry, "url", answer_url(result->taken, job->kind->url));
	} else if (job->step == job->kind->starts) {
		update(job, result->taken);
		if (status_of(job) == NULL)
			json_put_str(job->entry, "status", "processing");
	}
	go_on(job);
}

/* The options of the ledger's key: those of the operation, and the kind of rendering. */
static struct json_object *
claim_options(struct job *job, const struct operation *op)
{
	struct json_object *options = options_for(op, job->options);

	if (options == NULL)
		options = json_new_object();
	json_put_str(options, "kind", job->kind->made_as->name);
	if (job->kind->made_as == job->kind)
		json_put_str(options, "value", job->value);
	return options;
}

/* Runs the next start operation. */
static void
begin(struct job *job)
{
	const struct operation *op = job->kind->start[job->step];
	struct paid_spec spec = {.call = {.account = job->account,
	                             .op = op,
	                             .vars = vars_for(job, op),
	                             .deadline = &job->deadline,
	                             .timeout_ms = patience(job)},
	    .subject = job->step == 0 ? json_str(rec_get(job->rec, "avatar"), "/id")
	                              : json_str(job->entry, "/id"),
	    .expires_at = job->step == 0
	                      ? json_str(rec_get(job->rec, "avatar"), "/expires_at")
	                      : NULL,
	    .source = steps_source(job->rec),
	    .ahead = job->context->paid->dry_run != NULL && job->step > 0 &&
	             json_str(job->entry, "/id") == NULL,
	    .options = claim_options(job, op)};

	job->order =
	    order_start(job->context->paid, &job->context->poller, &spec, begun, job);
	json_object_put(spec.call.vars);
	json_object_put(spec.options);
}

/* The only URL that the service gave is over: another one costs another order. */
static void
tell_expired(struct job *job)
{
	struct failure *f = &job->failure;

	err_set(&f->err, CODE_NO_RESULT,
	    "the address of the %s was answered with %d, and no other will come; av-render "
	    "--again -r %s orders, and pays for, another one",
	    job->kind_name, f->http_status, job->kind->name);
	f->retryable = false;
}

/* The download has ended: with a whole file, or a failure. */
static void
fetched(void *arg, const struct download_result *result)
{
	struct job *job = arg;

	job->download = NULL;
	if (result->failure == NULL) {
		json_put_str(job->entry, "status", "ready");
		json_put_str(job->entry, "file", result->file);
		json_put_str(job->entry, "type", result->type);
		json_put_int(job->entry, "bytes", (int64_t)result->bytes);
		json_put_str(job->entry, "sha256", result->sha256);
		if (job->kind->at_once)
			json_object_object_del(job->entry, "url");
		end(job);
		return;
	}
	if (result->expired && !job->resolved_again && !job->kind->at_once) {
		job->resolved_again = true;
		go_on(job);
		return;
	}
	failure_copy(&job->failure, result->failure);
	if (result->expired && job->kind->at_once)
		tell_expired(job);
	end(job);
}

static void
fetch(struct job *job, const char *url)
{
	struct download_spec spec = {.account = job->account,
	    .url = url,
	    .template = job->context->template,
	    .name = {.file = rec_str(job->rec, "file"),
	        .url = rec_str(job->rec, "url"),
	        .provider = job->account->provider->name,
	        .kind = job->kind_name,
	        .name = rec_str(job->rec, "name"),
	        .id = job->name_id},
	    .types = job->kind->types,
	    .filetypes = job->context->filetypes,
	    .force = job->context->force,
	    .max_bytes = job->context->max_bytes,
	    .timeout_ms = patience(job)};

	job->download = download_start(job->context->engine, &spec, fetched, job);
}

static void
no_result(struct job *job)
{
	struct err e;

	err_set(&e, CODE_NO_RESULT, "%s has no %s of this avatar",
	    job->account->provider->title, job->kind_name);
	if (job->kind->wait_ms > 0)
		err_set(&e, CODE_NO_RESULT,
		    "%s still has no %s of this avatar, %lld s after it was made",
		    job->account->provider->title, job->kind_name,
		    (long long)job->kind->wait_ms / 1000);
	fail(job, &e);
}

/* Tells the ledger that the rendering must not be reused; or the avatar, if the file comes with
 * it. */
static void
forget(struct job *job, enum ledger_fate fate)
{
	struct json_object *of =
	    job->kind->starts > 0 ? job->entry : rec_get(job->rec, "avatar");

	status_mark_rendering(job->context->paid->ledger, job->account, job->kind,
	    json_str(of, "/id"), fate);
}

/* A request about the rendering failed. */
static void
lost(struct job *job, const struct failure *f)
{
	if (f->err.code == CODE_AVATAR_GONE)
		forget(job, LEDGER_GONE);
	failure_copy(&job->failure, f);
	end(job);
}

/* The URL is known, or there is none. */
static void
resolved(void *arg, const struct call_result *result)
{
	struct job *job = arg;
	const char *url = answer_url(result->taken, job->kind->url);

	job->polling = false;
	job->call = NULL;
	if (result->failure != NULL && result->failure->err.code != CODE_NO_RESULT) {
		lost(job, result->failure);
	} else if (url == NULL) {
		no_result(job);
	} else {
		fetch(job, url);
	}
}

/* When a URL that is still missing will not come any more, in the loop's time: counted from
 * the time at which the avatar was made or, if the record has none, from now. 0: it may
 * come at any time. */
static int64_t
give_up_at(struct job *job)
{
	const char *made = json_str(rec_get(job->rec, "avatar"), "/created_at");
	int64_t left = job->kind->wait_ms, made_at, age;
	bool zoned;

	if (left == 0)
		return 0;
	if (made != NULL && clock_read(made, &made_at, &zoned) && zoned) {
		age = clock_unix_ms() + job->account->clock_offset - made_at;
		if (age > 0)
			left = age < left ? left - age : 0;
	}
	return loop_now(job->context->engine->loop) + left;
}

static void
poll_entry(struct job *job, const struct operation *op, const char *until,
    const struct poll_calls *calls, bool at_once)
{
	job->poll = (struct poll){.account = job->account,
	    .op = op,
	    .until = until,
	    .calls = calls,
	    .arg = job,
	    .deadline = job->deadline,
	    .give_up = until != NULL ? give_up_at(job) : 0};
	job->polling = true;
	poll_start(&job->context->poller, &job->poll, at_once);
}

/* The response of the kind's operation is the file: fetches it from that address. */
static void
fetch_response(struct job *job)
{
	struct request_values values = {
	    .base_url = job->account->base_url, .vars = vars_for(job, job->kind->result)};
	struct request request;
	struct err e;

	if (request_init(&request, job->kind->result, &values, &e) == 0) {
		fetch(job, request.http.url);
		request_release(&request);
	} else {
		fail(job, &e);
	}
	json_object_put(values.vars);
}

/* Asks for the URL: once, or until there is one. */
static void
resolve(struct job *job)
{
	static const struct poll_calls calls = {.vars = poll_vars, .settled = resolved};
	struct call_spec spec = {.account = job->account,
	    .op = job->kind->result,
	    .deadline = &job->deadline,
	    .timeout_ms = patience(job)};

	if (job->kind->url == NULL) {
		fetch_response(job);
		return;
	}
	if (job->kind->at_once) {
		const char *url = answer_url(job->entry, "url");

		if (url != NULL)
			fetch(job, url);
		else
			no_result(job);
		return;
	}
	if (!job->kind->absent_is_none) {
		poll_entry(job, job->kind->result, job->kind->url, &calls, true);
		return;
	}
	spec.vars = vars_for(job, job->kind->result);
	job->call = call_start(job->context->engine, &spec, resolved, job);
	json_object_put(spec.vars);
}

static void
rendering_failed(struct job *job, struct json_object *taken)
{
	const char *reason = json_str(taken, "/reason");
	struct err e;

	if (reason == NULL)
		reason = json_str(job->entry, "/provider_status");
	err_set(&e, CODE_RENDERING_FAILED, "the service could not make the %s: %s",
	    job->kind_name, reason != NULL ? reason : "it failed");
	forget(job, LEDGER_FAILED);
	fail(job, &e);
}

/* Polling has ended. */
static void
settled(void *arg, const struct call_result *result)
{
	struct job *job = arg;

	job->polling = false;
	job->deadline = job->poll.deadline;
	if (result->failure != NULL) {
		lost(job, result->failure);
		return;
	}
	update(job, result->taken);
	if (strcmp(json_str(result->taken, "/status"), "failed") == 0)
		rendering_failed(job, result->taken);
	else
		go_on(job);
}

/* Does the next step, by the entry's state. */
static void
go_on(struct job *job)
{
	static const struct poll_calls calls = {.vars = poll_vars, .settled = settled};
	const char *status = status_of(job);

	if (job->step < job->kind->starts)
		begin(job);
	else if (job->context->ask || job->context->paid->dry_run != NULL)
		end(job);
	else if (job->kind->status != NULL &&
	         (status == NULL || strcmp(status, "ready") != 0))
		poll_entry(job, job->kind->status, NULL, &calls, false);
	else
		resolve(job);
}

bool
job_is_done(const struct render_context *context, struct json_object *entry)
{
	return json_str(entry, "/file") != NULL ||
	       (context->ask && json_str(entry, "/status") != NULL);
}

const char *
job_name_id(struct rec *rec, struct json_object *entry)
{
	const char *own = rec_str(rec, "list") != NULL ? json_str(entry, "/id") : NULL;

	return own != NULL ? own : json_str(rec_get(rec, "avatar"), "/id");
}

void
job_adopt(struct job *job, struct json_object *relative)
{
	static const char *const members[] = {"id", "status", "provider_status"};

	for (size_t i = 0; i < sizeof members / sizeof *members; i++)
		json_put_str(job->entry, members[i],
		    json_str(json_member(relative, members[i]), ""));
}

/* How many start operations have run: the first gives the entry an id, the last a state. */
static size_t
steps_done(struct job *job)
{
	if (json_str(job->entry, "/status") != NULL)
		return job->kind->starts;
	return json_str(job->entry, "/id") != NULL ? 1 : 0;
}

void
job_start(struct job *job)
{
	job->kind_name = job->value != NULL
	                     ? mem_printf("%s-%s", job->kind->name, job->value)
	                     : mem_str(job->kind->name);
	job->name_id = mem_str(job_name_id(job->rec, job->entry));
	job->step = steps_done(job);
	go_on(job);
}

void
job_stop(struct job *job, bool hard)
{
	if (job->order != NULL)
		order_stop(job->order, hard);
	else if (job->call != NULL)
		call_stop(job->call, hard);
	else if (job->polling)
		poll_stop(&job->poll, hard);
	else if (job->download != NULL)
		download_stop(job->download);
}

void
job_release(struct job *job)
{
	free(job->kind_name);
	free(job->name_id);
	failure_release(&job->failure);
}
