#include <stdlib.h>

#include "base/mem.h"
#include "base/version.h"
#include "provider/target.h"
#include "service/call.h"
#include "service/probe.h"
#include "json/json.h"

/* The probes under way. */
struct probing {
	struct engine engine;
	size_t open;
};

struct one {
	struct probing *all;
	struct probe *probe;
	struct account *account;
	const struct operation *op;
	int64_t deadline;
};

static bool
never_stopping(void *arg)
{
	(void)arg;
	return false;
}

/* True if the status says that the list is empty, which needs valid credentials. */
static bool
is_empty_list(const struct operation *op, const struct failure *f)
{
	return f->http_status != 0 &&
	       f->http_status == json_int(op->def, "/paging/empty_status", 0);
}

static void
end(struct one *one)
{
	if (--one->all->open == 0)
		loop_stop(one->all->engine.loop);
	free(one);
}

/* Writes what the answer takes: "plan free, credits 120". */
static void
quota_answered(void *arg, const struct call_result *result)
{
	struct one *one = arg;
	struct buf text = {0};

	if (result->failure == NULL && json_object_object_length(result->taken) > 0) {
		json_object_object_foreach(result->taken, name, value)
		{
			buf_printf(&text, "%s%s %s", text.len > 0 ? ", " : "", name,
			    json_object_get_string(value));
		}
		one->probe->quota = buf_take(&text);
	}
	end(one);
}

/* True if it asks for the quota too, now that the credentials are accepted. */
static bool
asks_quota(struct one *one)
{
	const struct call_spec spec = {.account = one->account,
	    .op = provider_operation(one->account->provider, "quota"),
	    .deadline = &one->deadline,
	    .timeout_ms = PROBE_MS};

	if (spec.op == NULL || !spec.op->repeatable || target_needed(spec.op) != NULL)
		return false;
	call_start(&one->all->engine, &spec, quota_answered, one);
	return true;
}

static void
answered(void *arg, const struct call_result *result)
{
	struct one *one = arg;
	struct probe *probe = one->probe;
	const struct failure *f = result->failure;

	if (f != NULL && !is_empty_list(one->op, f))
		probe->err = f->err;
	probe->clock_known = one->account->clock_known;
	probe->clock_offset = one->account->clock_offset;
	if (f != NULL || !asks_quota(one))
		end(one);
}

static void
ask(struct probing *all, struct probe *probe, struct account *a,
    const struct operation *op)
{
	struct json_object *vars = json_new_object();
	struct one *one = mem_new(1, sizeof *one);
	const struct call_spec spec = {.account = a,
	    .op = op,
	    .vars = vars,
	    .deadline = &one->deadline,
	    .timeout_ms = PROBE_MS};

	*one = (struct one){.all = all, .probe = probe, .account = a, .op = op};
	json_put_int(vars, "page", json_int(op->def, "/paging/first", 1));
	json_put_int(vars, "page_size", 1);
	all->open++;
	call_start(&all->engine, &spec, answered, one);
	json_object_put(vars);
}

/* Notes what needs no response, and asks unless offline. */
static void
begin(struct probing *all, struct probe *probe)
{
	struct account *a =
	    accounts_get(all->engine.accounts, probe->provider, &probe->err);
	const struct operation *op;

	if (a == NULL)
		return;
	op = provider_check_operation(a->provider);
	probe->base_url = mem_str(a->base_url);
	probe->url_from = a->url_from;
	probe->label = a->label;
	probe->label_from = a->label_from;
	if (op == NULL)
		err_set(&probe->err, CODE_NOT_OFFERED,
		    "the description of %s names no free operation to check credentials by",
		    a->provider->title);
	else
		probe->asked = mem_printf("%s %s%s", op->method, a->base_url, op->path);
	if (op != NULL && !probe->offline)
		ask(all, probe, a, op);
}

void
probe_all(struct probe *probes, size_t n, const struct account_options *options)
{
	struct probing all = {0};
	struct engine *engine = &all.engine;
	int level = err_level();

	if (level < 1) /* what accounts warn of is in the result */
		err_set_level(-1);
	engine->loop = loop_new();
	slots_init(&engine->slots, n, n);
	engine->accounts = accounts_new(engine->loop, options);
	engine->http =
	    http_new(engine->loop, &(struct http_options){.user_agent = av_user_agent,
	                               .max_in_flight = (unsigned)n});
	engine->stopping = never_stopping;
	TAILQ_INIT(&engine->waiting);
	for (size_t i = 0; i < n; i++)
		begin(&all, &probes[i]);
	if (all.open > 0)
		loop_run(engine->loop);
	http_free(engine->http);
	accounts_free(engine->accounts);
	loop_free(engine->loop);
	err_set_level(level);
}

void
probe_release(struct probe *p)
{
	free(p->base_url);
	free(p->asked);
	free(p->quota);
}
