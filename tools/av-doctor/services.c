#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "doctor.h"
#include "provider/load.h"
#include "service/probe.h"
#include "json/json.h"

enum { FACTS_OLD_DAYS = 90 };

static void PRINTF(6, 7) say_row(struct services *s, enum verdict verdict,
    const struct service *one, const char *check, const char *fix, const char *fmt, ...)
{
	char *name = mem_printf("%s.%s", one->provider->name, check), text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	report_add(s->report, verdict, name, fix, "%s", text);
	free(name);
}

static void
fail_row(struct services *s, const char *provider, const char *check, const char *fix,
    const struct err *e)
{
	char *name = mem_printf("%s.%s", provider, check);

	report_fail(s->report, name, fix, e);
	free(name);
}

static bool
is_configured(const struct service *one)
{
	static const char *const variables[] = {
	    "API_URL", "ACCOUNT", "RATE", "EXCLUSIVE"};

	for (int i = 0; i < CRED_COUNT; i++)
		if (one->creds.value[i] != NULL)
			return true;
	for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
		if (provider_env(one->provider, variables[i]) != NULL)
			return true;
	return provider_config(one->provider, "account") != NULL;
}

static void
release(struct service *one)
{
	if (one->creds_err.code == CODE_NONE)
		creds_release(&one->creds);
	auth_release(&one->auth);
	provider_free(one->provider);
	free(one->key);
}

/* Adds a provider, once. wanted: also if nothing is configured for it. */
static void
add(struct services *s, const char *name, bool wanted)
{
	struct service one = {0};
	struct creds_from from = {.fd = -1};
	struct err e;

	one.provider = provider_load(name, &e);
	if (one.provider == NULL) {
		fail_row(s, name, "description",
		    e.code == CODE_UNKNOWN_PROVIDER ? "av-provider list"
		                                    : "av-provider check FILE",
		    &e);
		return;
	}
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->list[i].provider->name, one.provider->name) == 0) {
			provider_free(one.provider);
			return;
		}
	auth_init(&one.auth, json_at(one.provider->def, "/auth"));
	from.oauth = one.auth.kind == AUTH_OAUTH;
	from.aliases = json_at(one.provider->def, "/aliases");
	if (creds_load(&one.creds, one.provider->name, &from, &one.creds_err) == 0)
		auth_choose(&one.auth, &one.creds);
	/* What is wrong with the file that all read is no reason to list all. */
	if (!wanted &&
	    (one.creds_err.code == CODE_NONE
	            ? !is_configured(&one)
	            : strcmp(one.creds_err.message, s->file_err.message) == 0)) {
		release(&one);
		return;
	}
	s->list = mem_resize(s->list, (s->n + 1) * sizeof *s->list);
	s->list[s->n++] = one;
}

static void
add_configured(void *arg, const char *name)
{
	add(arg, name, false);
}

/* What is set, and where the values are from: "A, B from the environment, C from ...". */
static char *
name_credentials(const struct creds *c)
{
	struct buf b = {0};

	for (int i = 0; i < CRED_COUNT; i++) {
		int next = i + 1;

		if (c->value[i] == NULL)
			continue;
		while (next < CRED_COUNT && c->value[next] == NULL)
			next++;
		buf_printf(&b, "%s%s", b.len > 0 ? ", " : "", c->used[i]);
		if (next == CRED_COUNT || strcmp(c->place[i], c->place[next]) != 0)
			buf_printf(&b, " from %s", c->place[i]);
	}
	return buf_take(&b);
}

/* Looks whether there is a token, or all that is needed to get one. */
static void
look_for_token(struct service *one)
{
	const struct token_want want = {
	    .auth = &one->auth, .creds = &one->creds, .min_valid = TOKEN_MIN_VALID};
	char *set, validity[64] = "";
	int64_t left = -1;
	int r = token_look(&want, &left, &one->key_err);

	if (r < 0)
		return;
	set = name_credentials(&one->creds);
	if (r == 1 && left >= 0)
		snprintf(validity, sizeof validity,
		    ", valid for %" PRId64 " more minutes", left / 60);
	one->key = mem_printf("%s; %s%s", set,
	    r == 1 ? "a token is stored" : "no token is stored", validity);
	free(set);
}

static void
look_for_key(struct service *one)
{
	bool oauth = one->auth.kind == AUTH_OAUTH;
	enum cred which = oauth ? CRED_ACCESS_TOKEN : one->auth.cred;

	if (one->creds_err.code != CODE_NONE)
		one->key_err = one->creds_err;
	else if (one->creds.value[which] != NULL)
		one->key = name_credentials(&one->creds);
	else if (oauth)
		look_for_token(one);
	else
		err_set(&one->key_err, CODE_NO_CREDENTIALS, "%s is not set",
		    one->creds.name[which]);
}

char *
service_fix_key(const struct service *one)
{
	const struct err *e = &one->creds_err;

	/* The message names the variable that names a file with a secret. */
	for (char **v = environ; e->code != CODE_NONE && *v != NULL; v++) {
		char *name = mem_strn(*v, strcspn(*v, "=")), *fix = NULL;
		size_t len = strlen(name);

		if (len > 5 && strcmp(name + len - 5, "_FILE") == 0 &&
		    strstr(e->message, name) != NULL)
			fix = e->code == CODE_UNSAFE_SECRET
			          ? mem_printf("chmod 600 \"$%s\"", name)
			          : mem_printf("ls -l \"$%s\" || unset %s", name, name);
		free(name);
		if (fix != NULL)
			return fix;
	}
	return e->code == CODE_NONE
	           ? mem_printf("av-token --login %s", one->provider->name)
	           : mem_str("env | grep -o '^[A-Z0-9_]*_FILE='");
}

static void
report_key(struct services *s, const struct service *one)
{
	char *fix = service_fix_key(one);

	if (one->key != NULL)
		say_row(s, VERDICT_OK, one, "key", NULL, "%s", one->key);
	else
		fail_row(s, one->provider->name, "key", fix, &one->key_err);
	free(fix);
}

/* Tells how long ago the description was compared with its sources. */
static void
report_facts(struct services *s, const struct service *one)
{
	const struct provider *p = one->provider;
	const char *checked = json_str(p->def, "/checked");
	char *time = mem_printf("%sT00:00:00Z", checked), *fix;
	int64_t ms, days;
	bool zoned;

	if (clock_read(time, &ms, &zoned)) {
		days = (clock_unix_ms() - ms) / 86400000;
		fix =
		    p->file != NULL
		        ? mem_printf("av-provider show %s | jq -r '.sources[]'", p->name)
		        : mem_str("install the newest avtools");
		if (days < 0)
			say_row(s, VERDICT_WARN, one, "facts", "date",
			    "the description was checked on %s, which is in the future by "
			    "this machine's clock",
			    checked);
		else
			say_row(s, days > FACTS_OLD_DAYS ? VERDICT_WARN : VERDICT_OK, one,
			    "facts", days > FACTS_OLD_DAYS ? fix : NULL,
			    "the description was checked on %s, %" PRId64 " days ago",
			    checked, days);
		free(fix);
	}
	free(time);
	if (p->max_avatars > 0)
		say_row(s, VERDICT_OK, one, "avatars", NULL,
		    "an account holds at most %" PRId64 " avatars", p->max_avatars);
	if (json_str(p->def, "/experimental") != NULL ||
	    json_flag(p->def, "/experimental", false))
		say_row(s, VERDICT_WARN, one, "experimental", "av-upload --max-creates 1",
		    "the sources of the description leave parts open: try it with one photo "
		    "first");
}

static void
report_url(struct services *s, const struct service *one, const struct probe *probe)
{
	char *by = probe->url_from == CONFIG_ENVIRONMENT
	               ? provider_env_name(one->provider, "API_URL")
	               : mem_str("-u");

	if (probe->base_url != NULL)
		say_row(s, VERDICT_OK, one, "url", NULL, "%s, %s%s; account '%s'",
		    probe->base_url,
		    probe->url_from != CONFIG_BUILT_IN ? "by " : "of the description",
		    probe->url_from != CONFIG_BUILT_IN ? by : "", probe->label);
	else
		fail_row(
		    s, one->provider->name, "url", "av-doctor --config", &probe->err);
	free(by);
}

/* What to type about a request that failed. The caller frees it. */
static char *
fix_for(const struct service *one, const struct probe *probe)
{
	const char *name = one->provider->name;

	switch (probe->err.code) {
	case CODE_UNAUTHORIZED:
		if (one->auth.kind != AUTH_OAUTH)
			return creds_replace_by(&one->creds, one->auth.cred);
		return one->creds.value[CRED_ACCESS_TOKEN] != NULL
		           ? creds_replace_by(&one->creds, CRED_ACCESS_TOKEN)
		           : mem_printf("av-token --login %s", name);
	case CODE_ACCOUNT_BLOCKED:
	case CODE_TOKEN_REFUSED:
	case CODE_NO_CREDENTIALS:
		return mem_printf("av-token --login %s", name);
	case CODE_UNTRUSTED:
		return mem_str(
		    "export CURL_CA_BUNDLE=/the/certificate/of/its/authority.pem");
	case CODE_NOT_OFFERED:
		return mem_printf("av-provider show %s", name);
	case CODE_RATE_LIMITED:
		return mem_printf("wait until then, and: av-doctor -p %s", name);
	case CODE_REFUSED:
	case CODE_REDIRECTED:
		return mem_printf("av-doctor --config -p %s", name);
	default:
		return mem_printf("curl -sS -o /dev/null '%s'", probe->base_url);
	}
}

static void
report_answer(struct services *s, const struct service *one, const struct probe *probe)
{
	char *fix = fix_for(one, probe);

	if (probe->err.code == CODE_NONE)
		say_row(s, VERDICT_OK, one, "service", NULL,
		    "accepts the credentials (%s)", probe->asked);
	else if (probe->err.code == CODE_NOT_OFFERED ||
	         probe->err.code == CODE_RATE_LIMITED)
		say_row(s, VERDICT_WARN, one, "service", fix, "%s", probe->err.message);
	else
		fail_row(s, one->provider->name, "service", fix, &probe->err);
	if (probe->quota != NULL)
		say_row(s, VERDICT_OK, one, "quota", NULL, "%s", probe->quota);
	free(fix);
}

/* Asks the services whose credentials are there, and reports on each. */
static void
ask(struct services *s)
{
	const struct opt_common *common = &s->doctor->common;
	const struct account_options options = {
	    .url = common->url, .url_for = common->provider};
	struct probe *probes = mem_new(s->n, sizeof *probes);
	int64_t worst = 0;
	bool known = false;

	for (size_t i = 0; i < s->n; i++) {
		look_for_key(&s->list[i]);
		probes[i].provider = s->list[i].provider->name;
		probes[i].offline = s->doctor->offline || s->list[i].key == NULL;
	}
	probe_all(probes, s->n, &options);
	for (size_t i = 0; i < s->n; i++) {
		struct probe *probe = &probes[i];

		report_facts(s, &s->list[i]);
		report_key(s, &s->list[i]);
		report_url(s, &s->list[i], probe);
		if (!probe->offline && probe->base_url != NULL)
			report_answer(s, &s->list[i], probe);
		known = known || probe->clock_known;
		if (probe->clock_known && llabs(probe->clock_offset) > llabs(worst))
			worst = probe->clock_offset;
		probe_release(probe);
	}
	free(probes);
	check_clock(s->report, known, worst);
}

void
services_collect(struct services *s, const struct doctor *d, struct report *r)
{
	struct creds c;

	*s = (struct services){.doctor = d, .report = r};
	if (creds_load(&c, "none", NULL, &s->file_err) == 0)
		creds_release(&c);
	for (size_t i = 0; i < d->common.providers.n; i++)
		add(s, d->common.providers.v[i], true);
	if (d->provider == NULL)
		provider_each(add_configured, s);
}

void
services_release(struct services *s)
{
	for (size_t i = 0; i < s->n; i++)
		release(&s->list[i]);
	free(s->list);
}

/* Reports on the file that all providers read. */
static void
report_file(const struct services *s)
{
	char *path = creds_file(), *fix;

	if (s->file_err.code != CODE_NONE) {
		fix = mem_printf(s->file_err.code == CODE_UNSAFE_SECRET
		                     ? "chmod 600 '%s'"
		                     : "${EDITOR:-vi} '%s'",
		    path);
		report_fail(s->report, "credentials", fix, &s->file_err);
		free(fix);
	} else if (path == NULL || access(path, F_OK) != 0) {
		report_add(
		    s->report, VERDICT_OK, "credentials", NULL, "there is no file");
	} else {
		report_add(s->report, VERDICT_OK, "credentials", NULL, "%s", path);
	}
	free(path);
}

void
check_services(const struct doctor *d, struct report *r)
{
	struct services s;
	struct err e;

	services_collect(&s, d, r);
	report_file(&s);
	if (s.n == 0 && d->common.providers.n == 0 && s.file_err.code == CODE_NONE) {
		err_set(&e, CODE_NO_CREDENTIALS, "no service has a key");
		report_fail(r, "key", "av-token --login NAME", &e);
	}
	ask(&s);
	services_release(&s);
}
