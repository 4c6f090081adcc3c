/*
 * av-call: carries out any other operation of a service, for each record.
 */
#include <string.h>

#include "base/similar.h"
#include "program/object.h"
#include "program/operate.h"
#include "program/reach.h"
#include "provider/target.h"

#define TIMEOUT_MS (10 * 60 * 1000)

struct options {
	struct opt_common common;
	struct strings given;
	const char *ledger;
	bool again, dry_run;
};

static const struct opt table[] = {
    {'O', "option", "KEY=VALUE", "option for records that do not set it", OPT_LIST,
        offsetof(struct options, given)},
    {0, "dry-run", NULL, "send nothing; show what would be sent, with cost", OPT_FLAG,
        offsetof(struct options, dry_run)},
    {0, "again", NULL, "do, and pay for, once more what was done before", OPT_FLAG,
        offsetof(struct options, again)},
    {0, "ledger", "FILE", "database of paid requests, or none (AV_LEDGER)",
        OPT_STR | OPT_RARE, offsetof(struct options, ledger)},
    OPT_NETWORK(struct options),
    OPT_COMMON(struct options),
    {0},
};

static const struct opt_usage usage = {
    .synopsis = "av-call [options] OPERATION [ID|RECORD...]",
    .about =
        "Carries out an operation that no other program has, for each record:\n"
        "`av-provider operations NAME` names them. What takes effect only once, such as\n"
        "registering a webhook, goes through the ledger: it is not done twice.",
    .examples =
        "  av-call -p anam rename -O displayName=Ann 3f1f1d3e-5a0c-4a53-9d0e-0a5d7b1c2e01\n"
        "  av-list -p argil voices | av-call voice | jq .provider_data\n"
        "  av-call -p avtr1 quota | jq .provider_data\n",
};

struct call_tool {
	struct session session;
	struct operate operate;
	const char *name; /* of the operation */
};

static void
done(struct operate *operate, struct item *item, struct account *a,
    const struct operation *op, const struct call_result *result)
{
	(void)a;
	if (result->failure != NULL) {
		session_fail(operate->session, item, result->failure);
		return;
	}
	object_put_findings(item->rec, result->findings);
	json_object_object_del(result->taken, "findings");
	object_put(item->rec, op, result->taken, result->body);
	if (result->reused)
		json_object_object_add(rec_edit(item->rec, target_described(op)),
		    "reused", json_object_new_boolean(1));
	run_done(item);
}

static const struct operation *
find(const struct provider *p, const char *name, struct err *e)
{
	const struct operation *op = provider_operation(p, name);
	struct similar similar = {.word = name};
	const char *program = op != NULL ? reach_program(p, op) : "";

	for (size_t i = 0; op == NULL && i < p->n_operations; i++)
		similar_try(&similar, p->operations[i].name);
	if (op == NULL)
		err_set(e, CODE_NOT_OFFERED,
		    "%s has no operation '%s'%s; av-provider operations %s lists them",
		    p->title, name, similar.hint, p->name);
	else if (strcmp(program, "av-call") != 0)
		err_set(e, CODE_NOT_OFFERED, "'%s' of %s is for %s; see %s --help", name,
		    p->title, program, program);
	return strcmp(program, "av-call") == 0 ? op : NULL;
}

static void
begin(void *arg, struct item *item)
{
	struct call_tool *self = arg;
	struct account *a = session_account(&self->session, item);
	const struct operation *op;
	struct err e;

	if (a == NULL)
		return;
	op = find(a->provider, self->name, &e);
	if (op != NULL) {
		operate_start(&self->operate, item, a, op);
		return;
	}
	self->session.dry_run.refused++;
	run_fail(item, &e);
}

static bool
settled(void *arg, struct rec *rec)
{
	struct call_tool *self = arg;

	return session_settled(&self->session, rec);
}

int
main(int argc, char *argv[])
{
	static const struct run_step step = {.name = "call",
	    .doing = "being sent",
	    .input = INPUT_AVATARS,
	    .settled = settled,
	    .begin = begin};
	struct options o = {0};
	struct call_tool self = {0};
	int first = opt_parse(argc, argv, &usage, table, &o), status;
	char **operands = argv + first;

	opt_common_finish(&o.common, &usage, argv, first);
	if (o.common.timeout_ms == 0)
		o.common.timeout_ms = TIMEOUT_MS;
	if (operands[0] == NULL)
		opt_misuse(&usage, "name an operation; see av-provider operations");
	self.name = *operands++;
	self.operate = (struct operate){.session = &self.session,
	    .given = &o.given,
	    .dry_run = o.dry_run,
	    .done = done};
	session_open(&self.session, &o.common, &usage,
	    &(struct session_options){.window = 2 * (size_t)o.common.jobs,
	        .ledger = true,
	        .ledger_file = o.ledger,
	        .again = o.again,
	        .dry_run = o.dry_run},
	    &step, &self);
	status = run_records(self.session.run,
	    operate_operands_of(&self.session, &usage, find, self.name, operands));
	session_close(&self.session, status);
	strings_release(&o.given);
	run_exit(status);
}
