/* Compares a service's answers with its description. */
#include <stdio.h>
#include <sysexits.h>

#include "doctor.h"
#include "service/against.h"
#include "json/json.h"

struct answers {
	const char *provider;
	struct report *report;
};

static void
report_one(void *arg, const struct against *one)
{
	static const char *const results[] = {"ok", "differs", "not tried"};
	const struct answers *self = arg;
	struct json_object *o;
	struct buf text = {0};
	char name[128];

	if (self->report->json) {
		o = json_new_object();
		json_put_str(o, "operation", one->op->name);
		json_put_str(o, "request", one->request);
		json_put_str(o, "result", results[one->result]);
		json_put(o, "differences",
		    json_len(one->differences) > 0 ? json_object_get(one->differences)
		                                   : NULL);
		json_put_str(
		    o, one->result == AGAINST_NOT_TRIED ? "why" : "compared", one->seen);
		report_json(o);
	} else {
		buf_printf(&text, "%s%s",
		    one->result == AGAINST_NOT_TRIED ? "not tried: " : "", one->seen);
		for (size_t i = 0; i < json_len(one->differences); i++)
			buf_printf(&text, "; %s", json_item_str(one->differences, i));
		snprintf(name, sizeof name, "%s.%s", self->provider, one->op->name);
		report_add(self->report,
		    one->result == AGAINST_DIFFERS ? VERDICT_FAIL
		    : one->code != CODE_NONE       ? VERDICT_WARN
		                                   : VERDICT_OK,
		    name, NULL, "%s", text.data);
		buf_release(&text);
	}
	if (one->result == AGAINST_DIFFERS)
		report_status(self->report, EX_DATAERR);
	else if (one->code != CODE_NONE)
		report_status(self->report,
		    code_exit_status(one->code, code_info(one->code)->retryable));
}

void
check_answers(const struct doctor *d, struct report *r)
{
	const struct opt_common *common = &d->common;
	const struct account_options options = {
	    .url = common->url, .url_for = common->provider};
	struct answers self = {.report = r};
	struct err e;

	for (size_t i = 0; i < common->providers.n; i++) {
		self.provider = common->providers.v[i];
		if (against_service(self.provider, &options, report_one, &self, &e) < 0)
			report_fail(r, self.provider, "av-provider list", &e);
	}
}
