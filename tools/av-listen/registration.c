#include <stdlib.h>
#include <string.h>

#include "auth/secret.h"
#include "base/mem.h"
#include "program/object.h"
#include "provider/answer.h"
#include "provider/event.h"
#include "provider/request.h"
#include "provider/target.h"
#include "registration.h"
#include "json/json.h"

/* How often it is made at most, while responses are lost and the list does not have it. */
#define TRIES 3

static void look(struct registration *r);
static void go_on(void *arg);

bool
registration_is_offered(const struct provider *p)
{
	return json_has(p->def, "/events/register");
}

static const struct operation *
operation(const struct registration *r, const char *place)
{
	const struct provider *p = r->account->provider;

	return provider_operation(p, json_str(p->def, place));
}

static void
add_old(struct registration *r, const char *id)
{
	r->old = mem_resize(r->old, (r->n_old + 1) * sizeof *r->old);
	r->old[r->n_old++] = mem_str(id);
}

static bool
is_old(const struct registration *r, const char *id)
{
	size_t i = 0;

	while (i < r->n_old && strcmp(r->old[i], id) != 0)
		i++;
	return i < r->n_old;
}

/* Calls back, with the failure if there is one. */
static void
end(struct registration *r)
{
	r->fn(r->arg, r->failure.err.code != CODE_NONE ? &r->failure : NULL);
}

static struct call_spec
spec_of(struct registration *r, const struct operation *op)
{
	r->deadline = 0;
	return (struct call_spec){.account = r->account,
	    .op = op,
	    .deadline = &r->deadline,
	    .timeout_ms = r->timeout_ms};
}

static void
made(void *arg, const struct call_result *result)
{
	struct registration *r = arg;
	const struct failure *f = result->failure;
	const char *id = json_str(result->taken, "/id");
	const char *secret = event_secret_place(r->account->provider);
	struct err e;

	r->call = NULL;
	if (f == NULL) {
		r->id = mem_str(id);
		r->secret = secret != NULL ? json_text(result->body, secret) : NULL;
		if (secret != NULL && r->secret == NULL) {
			err_set(&e, CODE_BAD_ANSWER,
			    "the response has no secret of the signatures");
			failure_set(&r->failure, &e, "yes");
		}
	} else if (f->created != NULL && strcmp(f->created, "unknown") == 0) {
		r->lost = true;
		look(r);
		return;
	} else {
		failure_copy(&r->failure, f);
	}
	go_on(r);
}

/* Asks the service to register the URL. */
static void
make(struct registration *r)
{
	const struct provider *p = r->account->provider;
	const char *url = json_str(p->def, "/events/url"),
	           *names = json_str(p->def, "/events/names");
	struct json_object *options = json_new_object();
	struct call_spec spec = spec_of(r, r->create);

	json_put_str(options, url, r->url);
	if (names != NULL)
		json_put(options, names, event_names(p));
	spec.vars = request_vars(NULL, r->create, options);
	r->tries++;
	r->call = call_start(r->engine, &spec, made, r);
	json_object_put(spec.vars);
	json_object_put(options);
}

static void
ended(void *arg, const struct call_result *result)
{
	struct registration *r = arg;
	const struct failure *f = result->failure;
	const char *id = r->deleted;

	r->call = NULL;
	if (f != NULL && f->http_status != 404)
		warn(
		    "the registration %s with %s stays: %s; av-listen --register with the "
		    "same URL ends it",
		    id, r->account->provider->title, f->err.message);
	if (id != r->id) {
		free(r->old[--r->n_old]);
	} else {
		free(r->id);
		r->id = NULL;
	}
	go_on(r);
}

static void
unmake(struct registration *r, const char *id)
{
	struct call_spec spec = spec_of(r, r->delete);
	struct rec *rec = rec_new();

	r->deleted = id;
	object_put_id(rec, target_needed(r->delete), id);
	spec.vars = request_vars(rec, r->delete, NULL);
	r->call = call_start(r->engine, &spec, ended, r);
	json_object_put(spec.vars);
	rec_free(rec);
}

/* True for a URL that a run with the same base made up: what follows is random. */
static bool
is_of_a_run(const struct registration *r, const char *url)
{
	size_t len = strlen(r->base), head = strlen(REGISTRATION_PATH);

	return strncmp(url, r->base, len) == 0 &&
	       strncmp(url + len, REGISTRATION_PATH, head) == 0 &&
	       strspn(url + len + head, "0123456789abcdef") == 32 &&
	       url[len + head + 32] == '\0';
}

/* Reads an entry of the service's list. */
static enum listing_next
seen(void *arg, struct json_object *entry)
{
	struct registration *r = arg;
	struct answer answer = {.body = entry};
	struct json_object *taken = answer_taken(&answer, r->list, NULL);
	const char *id = json_str(taken, "/id"), *url = json_str(taken, "/url");
	bool ours = id != NULL && url != NULL && strcmp(url, r->url) == 0;
	bool found = ours && r->lost && r->id == NULL && !is_old(r, id);

	if (found && event_secret_place(r->account->provider) != NULL)
		add_old(r, id);
	else if (found)
		r->id = mem_str(id);
	else if (!r->lost && (ours || (id != NULL && url != NULL && is_of_a_run(r, url))))
		add_old(r, id);
	json_object_put(taken);
	return LISTING_MORE;
}

static void
looked(void *arg, const struct failure *failure)
{
	struct registration *r = arg;

	r->listing = NULL;
	if (failure != NULL)
		failure_copy(&r->failure, failure);
	else if (r->lost && r->id == NULL && r->tries == TRIES)
		err_set(&r->failure.err, CODE_NETWORK,
		    r->n_old > 0 && event_secret_place(r->account->provider) != NULL
		        ? "no response came to %d requests, so that the secret of '%s' is "
		          "not known; run it again"
		        : "no response came to %d requests, and the list '%s' does not "
		          "have the URL; run it again",
		    TRIES, r->list->name);
	go_on(r);
}

/* Reads the list: before the first attempt for what is left of earlier runs, after a lost
 * response for ours. */
static void
look(struct registration *r)
{
	struct call_spec spec = spec_of(r, r->list);

	r->listing = listing_start(r->engine, &spec, seen, looked, r);
}

/* Takes the next step. */
static void
go_on(void *arg)
{
	struct registration *r = arg;
	bool failed = r->failure.err.code != CODE_NONE;

	if (r->ending && r->id != NULL)
		unmake(r, r->id);
	else if (r->ending)
		end(r);
	else if (r->id == NULL && !failed && r->tries < TRIES)
		make(r);
	else if (r->id != NULL && r->n_old > 0)
		unmake(r, r->old[r->n_old - 1]);
	else
		end(r);
}

void
registration_start(struct registration *r)
{
	r->create = operation(r, "/events/register");
	r->delete = operation(r, "/events/unregister");
	r->list = target_list_of(r->account->provider, r->delete);
	look(r);
}

void
registration_end(struct registration *r, registration_fn *fn, void *arg)
{
	r->ending = true;
	r->fn = fn;
	r->arg = arg;
	if (r->call == NULL && r->listing == NULL)
		loop_defer(r->engine->loop, &r->deferred, go_on, r);
}

void
registration_stop(struct registration *r)
{
	if (r->call != NULL)
		call_stop(r->call, true);
	else if (r->listing != NULL)
		listing_stop(r->listing);
}

void
registration_release(struct registration *r)
{
	while (r->n_old > 0)
		free(r->old[--r->n_old]);
	free(r->old);
	free(r->id);
	secret_free(r->secret);
	failure_release(&r->failure);
}
