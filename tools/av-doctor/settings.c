#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "base/file.h"
#include "base/mem.h"
#include "doctor.h"
#include "http/environment.h"
#include "ledger/ledger.h"
#include "service/probe.h"
#include "json/json.h"

static const char *const words[] = {[CONFIG_OPTION] = "option",
    [CONFIG_ENVIRONMENT] = "environment",
    [CONFIG_FILE] = "file",
    [CONFIG_BUILT_IN] = "default"};

/* A setting, and the places that it may come from. */
struct setting {
	const char *name, *value;
	enum config_source source;
	const char *option, *variable, *key; /* "-p", "AV_PROVIDER", "provider" */
};

static void
show(const struct report *r, const struct setting *s)
{
	char *file = config_file(), *place = NULL;

	if (s->source == CONFIG_FILE)
		place = mem_printf("%s, line %zu", file, config_line(s->key));
	else if (s->source != CONFIG_BUILT_IN)
		place = mem_str(s->source == CONFIG_OPTION ? s->option : s->variable);
	report_setting(r, s->name, s->value, words[s->source], place);
	free(place);
	free(file);
}

/* The settings of all programs. */
static void
show_common(const struct doctor *d, const struct report *r)
{
	char jobs[24] = "", *state = file_state_dir(), *ledger;
	struct setting s = {.name = "provider",
	    .option = "-p",
	    .variable = "AV_PROVIDER",
	    .key = "provider"};

	s.value = config_choose(d->provider, getenv("AV_PROVIDER"),
	    config_get("provider"), "none", &s.source);
	show(r, &s);
	if (d->jobs > 0)
		snprintf(jobs, sizeof jobs, "%" PRId64, d->jobs);
	s = (struct setting){.name = "jobs", .option = "-j", .key = "jobs"};
	s.value = config_choose(jobs, NULL, config_get("jobs"), "4", &s.source);
	show(r, &s);
	ledger = mem_printf("%s/ledger.db", state != NULL ? state : "");
	s = (struct setting){.name = "ledger",
	    .option = "--ledger",
	    .variable = "AV_LEDGER",
	    .key = "ledger"};
	s.value = ledger_choose(d->ledger, &s.source);
	if (s.value == NULL)
		s.value = ledger;
	show(r, &s);
	free(ledger);
	free(state);
}

/* A directory or file whose place a variable sets. */
static void
show_path(const struct report *r, const char *name, char *path, const char *variable)
{
	const char *value = getenv(variable);
	bool set = value != NULL && value[0] == '/';

	report_setting(r, name, path != NULL ? path : "none",
	    words[set ? CONFIG_ENVIRONMENT : CONFIG_BUILT_IN], set ? variable : NULL);
	free(path);
}

static void
show_connection(const struct report *r)
{
	const char *proxy = environment_proxy(), *variable;
	const char *file = environment_authorities(&variable);
	char *shown = environment_proxy_shown();

	report_setting(r, "proxy", shown != NULL ? shown : "none",
	    words[proxy != NULL ? CONFIG_ENVIRONMENT : CONFIG_BUILT_IN], proxy);
	report_setting(r, "certificates", file != NULL ? file : "the library's own",
	    words[variable != NULL ? CONFIG_ENVIRONMENT : CONFIG_BUILT_IN], variable);
	free(shown);
}

/* A setting of one provider; its key in the file is NAME.account, or account for all. */
static void
show_of(const struct report *r, const struct service *one, const char *name,
    const char *suffix, const char *value, enum config_source source)
{
	char *setting = mem_printf("%s.%s", one->provider->name, name);
	char *variable = provider_env_name(one->provider, suffix);
	struct setting s = {.name = setting,
	    .value = value,
	    .source = source,
	    .option = "-u",
	    .variable = variable,
	    .key = config_line(setting) > 0 ? setting : name};

	show(r, &s);
	free(variable);
	free(setting);
}

static void
show_service(const struct report *r, const struct service *one, const struct probe *probe)
{
	static const char *const more[][2] = {
	    {"rate", "RATE"}, {"exclusive", "EXCLUSIVE"}};
	const char *value;
	char *name;

	if (probe->base_url != NULL) {
		show_of(r, one, "url", "API_URL", probe->base_url, probe->url_from);
		show_of(r, one, "account", "ACCOUNT", probe->label, probe->label_from);
	}
	for (size_t i = 0; i < sizeof more / sizeof *more; i++)
		if ((value = provider_env(one->provider, more[i][1])) != NULL)
			show_of(
			    r, one, more[i][0], more[i][1], value, CONFIG_ENVIRONMENT);
	for (int i = 0; i < CRED_COUNT; i++) {
		bool open = i == CRED_TOKEN_URL || i == CRED_SCOPE;

		if (one->creds.value[i] == NULL)
			continue;
		name = mem_printf("%s.%s", one->provider->name, one->creds.used[i]);
		report_setting(r, name, open ? one->creds.value[i] : "set",
		    words[one->creds.source[i] == CRED_FROM_ENVIRONMENT
		              ? CONFIG_ENVIRONMENT
		              : CONFIG_FILE],
		    one->creds.source[i] == CRED_FROM_ENVIRONMENT ? one->creds.used[i]
		                                                  : one->creds.place[i]);
		free(name);
	}
}

void
show_settings(const struct doctor *d, struct report *r)
{
	const struct account_options options = {
	    .url = d->common.url, .url_for = d->common.provider};
	struct services s;
	struct probe *probes;

	services_collect(&s, d, r);
	show_common(d, r);
	show_path(r, "config_file", config_file(), "XDG_CONFIG_HOME");
	show_path(r, "credentials_file", creds_file(), "XDG_CONFIG_HOME");
	show_path(r, "state_dir", file_state_dir(), "XDG_STATE_HOME");
	show_connection(r);
	probes = mem_new(s.n, sizeof *probes);
	for (size_t i = 0; i < s.n; i++)
		probes[i] =
		    (struct probe){.provider = s.list[i].provider->name, .offline = true};
	probe_all(probes, s.n, &options);
	for (size_t i = 0; i < s.n; i++) {
		if (s.list[i].creds_err.code != CODE_NONE) {
			char *fix = service_fix_key(&s.list[i]);

			report_fail(
			    r, s.list[i].provider->name, fix, &s.list[i].creds_err);
			free(fix);
		} else {
			show_service(r, &s.list[i], &probes[i]);
		}
		probe_release(&probes[i]);
	}
	free(probes);
	services_release(&s);
}
